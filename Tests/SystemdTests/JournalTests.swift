// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import Synchronization
import Systemd
import Testing

/// What a journal would get: each entry as its `NAME=value` fields.
final class RecordingJournal: Sendable {
  private let taken = Mutex<[[String]]>([])

  var entries: [[String]] { taken.withLock { $0 } }

  func take(_ vectors: UnsafePointer<iovec>, _ count: Int32) -> Int32 {
    let fields = UnsafeBufferPointer(start: vectors, count: Int(count)).map { vector in
      String(decoding: UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len), as: UTF8.self)
    }
    taken.withLock { $0.append(fields) }
    return 0
  }
}

/// What reaches the handler that stands in for the journal.
private struct RecordingHandler: LogHandler {
  final class Lines: Sendable {
    let texts = Mutex<[String]>([])
  }

  let lines = Lines()
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.texts.withLock { $0.append(event.message.description) }
  }
}

private struct Record: LogRecord {
  var event = "sent"
  var messageID = "0123456789abcdef0123456789abcdef"
  var identifier = "postern/smtp"
  var fields: [LogField] = []
  var description = "a record"
}

@Suite("An entry of the journal")
struct JournalTests {
  private let journal = RecordingJournal()

  private func log(
    _ message: String, _ record: Record?, level: Logger.Level = .info, otherwise: RecordingHandler = RecordingHandler(),
    send: JournalLogHandler.Send? = nil
  ) -> [String] {
    let handler = JournalLogHandler(
      prefix: "POSTERN_", otherwise: otherwise, send: send ?? { [journal] in journal.take($0, $1) })
    Logger(label: "test") { _ in handler }
      .log(level: level, "\(message)", metadata: record.map { Logger.Metadata(record: $0) })
    return journal.entries.last ?? []
  }

  @Test("has text, priority, catalog id, speaker, word and the fields of the record, each once")
  func fields() {
    var record = Record()
    record.fields = [
      LogField(name: "QUEUE_ID", value: .text("7KQ2M9XF4")), LogField(name: "SIZE", value: .number(4198)),
    ]
    #expect(
      log("7KQ2M9XF4: sent", record, level: .warning) == [
        "MESSAGE=7KQ2M9XF4: sent", "PRIORITY=4", "SYSLOG_FACILITY=2", "SYSLOG_PID=\(getpid())",
        "SYSLOG_IDENTIFIER=postern/smtp", "MESSAGE_ID=0123456789abcdef0123456789abcdef", "POSTERN_EVENT=sent",
        "POSTERN_QUEUE_ID=7KQ2M9XF4", "POSTERN_SIZE=4198",
      ])
  }

  @Test(
    "takes each level to the priority that syslog has for it",
    arguments: zip(Logger.Level.allCases, ["7", "7", "6", "5", "4", "3", "2"]))
  func priorities(level: Logger.Level, priority: String) {
    #expect(log("text", Record(), level: level).contains("PRIORITY=\(priority)"))
  }

  @Test("is text alone when something else than a record is logged")
  func text() {
    let fields = log("libdispatch says something", nil)
    #expect(fields.map { $0.prefix { $0 != "=" } } == ["MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_PID"])
  }

  @Test(
    "gets no further field, line or control from what a value holds",
    arguments: [
      "x\nPOSTERN_USER=root", "x\r\nMESSAGE=forged\r\n", "\n\nPRIORITY=0\n", "x\0y", "\u{1B}[2J\u{7}", "\u{9B}31m",
      "a\u{2028}b\u{2029}c\u{85}d", "\u{202E}gnp.exe", "=", "", String(repeating: "A", count: 100_000),
      String(repeating: "é", count: 50_000), String(repeating: "\n", count: 5_000),
    ])
  func hostile(value: String) throws {
    var record = Record()
    record.fields = [
      LogField(name: "REPLY", value: .text(value)), LogField(name: "WAITING", value: .number(1)),
    ]
    let fields = log(value, record)
    #expect(fields.count == 9)
    #expect(fields.last == "POSTERN_WAITING=1")
    #expect(fields.filter { $0.hasPrefix("POSTERN_REPLY=") }.count == 1)
    for field in fields {
      #expect(!field.unicodeScalars.contains { $0.properties.generalCategory == .control })
      #expect(!field.unicodeScalars.contains { (0x2028...0x202E).contains($0.value) || $0 == "\u{FFFD}" })
      #expect(field.utf8.count <= LogText.messageOctetsMax + "MESSAGE=".utf8.count)
    }
    #expect(fields[7].utf8.count <= LogText.fieldOctetsMax + "POSTERN_REPLY=".utf8.count)
  }

  @Test("that the journal refuses is told otherwise")
  func refused() {
    let otherwise = RecordingHandler()
    _ = log("kept", Record(), otherwise: otherwise, send: { _, _ in -ENOBUFS })
    #expect(otherwise.lines.texts.withLock { $0 } == ["kept"])
  }

  @Test("goes to the journal only if the variable names what standard error is")
  func stream() {
    #expect(JournalStream.names("9:27156", device: 9, inode: 27156))
    for other in ["9:27157", "8:27156", "9:", ":27156", "9", "", "9:27156:0", "9:27156 ", "09x:27156"] {
      #expect(!JournalStream.names(other, device: 9, inode: 27156), "\(other)")
    }
    #expect(!JournalStream.names(nil, device: 0, inode: 0))
    #expect(!JournalStream.isStandardError)
  }
}
