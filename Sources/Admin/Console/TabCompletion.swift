// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What Tab does to a line, once it is known what could stand at its end.
package enum TabCompletion: Sendable, Equatable {
  /// Nothing fits.
  case nothing
  /// So many characters in front of the cursor go, and this comes.
  case replace(characters: Int, with: String)
  /// Several fit, and what they have in common is typed already.
  case choose([CandidateReply])

  /// `typed` is what a candidate takes the place of; all of them begin with it, in this case or another.
  package init(_ candidates: [CandidateReply], for typed: String) {
    guard let first = candidates.first else {
      self = .nothing
      return
    }
    if candidates.count == 1 {
      self = .change(typed, to: TypedLine.quoted(first.text) + (first.isWhole ? " " : ""))
      return
    }
    let common = candidates.dropFirst().reduce(first.text) { common, candidate in
      String(zip(common, candidate.text).prefix { $0 == $1 }.map(\.0))
    }
    // A beginning that would need quotes is left to be typed: they would have to stay open.
    let isMore = common.count > typed.count && TypedLine.quoted(common) == common
    self = isMore ? .change(typed, to: common) : .choose(candidates)
  }

  /// What is typed stays if it is the beginning: the cursor does not jump.
  private static func change(_ typed: String, to text: String) -> TabCompletion {
    if text.hasPrefix(typed) { return .replace(characters: 0, with: String(text.dropFirst(typed.count))) }
    return .replace(characters: typed.unicodeScalars.count, with: text)
  }
}
