// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Which messages a command means: `to:@example.org,@example.net age:>2h -user:nas`. All terms must match; commas inside a
/// term mean or; a hyphen before a term means not.
///
/// A value, made from what the admin typed and matched against views of the queue. It looks nothing up: whether the
/// beginning of an id is ambiguous is for the caller, who asks the queue about `idPrefixes`, and so is reading a
/// message's details back, which happens only where nothing else can decide. What the queue does not know (networks,
/// the name of the upstream) the caller brings as `Surroundings`.
package struct Selector: Sendable, Equatable {
  /// What the parser takes before it calls a text no selector; each message is held against every condition.
  package static let conditionsMax = 256
  package static let idPrefixCharactersMin = 4

  private(set) var terms: [Term] = []

  struct Term: Sendable, Equatable {
    var isNegated: Bool
    var alternatives: [Condition]
  }

  enum Condition: Sendable, Equatable {
    case id(prefix: String)
    case sender(AddressPattern)
    case recipient(AddressPattern)
    case user(TextPattern)
    case client(TextPattern)
    /// A network, as `10.0.0.0/8`.
    case network(String)
    case upstream(TextPattern)
    case reason(TextPattern)
    /// A reply code or an enhanced status code.
    case code(TextPattern)
    /// Of mail that waits, of mail that is finished, or both by one name.
    case state(MessageState?, FinishedState?)
    case tries(Comparison)
    /// Milliseconds.
    case age(Comparison)
    case next(Comparison)
    /// Octets.
    case size(Comparison)
  }

  /// What is known outside of the queue.
  package struct Surroundings {
    /// Those that may get mail of a lane, by its number.
    package var upstreams: (UInt8) -> [String]
    /// Whether the address, the second, lies in the network.
    package var contains: (_ network: String, _ address: String) -> Bool

    package init(
      upstreams: @escaping (UInt8) -> [String] = { _ in [] },
      contains: @escaping (_ network: String, _ address: String) -> Bool = { _, _ in false }
    ) {
      self.upstreams = upstreams
      self.contains = contains
    }
  }

  /// Reads terms that are separated by spaces; at least one. `isNetwork` says whether `client:` with a slash in it is
  /// well formed.
  package init(_ text: String, isNetwork: (String) -> Bool = { _ in true }) throws(SelectorError) {
    var conditions = 0
    for word in text.split(separator: " ") {
      let term = try Self.term(String(word))
      for case .network(let network) in term.alternatives where !isNetwork(network) {
        throw .badValue(term: String(word), expected: "an address, a name, or a network as client:192.168.1.0/24")
      }
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

  /// Whether it can mean dropped mail, which is not in the queue: only who says so, or names the message, means that.
  package var namesDropped: Bool {
    terms.contains { term in
      !term.isNegated
        && term.alternatives.contains { condition in
          if case .id = condition { return true }
          if case .state(.dropped, _) = condition { return true }
          return false
        }
    }
  }

  /// Puts the id that a beginning stands for into its place, so that a message that comes later cannot be meant.
  package mutating func replace(idPrefix: String, with id: String) {
    for term in terms.indices {
      for place in terms[term].alternatives.indices where terms[term].alternatives[place] == .id(prefix: idPrefix) {
        terms[term].alternatives[place] = .id(prefix: id)
      }
    }
  }

  /// `now` is wall time in milliseconds, like the times of the view. `details` is called at most once, and only for a
  /// message that fulfils all terms that the view can answer; nil means that the message is gone.
  package func matches(
    _ message: MessageView, now: Int64, in surroundings: Surroundings = Surroundings(),
    details: () -> MessageDetails?
  ) -> Bool {
    if message.state == .dropped, !namesDropped { return false }
    var isOpen = false
    var question = Question(message: message, details: nil, now: now, surroundings: surroundings)
    for term in terms {
      switch question.answer(term) {
      case false?: return false
      case true?: break
      case nil: isOpen = true
      }
    }
    guard isOpen else { return true }
    question.details = details()
    guard question.details != nil else { return false }
    return terms.allSatisfy { question.answer($0) == true }
  }

  /// One message, held against conditions.
  private struct Question {
    let message: MessageView
    var details: MessageDetails?
    let now: Int64
    let surroundings: Surroundings

    /// Whether a term is fulfilled; nil if it takes the details to know.
    func answer(_ term: Term) -> Bool? {
      let answers = term.alternatives.map(holds)
      if answers.contains(true) { return !term.isNegated }
      return answers.contains(nil) ? nil : term.isNegated
    }

    private func holds(_ condition: Condition) -> Bool? {
      switch condition {
      case .id(let prefix): message.id.description.hasPrefix(prefix)
      case .sender(let pattern): pattern.matches(message.sender)
      case .recipient(let pattern): message.recipients.contains { pattern.matches($0.address) }
      case .user(let pattern):
        // A login is the submitter, so that another submitter is no such login.
        pattern.matches(message.submitter) ? details.map { $0.origin.login != nil } : false
      case .client(let pattern):
        details.map { pattern.matches($0.origin.address) || $0.origin.client.map(pattern.matches) ?? false }
      case .network(let network): details.map { surroundings.contains(network, $0.origin.address) }
      case .upstream(let pattern):
        message.lanes.contains { surroundings.upstreams($0).contains(where: pattern.matches) }
      case .reason(let pattern):
        message.hold?.reason.map { pattern.matches($0.text) } == true
          ? true : anyReply { pattern.matches($0.description) }
      case .code(let pattern):
        anyReply { reply in
          pattern.matches(String(reply.code)) || reply.status.map { pattern.matches($0.description) } ?? false
        }
      case .state(let state, _): state.map { message.state == $0 || isPartly($0) } ?? false
      case .tries(let comparison): comparison.holds(Int64(message.attempts))
      case .age(let comparison): comparison.holds(now - message.received)
      case .next(let comparison): message.nextAttempt.map { comparison.holds($0 - now) } ?? false
      case .size(let comparison): comparison.holds(Int64(message.size))
      }
    }

    /// A message of many recipients is in as many states; but one that is kept back as a whole is in no other.
    private func isPartly(_ state: MessageState) -> Bool {
      switch message.state {
      case .held, .quarantined, .dropped: false
      case .queued, .sending, .deferred, .failed, .relayed: message.recipients.contains { $0.state.name == state.name }
      }
    }

    /// Of recipients that have not got the message.
    private func anyReply(_ isMeant: (Reply) -> Bool) -> Bool? {
      let undelivered = message.recipients.indices.filter {
        message.recipients[$0].state != .delivered && message.recipients[$0].state != .relayed
      }
      // Where nothing was tried nor given up, no reply can be.
      if undelivered.allSatisfy({ message.recipients[$0].state == .queued && message.recipients[$0].attempts == 0 }) {
        return false
      }
      return details.map { details in
        details.replies.contains { undelivered.contains($0.index) && isMeant($0.reply) }
      }
    }
  }

  // MARK: Terms

  /// What may stand before the colon.
  enum Key: String, CaseIterable {
    case id, from, to, client, user, upstream, state, tries, age, next, size, reason, code
  }

  /// Keys of a later version: an admin who has read of them is told so.
  private static let laterKeys: Set<String> = ["rule"]

  private static func term(_ word: String) throws(SelectorError) -> Term {
    let isNegated = word.hasPrefix("-")
    let body = isNegated ? word.dropFirst() : word[...]
    guard let colon = body.firstIndex(of: ":") else {
      return Term(isNegated: isNegated, alternatives: try conditions(in: body, term: word, id))
    }
    let name = String(body[..<colon])
    guard let key = Key(rawValue: name) else {
      throw laterKeys.contains(name) ? .laterKey(name, term: word) : .unknownKey(name, term: word)
    }
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
    case .client: return value.contains("/") ? .network(value) : .client(TextPattern(value))
    case .upstream: return .upstream(TextPattern(value))
    case .reason: return .reason(try reason(value, term))
    case .code: return .code(try code(value, term))
    case .state:
      let (waiting, finished) = (MessageState(name: value), FinishedState(rawValue: value))
      guard waiting != nil || finished != nil else { throw .unknownState(value, term: term) }
      return .state(waiting, finished)
    case .tries:
      return .tries(try Comparison(value, unit: .count, term: term, expected: "a number, as tries:3 or tries:>3"))
    case .age: return .age(try Comparison(value, unit: .time, term: term, expected: "a time, as age:>2h or age:<30m"))
    case .next:
      return .next(try Comparison(value, unit: .time, term: term, expected: "a time, as next:<10m or next:>2h"))
    case .size:
      return .size(try Comparison(value, unit: .octets, term: term, expected: "a size, as size:>5M or size:<10K"))
    }
  }

  /// Text that stands anywhere in the reply; slashes around it are for those who are used to them.
  private static func reason(_ value: String, _ term: String) throws(SelectorError) -> TextPattern {
    let isQuoted = value.hasPrefix("/") && value.hasSuffix("/") && value.utf8.count > 1
    let text = isQuoted ? value.dropFirst().dropLast() : value[...]
    guard !text.isEmpty else {
      throw .badValue(term: term, expected: "a text, as reason:quota or reason:/user*unknown/")
    }
    // Who writes a regular expression must not be told that nothing matches.
    guard !isQuoted || !text.contains(where: { "^$[]()|\\+?{}".contains($0) }) else {
      throw .badValue(term: term, expected: "a text with * for anything, not a regular expression")
    }
    return TextPattern("*\(text)*")
  }

  private static func code(_ value: String, _ term: String) throws(SelectorError) -> TextPattern {
    let isCode = value.utf8.allSatisfy {
      (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "*")
    }
    guard isCode else { throw .badValue(term: term, expected: "a code, as code:550, code:5.7.1 or code:4.*") }
    return TextPattern(value)
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
