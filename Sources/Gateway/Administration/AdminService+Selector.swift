// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import struct Configuration.Network
import Queue

/// Which messages a request means, with everything said that a person would want to know if it means none.
extension AdminService {
  /// nil is every message. The beginnings of ids in it stand for one message each.
  func selector(_ request: AdminRequest) throws(AdminError) -> Selector? {
    guard let text = request.args.select, !text.allSatisfy({ $0 == " " }) else { return nil }
    var selector = try parse(text)
    for prefix in selector.idPrefixes { selector.replace(idPrefix: prefix, with: try only(prefix).id) }
    return selector
  }

  /// The one message that `show` means.
  func message(_ request: AdminRequest) throws(AdminError) -> MessageReply {
    try find(request.args.message ?? "")
  }

  /// The one message whose id begins with the word.
  func find(_ text: String) throws(AdminError) -> MessageReply {
    // A word alone is the beginning of an id, or an error about one.
    let prefixes = try parse(text).idPrefixes
    guard prefixes.count == 1 else {
      throw .usage("not_an_id", "'\(Self.shown(text))' is no id", hint: "postern queue")
    }
    return try only(prefixes[0])
  }

  func gone(_ id: String) -> AdminError {
    AdminError(
      "message.unknown", "no message starts with '\(Self.shown(id))'",
      context: ["there was none, or it is finished: delivered, or given back to its sender"],
      hint: "postern log \(Self.shown(id))",
      exit: .noInput)
  }

  private func only(_ prefix: String) throws(AdminError) -> MessageReply {
    switch administration.show(prefix) {
    case .found(let message): return message
    case .ambiguous(let ids):
      let listed = ids.prefix(AdminLimits.ambiguousMax).map(\.description).joined(separator: ", ")
      let rest = ids.count - AdminLimits.ambiguousMax
      throw .usage(
        "ambiguous_id", "'\(prefix)' is ambiguous: \(ids.count) messages start with it",
        context: [listed + (rest > 0 ? " and \(rest) more" : "")], hint: "more characters of the id")
    case .unknown: throw gone(prefix)
    }
  }

  private func parse(_ text: String) throws(AdminError) -> Selector {
    do throws(SelectorError) {
      return try Selector(text) { Network($0) != nil }
    } catch {
      throw failure(error)
    }
  }

  /// States of mail that is finished: an admin who has read of them is told so.
  private static let laterStates: Set<String> = ["sent", "expired", "dropped"]

  private func failure(_ error: SelectorError) -> AdminError {
    var message = Self.shown(error.description)
    var context: [String] = []
    if case .unknownState(let state, let term) = error, Self.laterStates.contains(state) {
      message = "'\(Self.shown(term))': '\(state)' is not in this version"
      context.append(
        "only mail that is not finished is kept: \(MessageState.allCases.map(\.name).joined(separator: ", "))")
    } else if let choice = error.choice {
      if let nearest = NearestName.of(choice.seen, among: choice.accepted) {
        message += ". Did you mean '\(nearest)'?"
      }
      context.append("there are: \(choice.accepted.joined(separator: ", "))")
    }
    if !error.suggestions.isEmpty {
      let suggestions = error.suggestions.map { "'\(Self.shown($0))'" }.joined(separator: " or ")
      message += ". Did you mean \(suggestions)?"
    }
    if case .idTooShort(let text) = error { message += matches(text) }
    return .usage("bad_selector", message, context: context, hint: "postern help queue")
  }

  private func matches(_ prefix: String) -> String {
    switch administration.show(MessageID.canonical(prefix) ?? prefix) {
    case .found: "; 1 message starts with it"
    case .ambiguous(let ids): "; \(ids.count) messages start with it"
    case .unknown: ""
    }
  }

  /// As typed, but no longer than anybody reads, and harmless.
  static func shown(_ text: String) -> String { TerminalText.escaped(String(text.prefix(200))) }
}
