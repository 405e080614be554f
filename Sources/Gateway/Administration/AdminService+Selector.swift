// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import struct Configuration.Network
import Queue

/// Which messages a request means, with everything said that a person would want to know if it means none.
extension AdminService {
  /// nil is every message. The beginnings of ids in it stand for one message each; where finished mail may be meant, also
  /// for those that the queue does not have.
  func selector(_ request: AdminRequest, mayBeFinished: Bool = false) throws(AdminError) -> Selector? {
    guard let text = request.args.select, !text.allSatisfy({ $0 == " " }) else { return nil }
    var selector = try parse(text)
    guard mayBeFinished || selector.wantsWaiting else {
      throw .usage(
        "bad_selector", "'\(Self.shown(text))' means finished mail alone, and that does not change any more",
        hint: "postern queue \(Self.shown(text))")
    }
    for prefix in selector.idPrefixes {
      if let message = try waiting(prefix) {
        selector.replace(idPrefix: prefix, with: message.id)
      } else if !mayBeFinished || !selector.wantsFinished {
        throw gone(prefix)
      }
    }
    return selector
  }

  /// Mail that waits comes before mail that is finished, where both have ids that begin so.
  func show(_ request: AdminRequest) throws(AdminError) -> AdminWork {
    switch try find(request.args.message ?? "") {
    case .waiting(let message): .answered(message.lines().map { .message($0) }, to: request)
    case .perhapsFinished(let prefix): finishedMessage(prefix, request)
    }
  }

  enum Found {
    case waiting(MessageReply)
    /// The queue has no id that begins so.
    case perhapsFinished(idPrefix: String)
  }

  /// The one message whose id begins with the word.
  func find(_ text: String) throws(AdminError) -> Found {
    // A word alone is the beginning of an id, or an error about one.
    let prefixes = try parse(text).idPrefixes
    guard prefixes.count == 1 else {
      throw .usage("not_an_id", "'\(Self.shown(text))' is no id", hint: "postern queue")
    }
    return try waiting(prefixes[0]).map { .waiting($0) } ?? .perhapsFinished(idPrefix: prefixes[0])
  }

  func gone(_ id: String) -> AdminError {
    AdminError(
      "message.unknown", "no message starts with '\(Self.shown(id))'",
      context: ["there was none, or it was finished so long ago that it is not remembered (queue.history_keep)"],
      hint: "postern log \(Self.shown(id))",
      exit: .noInput)
  }

  /// nil: the queue has none.
  private func waiting(_ prefix: String) throws(AdminError) -> MessageReply? {
    switch administration.show(prefix) {
    case .found(let message): return message
    case .ambiguous(let ids): throw Self.ambiguous(prefix, ids)
    case .unknown: return nil
    }
  }

  /// `isCut`: there are more than these.
  static func ambiguous(_ prefix: String, _ ids: [MessageID], isCut: Bool = false) -> AdminError {
    let listed = ids.prefix(AdminLimits.ambiguousMax).map(\.description).joined(separator: ", ")
    let rest = ids.count - AdminLimits.ambiguousMax
    return .usage(
      "ambiguous_id",
      "'\(prefix)' is ambiguous: \(isCut ? "more than " : "")\(ids.count) messages start with it",
      context: [listed + (rest > 0 ? " and \(rest) more" : isCut ? " and more" : "")],
      hint: "more characters of the id")
  }

  private func parse(_ text: String) throws(AdminError) -> Selector {
    do throws(SelectorError) {
      return try Selector(text) { Network($0) != nil }
    } catch {
      throw failure(error)
    }
  }

  private func failure(_ error: SelectorError) -> AdminError {
    var message = Self.shown(error.description)
    var context: [String] = []
    if let choice = error.choice {
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
