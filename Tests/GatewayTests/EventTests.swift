// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Gateway
import Queue
import SMTP
import Testing

@Suite("An event")
struct EventTests {
  @Test("of each kind is among the examples")
  func complete() {
    #expect(Set(exampleEvents().map(\.kind)) == Set(EventKind.allCases))
  }

  @Test("has a word in small letters and a catalog id that no other kind has")
  func unique() {
    let kinds = EventKind.allCases
    #expect(Set(kinds.map(\.messageID)).count == kinds.count)
    for kind in kinds {
      #expect(kind.rawValue.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, "\(kind)")
      #expect(kind.messageID.wholeMatch(of: /[0-9a-f]{32}/) != nil, "\(kind)")
      #expect(kind.identifier.wholeMatch(of: /postern(\/[a-z]+)+/) != nil, "\(kind)")
    }
  }

  @Test("has each fact once, under a name that neither the journal nor JSON uses for something else")
  func names() {
    let taken: Set = ["TS", "LEVEL", "IDENTIFIER", "EVENT", "MESSAGE"]
    for name in FieldName.allCases {
      #expect(name.rawValue.wholeMatch(of: /[A-Z][A-Z0-9]*(_[A-Z0-9]+)*/) != nil)
      #expect(!taken.contains(name.rawValue))
    }
    for event in exampleEvents() {
      let names = event.fields.map(\.name)
      #expect(Set(names).count == names.count, "\(event.kind)")
    }
  }

  @Test("about a message has the line that Postfix would write")
  func postfix() {
    let id = MessageID(number: 7)
    #expect(
      exampleEvents(saying: "ok").map(\.message).filter { $0.hasPrefix("\(id)") } == [
        "\(id): client=nas[192.0.2.20], sasl_method=PLAIN, sasl_username=ok, orig_from=<ok>, message-id=ok",
        "\(id): from=<alice@example.org>, size=4198, nrcpt=1 (queue active)",
        "\(id): to=<alice@example.org>, relay=smtp.example.com[192.0.2.25]:465, delay=0.84, delays=0/0.03/0.41/0.40, "
          + "dsn=2.0.0, dup_possible=1, status=sent (250 2.0.0 ok)",
        "\(id): to=<alice@example.org>, relay=smtp.example.com[192.0.2.25]:465, delay=0.84, delays=0/0.03/0.41/0.40, "
          + "dsn=4.0.0, dup_possible=1, status=deferred (451 4.0.0 ok)",
        "\(id): to=<alice@example.org>, relay=smtp.example.com[192.0.2.25]:465, delay=0.84, delays=0/0.03/0.41/0.40, "
          + "dsn=5.0.0, dup_possible=1, status=bounced (550 5.0.0 ok)",
        "\(id): to=<alice@example.org>, relay=smtp.example.com[192.0.2.25]:465, delay=0.84, delays=0/0.03/0.41/0.40, "
          + "dsn=4.0.0, dup_possible=1, status=expired (451 4.0.0 ok)",
        "\(id): to=<alice@example.org>, relay=smtp.example.com[192.0.2.25]:465, delay=0.84, delays=0/0.03/0.41/0.40, "
          + "dsn=5.0.0, dup_possible=1, status=rerouted (552 5.0.0 ok)",
        "\(id): removed",
        "\(id): sender non-delivery notification: \(MessageID(number: 8))",
        "\(id): sender and postmaster delay notification: \(MessageID(number: 8))",
        "\(id): postmaster non-delivery notification: \(MessageID(number: 8))",
      ])
  }

  @Test("of a login that failed begins with what fail2ban looks for, whatever the user is called")
  func failedLogin() {
    let client = EventClient(name: nil, address: "2001:db8::7", listener: "submission")
    let event = Event.loginFailed(client, user: "x[192.0.2.1]: SASL", mechanism: .login, .loginRejected())
    #expect(event.message.hasPrefix("warning: unknown[2001:db8::7]: SASL LOGIN authentication failed: wrong password"))
  }

  @Test("with a name that no user has does not repeat it")
  func unknownUser() {
    let client = EventClient(name: "nas", address: "192.0.2.20", listener: "submission")
    let event = Event.loginFailed(client, user: nil, mechanism: .plain, .loginRejected("nas"))
    #expect(
      event.message
        == "warning: nas[192.0.2.20]: SASL PLAIN authentication failed: no such user "
        + "(535 5.7.8 Wrong user or password (nas))")
    #expect(!event.fields.contains { $0.name == FieldName.user.rawValue })
  }

  @Test("is explained in the catalog, which explains nothing else and names only facts that the event has")
  func catalog() throws {
    let entries = try readFile("systemd/postern.catalog").components(separatedBy: "\n-- ").dropFirst()
    var texts: [String: String] = [:]
    for entry in entries {
      let id = String(entry.prefix { !$0.isNewline })
      #expect(texts[id] == nil, "\(id) is there twice")
      texts[id] = String(entry)
    }
    #expect(Set(texts.keys) == Set(EventKind.allCases.map(\.messageID)))
    for event in exampleEvents() {
      let text = try #require(texts[event.messageID], "\(event.kind) is not in the catalog")
      #expect(text.contains(/\nSubject: .+\nDefined-By: postern\n\n/), "\(event.kind)")
      let facts = event.fields.map { "POSTERN_\($0.name)" }
      for name in text.matches(of: /@([A-Z_]+)@/).map({ String($0.1) }) {
        #expect(facts.contains(name), "\(event.kind) does not have \(name)")
      }
    }
  }

  @Test("stands in docs/LOGS.md with its word, level, speaker and facts")
  func page() throws {
    let page = try readFile("docs/LOGS.md")
    for kind in EventKind.allCases {
      let events = exampleEvents().filter { $0.kind == kind }
      var facts: [String] = []
      for name in events.flatMap(\.fields).map(\.name) where !facts.contains(name) { facts.append(name) }
      let row =
        "| `\(kind.rawValue)` | \(kind.level) | \(kind.identifier.dropFirst("postern/".count)) | "
        + "\(facts.map { $0.lowercased() }.joined(separator: ", ")) |"
      #expect(page.contains("\n\(row)\n"), "missing: \(row)")
    }
    for name in FieldName.allCases {
      #expect(page.contains("\n| `\(name.rawValue.lowercased())` | "), "docs/LOGS.md does not say what \(name) is")
    }
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count == EventKind.allCases.count + FieldName.allCases.count, "a row of something that is no more")
  }

  private func readFile(_ path: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }
}
