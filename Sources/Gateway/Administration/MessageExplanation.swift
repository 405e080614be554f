// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue
import SMTP

/// Why a message has not left, in sentences: what the other side said, what stands in the way, what happens next, and the
/// commands that help. A value; it looks nothing up.
struct MessageExplanation {
  private let view: MessageView
  private let details: MessageDetails?
  private let status: StatusReply
  private let obstacles: Obstacles
  private let now: Int64
  private let notes: [Detours.Note]
  private let meaning: (Reply, String?) -> ReplyMeaning?
  /// Who answered where that is not remembered; nil: there are several.
  private let upstream: StatusReply.Upstream?

  /// `details` is nil where the message's record cannot be read; `ways` are those of its recipients, upstreams by name;
  /// `notes` say who sent it on; `meaning` knows replies of an upstream, or of one that is not known; `now` is wall time in
  /// milliseconds.
  init(
    _ view: MessageView, _ details: MessageDetails?, _ status: StatusReply, ways: [[String]]? = nil,
    notes: [Detours.Note] = [], meaning: @escaping (Reply, String?) -> ReplyMeaning? = { _, _ in nil }, now: Int64
  ) {
    self.notes = notes
    self.meaning = meaning
    self.view = view
    self.details = details
    self.status = status
    self.now = now
    obstacles = Obstacles(status, ways: ways)
    upstream = status.upstreams.count == 1 ? status.upstreams.first : nil
  }

  var reply: WhyReply {
    WhyReply(
      subject: view.id.description, state: view.state.name, headline: headline, reasons: reasons,
      reply: answers.first?.reply.description, next: waits ? view.nextAttempt.map(Timestamp.init(milliseconds:)) : nil,
      expires: expires.map(Timestamp.init(milliseconds:)), actions: actions)
  }

  // MARK: Headline

  private var headline: String {
    let name = "Message \(view.id) to \(receivers)"
    return switch view.state {
    case .queued:
      obstacles.conditions.isEmpty
        ? "\(name) is ready: it leaves as soon as a connection is free" : "\(name) is ready and has not left because:"
    case .sending: "\(name) is being sent"
    case .deferred: "\(name) has not left because:"
    case .held: "\(name) is on hold:"
    case .failed: "\(name) was refused for good:"
    case .relayed: "\(name) was relayed, and the sender is being told"
    case .quarantined: "\(name) is damaged on disk:"
    case .dropped: "\(name) is dropped:"
    }
  }

  /// Those whom the state is about.
  private var receivers: String {
    let left = view.recipients.filter { $0.state != .delivered && $0.state != .reported && $0.state != .relayed }
    let listed = left.isEmpty ? view.recipients : left
    guard let first = listed.first else { return "nobody" }
    return Self.list(first.address.text, listed.count)
  }

  // MARK: Reasons

  private var reasons: [String] {
    switch view.state {
    case .queued: obstacleSentences + sentOn + last + lifetime
    case .sending: sentOn + last
    case .deferred: sentOn + last + obstacleSentences + nextAttempt + lifetime
    case .held: hold + last + ["time on hold does not count against queue.lifetime"]
    case .relayed: []
    case .failed: sentOn + last + ["nothing more is tried; the sender is being told"]
    case .quarantined:
      [
        "its content does not read back as it was written, so it is kept and never sent",
        "the log says where it is damaged",
      ]
    case .dropped: drop + last + ["nobody is told of it, and this time does not count against queue.lifetime"]
    }
  }

  /// The last answers, those that are the same once, with what they mean where that is known.
  private var last: [String] {
    answers.prefix(Self.answersMax).flatMap { answer -> [String] in
      let whom = answers.count > 1 ? "\(answer.receivers): " : ""
      let sentence = "\(whom)\(said(answer)) at \(time(answer.wall)) (attempt \(answer.attempts))"
      return [sentence] + (answer.isOurs ? [] : meaning(answer.reply, answer.upstream)?.sentences ?? [])
    } + (answers.count > Self.answersMax ? ["and \(answers.count - Self.answersMax) other answers"] : [])
      + (details?.duplicatePossible == true
        ? ["a connection broke before the answer came, so the other side may have it already"] : [])
  }

  private static let answersMax = 5

  private func said(_ answer: Answer) -> String {
    // What we note where no answer came reads as if one had.
    if answer.isOurs { return answer.reply.description }
    return "\(answer.upstream ?? upstream?.name ?? "the upstream") answered \(answer.reply)"
  }

  /// Whom an upstream sent to another one, of those that have not got the message.
  private var sentOn: [String] {
    notes.flatMap { note -> [String] in
      let left = note.indexes.filter { view.recipients.indices.contains($0) && view.recipients[$0].state != .delivered }
      guard let first = left.first else { return [] }
      let whom = view.recipients.count > 1 ? "\(Self.list(view.recipients[first].address.text, left.count)): " : ""
      return ["\(whom)\(note.upstream) answered \(note.reply) at \(time(note.wall)), so another upstream was asked"]
        + (meaning(note.reply, note.upstream)?.sentences ?? [])
    }
  }

  /// `bob@example.org and 2 more`.
  fileprivate static func list(_ first: String, _ count: Int) -> String {
    first + (count > 1 ? " and \(count - 1) more" : "")
  }

  private var obstacleSentences: [String] {
    var sentences: [String] = []
    if let pause = obstacles.outgoing { sentences.append("sending is paused" + Self.facts(of: pause)) }
    for upstream in obstacles.upstreams {
      sentences.append(Obstacles.condition(upstream) + (upstream.reply.map { ": \($0)" } ?? ""))
      if let pause = obstacles.pause(of: upstream) { sentences.append("paused" + Self.facts(of: pause)) }
      if let next = upstream.nextProbe {
        sentences.append("\(upstream.name) is tried again at \(time(next.milliseconds))")
      }
    }
    return sentences
  }

  /// ` by alice since …, until …: reason`.
  static func facts(of pause: Pause) -> String {
    " by \(pause.by) since \(pause.since.forPeople)" + (pause.until.map { " until \($0.forPeople)" } ?? "")
      + (pause.reason.map { ": \($0)" } ?? "")
  }

  private var hold: [String] {
    guard let hold = view.hold else { return [] }
    let until = hold.until.map { "it ends by itself at \(time($0))" } ?? "it stays so until somebody releases it"
    return ["held by \(hold.by) since \(time(hold.since))" + (hold.reason.map { ": \($0)" } ?? ""), until]
  }

  private var drop: [String] {
    guard let drop = view.drop else { return [] }
    return [
      "taken out of the queue by \(drop.by) at \(time(drop.since)), as one of batch \(drop.batch)",
      "it is erased at \(time(drop.until))",
    ]
  }

  private var nextAttempt: [String] {
    guard let next = view.nextAttempt else { return [] }
    return ["the next attempt is \(obstacles.conditions.isEmpty ? "at" : "not before") \(time(next))"]
  }

  private var lifetime: [String] {
    // All that keeps mail from leaving counts against no lifetime.
    guard obstacles.conditions.isEmpty else { return ["as long as that lasts its lifetime stands still"] }
    return expires.map { ["it is given back to the sender if it has not left by \(time($0)) (queue.lifetime)"] } ?? []
  }

  // MARK: Facts

  private var waits: Bool { view.state == .deferred }

  /// nil where it does not count, or stands still.
  private var expires: Int64? {
    switch view.state {
    case .queued, .sending, .deferred: obstacles.conditions.isEmpty ? view.expires : nil
    case .held, .failed, .relayed, .quarantined, .dropped: nil
    }
  }

  /// The same answer of the same upstream to several recipients.
  private struct Answer {
    var reply: Reply
    var wall: Int64
    var attempts: Int
    var first: String
    var upstream: String?
    var count = 1

    var receivers: String { MessageExplanation.list(first, count) }

    var isOurs: Bool { reply.isOurs }
  }

  /// To recipients that have not got the message, the newest first.
  private var answers: [Answer] {
    var answers: [Answer] = []
    for last in details?.replies ?? [] where view.recipients.indices.contains(last.index) {
      let recipient = view.recipients[last.index]
      guard recipient.state != .delivered, recipient.state != .relayed else { continue }
      if let same = answers.firstIndex(where: { $0.reply == last.reply && $0.upstream == last.upstream }) {
        answers[same].count += 1
        answers[same].wall = max(answers[same].wall, last.wall)
        answers[same].attempts = max(answers[same].attempts, recipient.attempts)
      } else {
        answers.append(
          Answer(
            reply: last.reply, wall: last.wall, attempts: recipient.attempts, first: recipient.address.text,
            upstream: last.upstream))
      }
    }
    return answers.sorted { $0.wall > $1.wall }
  }

  /// `2026-11-21 14:06:30Z (in 4m)`, or without the distance for what was.
  private func time(_ milliseconds: Int64) -> String {
    let time = Timestamp(milliseconds: milliseconds)
    let distance = milliseconds > now ? " (\(Humane.until(time, from: Timestamp(milliseconds: now))))" : ""
    return time.forPeople + distance
  }

  // MARK: Actions

  private var actions: [WhyReply.Action] {
    let id = view.id
    let bounce = WhyReply.Action(label: "give it back to the sender", command: "postern bounce \(id)")
    switch view.state {
    case .queued, .deferred:
      let helps = obstacleActions
      let flush = WhyReply.Action(label: "try it now", command: "postern flush \(id)")
      return helps + (view.state == .deferred && helps.isEmpty ? [flush] : []) + [bounce]
    case .held: return [WhyReply.Action(label: "let it go on", command: "postern release \(id)"), bounce]
    case .sending, .relayed: return []
    case .failed: return [WhyReply.Action(label: "see each recipient", command: "postern show \(id)")]
    case .quarantined:
      return [
        WhyReply.Action(label: "see what is left of it", command: "postern show \(id)"),
        WhyReply.Action(label: "see all that are damaged", command: "postern queue state:quarantined"),
      ]
    case .dropped:
      return view.drop.map { drop in
        [WhyReply.Action(label: "put the batch back", command: "postern undrop batch:\(drop.batch)")]
      } ?? []
    }
  }

  private var obstacleActions: [WhyReply.Action] {
    (obstacles.outgoing == nil ? [] : [WhyReply.Action(label: "send again", command: "postern resume out")])
      + obstacles.upstreams.flatMap(UpstreamExplanation.actions)
  }
}
