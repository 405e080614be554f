// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Which messages a command means: `to:@example.org,@example.net age:>2h -user:nas`. All terms must match; commas inside a
/// term mean or; a hyphen before a term means not.
///
/// A value, made from what the admin typed and matched against views of the queue. It looks nothing up: whether the
/// beginning of an id is ambiguous is for the caller, who asks the queue about `idPrefixes`, and so is reading a
/// message's origin back, which happens only where nothing else can decide.
package struct Selector: Sendable, Equatable {
  /// What the parser takes before it calls a text no selector; each message is held against every condition.
  package static let conditionsMax = 256
  package static let idPrefixCharactersMin = 4

  private var terms: [Term] = []

  private struct Term: Sendable, Equatable {
    var isNegated: Bool
    var alternatives: [Condition]
  }

  private enum Condition: Sendable, Equatable {
    case id(prefix: String)
    case sender(AddressPattern)
    case recipient(AddressPattern)
    case user(TextPattern)
    case client(TextPattern)
    case state(MessageState)
    case tries(Comparison)
    /// Milliseconds.
    case age(Comparison)
    case next(Comparison)
    /// Octets.
    case size(Comparison)
  }

  /// Reads terms that are separated by spaces; at least one.
  package init(_ text: String) throws(SelectorError) {
    var conditions = 0
    for word in text.split(separator: " ") {
      let term = try Self.term(String(word))
      conditions += term.alternatives.count
      guard conditions <= Self.conditionsMax else { throw .tooManyConditions }
      terms.append(term)
    }
    guard !terms.isEmpty else { throw .empty }
  }

  /// Beginnings of ids that stand for one message each.
  package var idPrefixes: [String] {
    terms.flatMap(\.alternatives).compactMap { if case .id(let prefix) = $0 { prefix } else { nil } }
  }

  /// Puts the id that a beginning stands for into its place, so that a message that comes later cannot be meant.
  package mutating func replace(idPrefix: String, with id: String) {
    for term in terms.indices {
      for place in terms[term].alternatives.indices where terms[term].alternatives[place] == .id(prefix: idPrefix) {
        terms[term].alternatives[place] = .id(prefix: id)
      }
    }
  }

  /// `now` is wall time in milliseconds, like the times of the view. `origin` is called at most once, and only for a
  /// message that fulfils all terms that the view can answer; nil means that the message is gone.
  package func matches(_ message: MessageView, now: Int64, origin: () -> Origin?) -> Bool {
    var isOpen = false
    for term in terms {
      switch Self.answer(term, for: message, from: nil, now: now) {
      case false?: return false
      case true?: break
      case nil: isOpen = true
      }
    }
    guard isOpen else { return true }
    guard let origin = origin() else { return false }
    return terms.allSatisfy { Self.answer($0, for: message, from: origin, now: now) == true }
  }

  /// Whether a term is fulfilled; nil if it takes the origin to know.
  private static func answer(
    _ term: Term, for message: MessageView, from origin: Origin?, now: Int64
  ) -> Bool? {
    let answers = term.alternatives.map { holds($0, for: message, from: origin, now: now) }
    if answers.contains(true) { return !term.isNegated }
    return answers.contains(nil) ? nil : term.isNegated
  }

  private static func holds(
    _ condition: Condition, for message: MessageView, from origin: Origin?, now: Int64
  ) -> Bool? {
    switch condition {
    case .id(let prefix): message.id.description.hasPrefix(prefix)
    case .sender(let pattern): pattern.matches(message.sender)
    case .recipient(let pattern): message.recipients.contains { pattern.matches($0.address) }
    case .user(let pattern):
      // A login is the submitter, so that another submitter is no such login.
      pattern.matches(message.submitter) ? origin.map { $0.login != nil } : false
    case .client(let pattern):
      origin.map { pattern.matches($0.address) || $0.client.map(pattern.matches) ?? false }
    // A message of many recipients is in as many states.
    case .state(let state):
      message.state == state || message.recipients.contains { $0.state.name == state.name }
    case .tries(let comparison): comparison.holds(Int64(message.attempts))
    case .age(let comparison): comparison.holds(now - message.received)
    case .next(let comparison): message.nextAttempt.map { comparison.holds($0 - now) } ?? false
    case .size(let comparison): comparison.holds(Int64(message.size))
    }
  }

  // MARK: Terms

  /// What may stand before the colon.
  enum Key: String, CaseIterable {
    case id, from, to, user, client, state, tries, age, next, size
  }

  private static func term(_ word: String) throws(SelectorError) -> Term {
    let isNegated = word.hasPrefix("-")
    let body = isNegated ? word.dropFirst() : word[...]
    guard let colon = body.firstIndex(of: ":") else {
      return Term(isNegated: isNegated, alternatives: try conditions(in: body, term: word, id))
    }
    let name = String(body[..<colon])
    guard let key = Key(rawValue: name) else { throw .unknownKey(name, term: word) }
    let values = body[body.index(after: colon)...]
    return Term(
      isNegated: isNegated,
      alternatives: try conditions(in: values, term: word) { value, term throws(SelectorError) in
        try condition(key, value, term: term)
      })
  }

  private static func conditions(
    in values: Substring, term: String, _ make: (_ value: String, _ term: String) throws(SelectorError) -> Condition
  ) throws(SelectorError) -> [Condition] {
    var conditions: [Condition] = []
    for value in values.split(separator: ",", omittingEmptySubsequences: false) {
      guard !value.isEmpty else { throw .badValue(term: term, expected: "a value, and one behind each comma") }
      conditions.append(try make(String(value), term))
    }
    return conditions
  }

  private static func condition(_ key: Key, _ value: String, term: String) throws(SelectorError) -> Condition {
    switch key {
    case .id: return try id(value, term)
    case .from: return .sender(try AddressPattern(value, term: term))
    case .to: return .recipient(try AddressPattern(value, term: term))
    case .user: return .user(TextPattern(value))
    case .client: return .client(TextPattern(value))
    case .state:
      guard let state = MessageState(name: value) else { throw .unknownState(value, term: term) }
      return .state(state)
    case .tries:
      return .tries(try Comparison(value, unit: .count, term: term, expected: "a number, as tries:3 or tries:>3"))
    case .age: return .age(try Comparison(value, unit: .time, term: term, expected: "a time, as age:>2h or age:<30m"))
    case .next:
      return .next(try Comparison(value, unit: .time, term: term, expected: "a time, as next:<10m or next:>2h"))
    case .size:
      return .size(try Comparison(value, unit: .octets, term: term, expected: "a size, as size:>5M or size:<10K"))
    }
  }

  /// Four characters or more, in the form in which ids are written.
  private static func id(_ value: String, _ term: String) throws(SelectorError) -> Condition {
    guard let prefix = MessageID.canonical(value), prefix.utf8.count <= MessageID.characters else {
      throw .notAnID(value, term: term)
    }
    guard prefix.utf8.count >= idPrefixCharactersMin else { throw .idTooShort(value) }
    return .id(prefix: prefix)
  }
}
