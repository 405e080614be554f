// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc
import NIOCore
import NIOEmbedded
import SMTP
import TestKit
import Testing

@testable import Gateway
@testable import Queue

@Suite("Whoever can open the socket can write what they like to it")
struct HostileInputTests {
  private static let root = AdminPeer(PeerCredentials(pid: 1, uid: 0, gid: 0), level: .admin)
  private static let seed: UInt64 = 20_261_121
  /// A million take two minutes of a processor: POSTERN_FRAMES=1000000.
  private static let frames = getenv("POSTERN_FRAMES").flatMap { Int(String(cString: $0)) } ?? 30_000

  @Test("small frames of garbage, thousands of them: each is an error or an answer")
  func garbageFrames() throws {
    var random = SeededGenerator(seed: Self.seed)
    let gateway = FakeGateway(messages: 0)
    let log = AuditLog()
    let service = AdminService(administration: gateway, now: { FakeGateway.now }, audit: log.record)
    var framer = LineFramer()
    var (answered, refused) = (0, 0)
    for number in 0..<Self.frames {
      framer.append(Self.frame(&random) + [0x0A])
      while let line = try framer.next() {
        do throws(AdminError) {
          let request = try ControlLine.decode(AdminRequest.self, from: line)
          var work = service.begin(request, from: Self.root)
          while case .paged(var paged) = work {
            switch paged.step() {
            case .more: work = .paged(paged)
            case .last(let lines): work = .answered(lines)
            case .then(_, let next): work = next
            }
          }
          if case .answered(let lines) = work { #expect(lines.last?.id == request.id, "seed \(Self.seed), \(number)") }
          answered += 1
        } catch {
          #expect(error.exit == .usage, "seed \(Self.seed), frame \(number): \(error)")
          refused += 1
        }
      }
    }
    // Line feeds within a frame make more lines of it.
    #expect(answered + refused >= Self.frames)
    #expect(answered > Self.frames / 100 && refused > Self.frames / 10)
    #expect(log.lines.allSatisfy { line in line.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
  }

  /// Short, so that a million take seconds; from noise to a request that is nearly right.
  private static func frame(_ random: inout SeededGenerator) -> [UInt8] {
    switch UInt8.random(in: 0..<8, using: &random) {
    case 0: return []
    case 1: return Array("{}".utf8)
    case 2: return Array(#"{"v":1,"id":1,"cmd":"complete","args":{"line":"\u001b"}}"#.utf8)
    case 3:
      var frame = Array(#"{"v":1,"id":1,"cmd":"hold","args":{"all":true}}"#.utf8)
      frame[Int.random(in: 0..<frame.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      return frame
    default:
      return (0..<Int.random(in: 1...8, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }
  }

  @Test("a line without end is cut off after a bounded part of it")
  func endlessLine() throws {
    let place = try Place()
    var bystander = try place.connect()
    let raw = try RawConnection(place.path)
    _ = try raw.line()
    let piece = [UInt8](repeating: 0x7B, count: 1 << 20)
    var sent = 0
    // A gigabyte, if it were taken.
    for _ in 0..<1024 {
      guard let count = raw.push(piece) else { break }
      sent += count
    }
    #expect(sent < 4 << 20)
    guard case .failure(nil, let error) = try ControlLine.decode(AdminReply.self, from: raw.line()) else {
      Issue.record("no failure")
      return
    }
    #expect(error.code == "usage.line_too_long")
    #expect(try bystander.ask("status").exit == .ok)
  }

  @Test(
    "half a frame, NUL, CR LF, octets above 127: one error line at most, and the end",
    arguments: [
      #"{"v":1,"id":1,"#, "\u{0}", "{\"v\":1,\"id\":1,\"cmd\":\"status\"}\r\n\r\n", "\u{FF}\u{FE}\n", "\r", "\n",
      "{\"v\":1,\"id\":1,\"cmd\":\"status\u{0}\"}\n", "[[[[[[[[\n", "{\"v\":1e400,\"id\":1,\"cmd\":\"status\"}\n",
    ])
  func halfFrames(octets: String) throws {
    let place = try Place()
    let raw = try RawConnection(place.path)
    _ = try raw.line()
    try raw.send(octets.unicodeScalars.map { UInt8($0.value) })
    raw.finishWriting()
    var failures = 0
    while let line = try raw.nextLine() {
      if case .failure(nil, _) = try ControlLine.decode(AdminReply.self, from: line) { failures += 1 }
    }
    #expect(failures <= 1)
    #expect(raw.isAtEnd)
    #expect(try place.connect().greeting.level == .admin)
  }

  @Test("a list of 100,000 to a reader who stops: pages are made as they are read, and all of it comes in the end")
  func slowReader() throws {
    let place = try Place(messages: 100_000)
    let raw = try RawConnection(place.path(.view))
    _ = try raw.line()
    try raw.send(Array("{\"v\":1,\"id\":1,\"cmd\":\"queue\"}\n".utf8))
    var other = try place.connect()
    for _ in 0..<100 { _ = try other.ask("complete", .init(line: "show 7")) }
    #expect(place.gateway.pages < 100)
    var octets = 0
    while let line = try raw.nextLine(), !line.starts(with: Array(#"{"end""#.utf8)) { octets += line.count }
    #expect(octets > 20 << 20)
  }

  @Test("a hundred connections that write garbage, and one that works")
  func flood() throws {
    let place = try Place(messages: 10)
    var client = try place.connect()
    var random = SeededGenerator(seed: Self.seed)
    let raws = try (0..<100).map { _ in try RawConnection(place.path(.view)) }
    for raw in raws {
      _ = try raw.line()
      _ = raw.offer((0..<1000).map { _ in UInt8.random(in: .min ... .max, using: &random) } + [0x0A])
    }
    #expect(try client.ask("queue").payloads.count == 10)
    for raw in raws { while try raw.nextLine() != nil {} }
    #expect(try client.ask("status").exit == .ok)
  }

  @Test("a level that is full does not close the others")
  func fullLevel() throws {
    let place = try Place()
    let raws = try (0..<AdminLimits.sessionsMax).map { _ in try RawConnection(place.path(.view)) }
    for raw in raws { _ = try raw.line() }
    let refused = #expect(throws: AdminError.self) { _ = try place.connect(.view) }
    #expect(refused?.exit == .temporary)
    #expect(try place.connect(.admin).greeting.level == .admin)
  }

  @Test("what would move a cursor or turn a line is harmless where it is shown, to people and as JSON")
  func escapes() throws {
    let evil = "\u{1B}[2J\u{9B}31m\u{202E}\u{7}"
    let place = try Place(messages: 1)
    place.gateway.change { state in
      state.replies[MessageID(number: 1)] = Reply(550, EnhancedStatus(5, 1, 1), evil)
      state.views[0].hold = Hold(since: 0, by: PeerText(evil), reason: PeerText(evil))
      state.views[0].state = .held
      state.views[0].submitter = evil
      state.logins = [LoginReply(user: evil, disabled: false)]
      state.upstreams = ["office"]
      state.status.upstreams = [.init(name: "office", endpoint: "x:25", state: "paused", reason: "login", reply: evil)]
    }
    var client = try place.connect()
    var payloads = try client.ask("queue").payloads
    payloads += try client.ask("why", .init(name: "office")).payloads
    payloads += try client.ask("why", .init(name: MessageID(number: 1).description)).payloads
    payloads += try client.ask("complete", .init(line: "queue user:")).payloads
    payloads += try client.ask("complete", .init(line: "users passwd ")).payloads
    #expect(payloads.count == 3)
    for payload in payloads {
      let json = TerminalText.escapedJSON(String(decoding: ControlLine.json(payload), as: UTF8.self))
      #expect(json.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
      #expect(!json.unicodeScalars.contains { $0.value == 0x9B || $0.value == 0x202E })
    }
    // What becomes part of a line to type must not hold any of it at all.
    for case .candidate(let candidate) in payloads { #expect(candidate.text == TerminalText.escaped(candidate.text)) }
  }
}
