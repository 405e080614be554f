// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// `why`: finds out what the word means, and has it explained.
extension AdminService {
  func explanation(_ request: AdminRequest) throws(AdminError) -> AdminWork {
    let subject = try name(request)
    let status = administration.status()
    let names = administration.upstreamNames()
    // A name that somebody gave comes before an id that nobody chose.
    if names.contains(subject) {
      guard let upstream = status.upstreams.first(where: { $0.name == subject }) else {
        throw Self.unknown(subject, names)
      }
      guard names.count == 1 else { return .paged(UpstreamInquiry(self, request, about: upstream, status)) }
      let explanation = UpstreamExplanation(
        upstream, status, meaning: administration.meaning(ofTroubleOf: subject), now: Timestamp(milliseconds: now()))
      return .answered([.why(explanation.reply)], to: request)
    }
    if let findings = administration.clientFindings(subject) {
      let explanation = ClientExplanation(findings, now: now())
      return .answered([.why(try explanation.reply())], to: request)
    }
    // Most words are also the beginning of an id, for all that their letters say.
    let isName = MessageID.canonical(subject) == nil || NearestName.of(subject, among: names) != nil
    let found: Found
    do throws(AdminError) {
      found = try find(subject)
    } catch {
      throw isName ? Self.unknown(subject, names) : error
    }
    switch found {
    case .waiting(let message):
      guard let id = MessageID(message.id), let facts = facts(of: id) else { throw gone(subject) }
      let ways = ways(of: facts.view)
      let candidates = Array(Set((ways ?? [names]).joined())).sorted()
      let explanation = MessageExplanation(
        facts.view, facts.details, status, ways: ways, notes: administration.detours(of: id),
        meaning: { [administration] reply, upstream in
          administration.meaning(of: reply, from: upstream.map { [$0] } ?? candidates)
        }, now: now())
      return .answered([.why(explanation.reply)], to: request)
    case .perhapsFinished(let prefix):
      if isName { throw Self.unknown(subject, names) }
      return finishedExplanation(prefix, request)
    }
  }

  private func ways(of view: MessageView) -> [[String]]? {
    let surroundings = administration.surroundings
    let ways = view.lanes.map(surroundings.upstreams).filter { !$0.isEmpty }
    return ways.isEmpty ? nil : ways
  }

  /// The message with what can be read back; without that if its record cannot be read.
  private func facts(of id: MessageID) -> (view: MessageView, details: MessageDetails?)? {
    if let details = administration.details(of: id) { return (details.view, details) }
    let before = MessageID(number: id.number - 1)
    let view = administration.page(after: before, limit: 1).first { $0.id == id }
    return view.map { ($0, nil) }
  }

  private static func unknown(_ subject: String, _ upstreams: [String]) -> AdminError {
    let nearest = NearestName.of(subject, among: upstreams).map { ". Did you mean '\($0)'?" } ?? ""
    return AdminError(
      "subject.unknown",
      "'\(shown(subject))' is no upstream, no client and not the id of a message\(nearest)",
      context: [
        "upstreams: " + upstreams.joined(separator: ", "),
        "a client is an address, as 192.168.1.40, or the name of a [[client]]",
      ], hint: "postern queue", exit: .noInput)
  }
}
