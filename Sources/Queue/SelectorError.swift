// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Why a text is no selector. Always the admin's to mend; `term` is as typed.
package enum SelectorError: Error, Sendable, Equatable, CustomStringConvertible {
  case empty
  case tooManyConditions
  case unknownKey(String, term: String)
  /// Of a later version of the program.
  case laterKey(String, term: String)
  case unknownState(String, term: String)
  /// A bare word, or the value of `id:`, that cannot be the beginning of an id.
  case notAnID(String, term: String)
  case idTooShort(String)
  case badValue(term: String, expected: String)

  package var description: String {
    switch self {
    case .empty: "a selector has at least one term"
    case .tooManyConditions: "a selector has at most \(Selector.conditionsMax) conditions"
    case .unknownKey(let key, let term): "'\(term)': there is no '\(key):'"
    case .laterKey(let key, let term): "'\(term)': '\(key):' is not in this version"
    case .unknownState(let state, let term): "'\(term)': there is no state '\(state)'"
    case .notAnID(let text, let term):
      term == text ? "'\(term)' is neither an id nor a term" : "'\(term)': '\(text)' is no id"
    case .idTooShort(let text): "'\(text)' is too short for an id (need \(Selector.idPrefixCharactersMin) characters)"
    case .badValue(let term, let expected): "'\(term)' needs \(expected)"
    }
  }

  /// The word that is wrong and those that would be right, where there is a list of them: for who suggests the nearest.
  package var choice: (seen: String, accepted: [String])? {
    switch self {
    case .unknownKey(let key, _): (key, Selector.Key.allCases.map(\.rawValue))
    case .unknownState(let state, _): (state, Selector.states)
    case .empty, .tooManyConditions, .laterKey, .notAnID, .idTooShort, .badValue: nil
    }
  }

  /// Terms that the word may have been meant as.
  package var suggestions: [String] {
    guard case .notAnID(let text, let term) = self, term == text else { return [] }
    if Selector.states.contains(text.lowercased()) { return ["state:\(text.lowercased())"] }
    return text.contains("@") ? ["from:\(text)", "to:\(text)"] : ["user:\(text)", "client:\(text)"]
  }
}
