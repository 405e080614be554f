// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Gateway
import Glibc
import Logging
import Queue
import SMTP
import Synchronization
import Systemd
import Testing
import WAL

/// A file that a log is written to and read back from.
private final class LogFile {
  private let descriptor: Int32
  let output: LineOutput

  init() {
    var name = Array("/tmp/postern-log-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    unlink(name)
    output = LineOutput(descriptor)
  }

  deinit { close(descriptor) }

  var text: [UInt8] {
    var octets = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
    octets.withUnsafeMutableBytes { _ = pread(descriptor, $0.baseAddress, $0.count, 0) }
    return octets
  }
}

@Suite("The log")
struct LogBackendTests {
  private let clock = Clock(now: { Instant(wall: 1_795_268_402_007, monotonic: 0) }, zoneOffset: { _ in 0 })

  private func written(_ backend: LogBackend, _ events: [Event], level: Logger.Level = .trace) -> [UInt8] {
    let file = LogFile()
    let log = EventLog(handler: backend.makeHandler(output: file.output, clock: clock), level: level)
    for event in events { log.report(event) }
    return file.text
  }

  @Test(
    "goes to the journal if standard error is the journal's, else to people if it is a terminal, else to machines",
    arguments: [
      (true, false, LogBackend.journal), (true, true, .journal), (false, true, .text), (false, false, .json),
    ])
  func choice(isJournal: Bool, isTerminal: Bool, backend: LogBackend) {
    #expect(LogBackend(isJournal: isJournal, isTerminal: isTerminal) == backend)
  }

  @Test("for people says each event's level and text, and says warning once")
  func text() {
    let events: [Event] = [.stopping(sessions: 2), .spoolDamaged("segment 3"), .removed(MessageID(number: 7))]
    #expect(
      String(decoding: written(.text, events), as: UTF8.self) == """
        notice: stopping: draining 2 sessions
        warning: spool damaged: segment 3
        info: \(MessageID(number: 7)): removed

        """)
  }

  @Test("for machines has time, level, speaker, word, text and facts of an event in one object")
  func json() {
    let client = EventClient(name: "nas", address: "192.0.2.20", listener: "submission")
    let refusal = Refusal(command: "RCPT", reply: Reply(501, EnhancedStatus(5, 1, 3), #"no "address" here \"#))
    #expect(
      String(decoding: written(.json, [.rejected(client, refusal)]), as: UTF8.self) == #"""
        {"ts":"2026-11-21T13:40:02.007Z","level":"info","identifier":"postern/submission/smtpd","event":"rejected",\#
        "message":"NOQUEUE: reject: RCPT from nas[192.0.2.20]: 501 5.1.3 no \"address\" here \\",\#
        "client_ip":"192.0.2.20","client_name":"nas","listener":"submission","smtp_command":"RCPT","smtp_code":501,\#
        "dsn":"5.1.3","reply":"no \"address\" here \\"}

        """#)
  }

  @Test("writes what is reported together with one call, in order, and before it becomes too much")
  func together() {
    var ends: [Int32] = [-1, -1]
    // Each write is a packet.
    #expect(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    func packets() -> [String] {
      var octets = [UInt8](repeating: 0, count: 65_536)
      var texts: [String] = []
      while true {
        let count = recv(ends[1], &octets, octets.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return texts }
        texts.append(String(decoding: octets.prefix(count), as: UTF8.self))
      }
    }
    let output = LineOutput(ends[0])
    let log = EventLog(handler: LogBackend.text.makeHandler(output: output), output: output)
    log.report(.spoolDamaged("alone"))
    #expect(packets().count == 1)
    log.hold()
    log.report(.spoolDamaged("first"))
    log.hold()
    log.report(.spoolDamaged("second"))
    log.release()
    #expect(packets().isEmpty)
    log.release()
    #expect(packets().map { $0.split(separator: "\n").count } == [2])
    log.hold()
    for _ in 0..<40 { log.report(.spoolDamaged(String(repeating: "x", count: 1_000))) }
    #expect(packets().count == 1)
    log.release()
    #expect(packets().count == 1)
  }

  @Test("of a level makes neither text nor facts of what lies under it")
  func filtered() {
    let file = LogFile()
    let log = EventLog(handler: LogBackend.json.makeHandler(output: file.output), level: .notice)
    func unwanted() -> Event {
      Issue.record("made for nobody")
      return .removed(MessageID(number: 7))
    }
    log.report(unwanted(), at: .info)
    log.report(.removed(MessageID(number: 7)))
    #expect(file.text.isEmpty)
    log.setLevel(.info)
    log.report(.removed(MessageID(number: 7)))
    #expect(!file.text.isEmpty)
  }

  @Test(
    "has one line for each event, and no word of anybody else in a place of its own",
    arguments: [
      "a\r\nb", "\n", "\u{1B}]0;owned\u{7}\u{1B}[2J", "\u{2028}x\u{2029}y\u{85}z", "\u{202E}gnp.exe", "\0",
      #"","event":"forged","x":""#, #"\"#, #"\\""#, "\u{FFFD}\u{10FFFF}é日本", "'%s%n", "",
      "x\n{\"ts\":\"2026-01-01T00:00:00.000Z\"}", "7KQ2M9XF4: removed\nwarning: nas[1.2.3.4]: SASL PLAIN",
      String(repeating: "A", count: 100_000), String(repeating: "\"", count: 100_000),
      String(repeating: "é", count: 60_000),
    ])
  func hostile(text: String) throws {
    let events = exampleEvents(saying: text)
    let plain = exampleEvents()
    for backend in [LogBackend.text, .json] {
      let octets = written(backend, events)
      #expect(octets.last == UInt8(ascii: "\n"))
      #expect(octets.filter { $0 < 0x20 || $0 == 0x7F }.allSatisfy { $0 == UInt8(ascii: "\n") })
      let lines = octets.split(separator: UInt8(ascii: "\n"))
      #expect(lines.count == events.count)
      for (line, example) in zip(lines, plain) {
        let line = try #require(String(validating: line, as: UTF8.self), "cut within a character")
        #expect(!line.unicodeScalars.map(\.value).contains { (0x80..<0xA0) ~= $0 || (0x2028...0x202E) ~= $0 })
        #expect(line.utf8.count <= 32_768)
        guard case .json = backend else { continue }
        let object = try #require(
          try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        #expect(object["event"] as? String == example.event)
        #expect(
          Set(object.keys)
            == Set(example.fields.map { $0.name.lowercased() } + ["ts", "level", "identifier", "event", "message"]))
      }
    }
  }
}
