// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Testing

@testable import Queue

@Suite("Selectors mean the messages that a person would say they mean")
struct SelectorTests {
  private static let hour: Int64 = 3_600_000
  private static let now: Int64 = 1_800_000_000_000

  /// 26 minutes old, tried twice, again in 4 minutes.
  private static let message = MessageView(
    id: MessageID(number: 4711), state: .deferred, sender: Address("Backup@Example.com"),
    recipients: [
      RecipientView(address: Address("ops@example.org")!, state: .deferred, attempts: 2),
      RecipientView(address: Address("bob@sub.example.net")!, state: .failed, attempts: 1),
      RecipientView(address: Address("eve@example.org")!, state: .delivered, attempts: 1),
    ],
    size: 4198, received: now - 26 * 60_000, attempts: 2, nextAttempt: now + 4 * 60_000, expires: now + 96 * hour,
    submitter: "nas")
  private static let origin = Origin(login: "nas", address: "192.168.1.20", client: "nas-2nd-floor")

  private static let details = details(origin)

  private static func details(_ origin: Origin) -> MessageDetails {
    MessageDetails(
      view: message, origin: origin,
      replies: [
        LastReply(index: 0, wall: now, reply: Reply(421, EnhancedStatus(4, 7, 0), "rate limited by gmail")),
        LastReply(index: 1, wall: now, reply: Reply(550, EnhancedStatus(5, 1, 1), "User bob unknown")),
        LastReply(index: 2, wall: now, reply: Reply(250, EnhancedStatus(2, 0, 0), "taken")),
      ], duplicatePossible: false)
  }

  private static var notification: MessageView {
    var view = message
    (view.sender, view.state, view.nextAttempt, view.submitter) = (nil, .queued, nil, "192.168.1.20")
    view.recipients = [RecipientView(address: Address("postmaster")!, state: .queued, attempts: 0)]
    return view
  }

  @Test(
    "terms that the message fulfils",
    arguments: [
      "from:backup@example.com", "from:BACKUP@EXAMPLE.COM", "from:@example.com", "from:@EXAMPLE.com",
      "from:back*", "from:*@*.com", "from:*", "from:b*k*p@example.c*m", "to:ops@example.org", "to:@sub.example.net",
      "to:@*.net", "to:nobody@example.org,bob@sub.example.net", "user:nas", "user:n*", "client:192.168.1.20",
      "client:192.168.1.*", "client:nas-2nd-floor", "client:printer,nas*", "state:deferred", "state:failed",
      "state:queued,deferred", "tries:2", "tries:=2", "tries:>1", "tries:>=2", "tries:<3", "tries:<=2",
      "age:>20m", "age:<1h", "age:>=26m", "age:>1500s", "next:<10m", "next:>3m", "size:>4K", "size:<1M", "size:>=4198",
      "size:<1G", "-from:@example.org", "-state:queued", "-tries:>2", "-id:0000", "from:@example.com to:@example.org",
      "state:deferred -user:printer  age:>1s", "-from:@a.example,@b.example", "reason:RATE", "reason:/user*unknown/",
      "reason:limited*gmail", "-reason:taken", "code:421", "code:4.7.0", "code:5.1.*", "code:4*,2*", "-code:250",
    ])
  func fulfilled(text: String) throws {
    #expect(try Selector(text).matches(Self.message, now: Self.now) { Self.details })
  }

  @Test(
    "terms that it does not",
    arguments: [
      "from:backup@example.co", "from:ackup@example.com", "from:@example", "from:@ample.com", "from:<>", "from:b*x",
      "to:@example.net", "to:backup@example.com", "user:na", "user:nas2", "client:192.168.1.2", "state:queued",
      "tries:3", "tries:>2", "tries:<2", "age:>26m", "age:>1d", "next:<4m", "next:>4m", "size:>5M", "size:<4198",
      "reason:ratelimited", "reason:taken", "reason:/unknown*user/", "code:42", "code:250", "code:4.7",
      "upstream:gmail",
      "client:192.168.1.0/24", "state:held", "-reason:user", "-from:@example.com", "-state:queued,failed",
      "from:@example.com to:@example.com", "-tries:2",
    ])
  func unfulfilled(text: String) throws {
    #expect(try !Selector(text).matches(Self.message, now: Self.now) { Self.details })
  }

  @Test(
    "what a notification lacks matches nothing, and its null path has a name",
    arguments: [
      ("from:<>", true), ("from:*", false), ("from:@example.com", false), ("-from:@example.com", true),
      ("user:*", false), ("user:192.168.1.20", false), ("-user:*", true), ("next:<10m", false), ("-next:<10m", true),
      ("to:postmaster", true), ("client:*", true),
    ])
  func notification(text: String, isMeant: Bool) throws {
    #expect(
      try Selector(text).matches(Self.notification, now: Self.now) { Self.details(Origin(address: "192.168.1.20")) }
        == isMeant)
  }

  @Test("an id is meant by four or more of its first characters, in any case, and by nothing else")
  func ids() throws {
    let id = Self.message.id.description
    for length in 4...9 {
      let prefix = String(id.prefix(length))
      for text in [prefix, prefix.lowercased(), "id:\(prefix)", "0000,\(prefix)"] {
        #expect(try Selector(text).matches(Self.message, now: Self.now) { Self.details }, "\(text)")
        #expect(try !Selector("-\(text)").matches(Self.message, now: Self.now) { Self.details }, "-\(text)")
      }
    }
    let other = MessageID(number: 4712).description
    #expect(try !Selector(other).matches(Self.message, now: Self.now) { Self.details })
    #expect(try Selector("oil4").idPrefixes == ["0114"])
  }

  @Test("a beginning that stands for one message does not mean one that comes later")
  func replacement() throws {
    var selector = try Selector("-user:x \(Self.message.id.description.prefix(4)),0000")
    #expect(selector.idPrefixes == [String(Self.message.id.description.prefix(4)), "0000"])
    selector.replace(idPrefix: selector.idPrefixes[0], with: Self.message.id.description)
    #expect(selector.idPrefixes == [Self.message.id.description, "0000"])
    #expect(selector.matches(Self.message, now: Self.now) { Self.details })
  }

  @Test(
    "what is no selector says why",
    arguments: [
      ("", SelectorError.empty), ("   ", .empty), ("7K", .idTooShort("7K")), ("id:7KQ", .idTooShort("7KQ")),
      ("-7K", .idTooShort("7K")), ("7KQU", .notAnID("7KQU", term: "7KQU")),
      ("7KQ2M9XF4A", .notAnID("7KQ2M9XF4A", term: "7KQ2M9XF4A")), ("id:bob@x", .notAnID("bob@x", term: "id:bob@x")),
      ("queued", .notAnID("queued", term: "queued")), ("form:x", .unknownKey("form", term: "form:x")),
      (":x", .unknownKey("", term: ":x")), ("state:hold", .unknownState("hold", term: "state:hold")),
      ("from:", .badValue(term: "from:", expected: "a value, and one behind each comma")),
      ("7KQ2,", .badValue(term: "7KQ2,", expected: "a value, and one behind each comma")),
      (
        "from:example.org",
        .badValue(term: "from:example.org", expected: "an address, @domain, a pattern with *, or <>")
      ),
      ("to:@", .badValue(term: "to:@", expected: "an address, @domain, a pattern with *, or <>")),
      ("rule:x", .laterKey("rule", term: "rule:x")),
      ("reason://", .badValue(term: "reason://", expected: "a text, as reason:quota or reason:/user*unknown/")),
      ("code:5xx", .badValue(term: "code:5xx", expected: "a code, as code:550, code:5.7.1 or code:4.*")),
      ("tries:x", .badValue(term: "tries:x", expected: "a number, as tries:3 or tries:>3")),
      ("tries:>", .badValue(term: "tries:>", expected: "a number, as tries:3 or tries:>3")),
      ("tries:>1h", .badValue(term: "tries:>1h", expected: "a number, as tries:3 or tries:>3")),
      ("age:2h", .badValue(term: "age:2h", expected: "a time, as age:>2h or age:<30m")),
      ("age:>2", .badValue(term: "age:>2", expected: "a time, as age:>2h or age:<30m")),
      ("age:>2w", .badValue(term: "age:>2w", expected: "a time, as age:>2h or age:<30m")),
      ("next:=10m", .badValue(term: "next:=10m", expected: "a time, as next:<10m or next:>2h")),
      ("size:>5Q", .badValue(term: "size:>5Q", expected: "a size, as size:>5M or size:<10K")),
      ("size:>9999999999G", .badValue(term: "size:>9999999999G", expected: "a size, as size:>5M or size:<10K")),
    ])
  func refused(text: String, error: SelectorError) {
    #expect(throws: error) { try Selector(text) }
  }

  @Test("each error names the term as typed, and the words that would be right where there is a list of them")
  func errors() {
    let key = SelectorError.unknownKey("form", term: "-form:x")
    #expect(key.description == "'-form:x': there is no 'form:'")
    #expect(key.choice?.accepted.contains("from") == true)
    let state = SelectorError.unknownState("hold", term: "state:hold")
    #expect(
      state.choice?.accepted.sorted() == [
        "deferred", "dropped", "expired", "failed", "held", "quarantined", "queued", "relayed", "sending", "sent",
      ])
    #expect(SelectorError.notAnID("bob@x.org", term: "bob@x.org").suggestions == ["from:bob@x.org", "to:bob@x.org"])
    #expect(SelectorError.notAnID("Queued", term: "Queued").suggestions == ["state:queued"])
    #expect(SelectorError.notAnID("nas!", term: "nas!").suggestions == ["user:nas!", "client:nas!"])
  }

  @Test("a message that is kept back as a whole is in no other state", arguments: [MessageState.held, .quarantined])
  func keptBack(state: MessageState) throws {
    var view = Self.message
    view.state = state
    for other in ["queued", "deferred", "failed"] {
      #expect(try !Selector("state:\(other)").matches(view, now: Self.now) { nil })
    }
    #expect(try Selector("state:\(state.name)").matches(view, now: Self.now) { nil })
  }

  @Test("dropped mail is meant only by its state or its id, however else it would fit")
  func dropped() throws {
    var view = Self.message
    view.state = .dropped
    for text in ["from:*", "-state:held", "-state:queued", "state:queued,held", "-state:dropped", "age:>0s"] {
      #expect(try !Selector(text).matches(view, now: Self.now) { nil }, "\(text)")
    }
    for text in ["state:dropped", "state:dropped from:*", "state:queued,dropped", "\(view.id)"] {
      #expect(try Selector(text).matches(view, now: Self.now) { nil }, "\(text)")
    }
  }

  @Test("networks and the upstream are those of the caller, and a malformed network is told at once")
  func surroundings() throws {
    let surroundings = Selector.Surroundings(upstreams: { _ in ["gmail"] }) { network, address in
      #expect(address == "192.168.1.20")
      return network == "192.168.1.0/24"
    }
    let meant = [
      "client:192.168.1.0/24", "client:10.0.0.0/8,192.168.1.0/24", "-client:10.0.0.0/8", "upstream:GM*",
      "-upstream:m365",
    ]
    for text in meant {
      #expect(try Selector(text).matches(Self.message, now: Self.now, in: surroundings) { Self.details }, "\(text)")
    }
    #expect(throws: SelectorError.self) { try Selector("client:fax,10/x", isNetwork: { $0 != "10/x" }) }
  }

  @Test("a held message is meant by its hold's reason, and an untried one is asked for no reply")
  func heldAndUntried() throws {
    var view = Self.notification
    for text in ["reason:x", "code:550"] {
      let isMeant = try Selector(text).matches(view, now: Self.now) {
        Issue.record("read for '\(text)'")
        return nil
      }
      #expect(!isMeant)
    }
    view.hold = Hold(since: Self.now, by: PeerText("root"), reason: PeerText("typo in domain?"))
    view.state = .held
    #expect(try Selector("reason:TYPO state:held").matches(view, now: Self.now) { nil })
  }

  @Test("conditions are counted over all terms")
  func bounds() throws {
    let most = Array(repeating: "user:x", count: Selector.conditionsMax - 2) + ["from:a@x,b@x"]
    #expect(try !Selector(most.joined(separator: " ")).matches(Self.message, now: Self.now) { Self.details })
    #expect(throws: SelectorError.tooManyConditions) { try Selector((most + ["user:x"]).joined(separator: " ")) }
  }

  @Test("the origin is read back only where it decides, and once")
  func origins() throws {
    let unread = [
      "from:@example.com", "user:printer", "-user:printer", "client:192.168.1.20 state:queued", "tries:9 user:nas",
      "user:printer,fax",
    ]
    for text in unread {
      _ = try Selector(text).matches(Self.message, now: Self.now) {
        Issue.record("read for '\(text)'")
        return nil
      }
    }
    var reads = 0
    let isMeant = try Selector("client:192.168.1.* user:nas -client:fax").matches(Self.message, now: Self.now) {
      reads += 1
      return Self.details
    }
    #expect(isMeant && reads == 1)
    // Gone before it could be read: not meant, however the term is turned.
    for text in ["client:fax", "-client:fax", "user:nas", "-user:nas"] {
      #expect(try !Selector(text).matches(Self.message, now: Self.now) { nil }, "\(text)")
    }
  }

  @Test("many stars against a long text end at once")
  func stars() throws {
    let pattern = TextPattern(String(repeating: "a*", count: 100) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 10_000)))
    #expect(TextPattern("**a**").matches("xxaxx"))
    #expect(TextPattern("").matches(""))
    #expect(!TextPattern("").matches("x"))
  }
}
