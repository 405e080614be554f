// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP
import Testing

@Suite("Routes and patterns")
struct RouteTests {
  @Test(
    "A pattern matches addresses without regard to case",
    arguments: [
      ("*", ["a@b.example", "<>"], [String]()),
      ("<>", ["<>"], ["a@b.example"]),
      ("@b.example", ["a@b.example", "A@B.EXAMPLE", "\"a@x\"@b.example"], ["a@c.b.example", "a@xb.example", "<>"]),
      ("a@b.example", ["a@b.example", "A@b.Example"], ["aa@b.example", "a@b.examples", "<>"]),
      ("a@", ["a@b.example", "A@c.example", "a@[192.0.2.1]"], ["b@b.example", "a.a@b.example", "<>"]),
    ])
  func patterns(_ text: String, _ inside: [String], _ outside: [String]) throws {
    let pattern = try #require(MailboxPattern(text))
    #expect(pattern.description == text)
    for address in inside { #expect(pattern.matches(Address(address)), "\(address)") }
    for address in outside { #expect(!pattern.matches(Address(address)), "\(address)") }
  }

  @Test(
    "Anything else is no pattern", arguments: ["", "a", "@", "a@b@c", "*@b.example", "a@b c", "postmaster", " a@b"])
  func noPattern(_ text: String) {
    #expect(MailboxPattern(text) == nil)
  }

  private func route(_ keys: String, _ delivery: Configuration.Delivery) throws -> Int? {
    let text = keys.split(separator: "|").map { "[[route]]\nvia = \"relay\"\n\($0)\n" }.joined()
    return try load("[upstream.relay]\nhost = \"a.example\"\n\(text)").get().route(for: delivery)?.number
  }

  @Test("The first route decides of which all conditions hold, and of a list any value")
  func conditions() throws {
    var delivery = Configuration.Delivery(
      sender: Address("shop@shop.example"), recipient: Address("c@d.example")!, user: "copier-2",
      client: "printer", address: IPAddress("192.168.7.9"), octets: 10 << 20)
    #expect(try route("from = \"@other.example\"|to = \"@d.example\"|to = \"*\"", delivery) == 2)
    #expect(
      try route("from = [\"@other.example\", \"shop@\"]\nto = \"@other.example\"|user = \"COPIER-*\"", delivery) == 2)
    #expect(try route("client = \"192.168.8.0/24\"|client = [\"scan*\", \"print*\"]", delivery) == 2)
    #expect(try route("client = \"192.168.7.0/24\"", delivery) == 1)
    #expect(try route("size = \">10M\"|size = \"<10M\"|size = \">=10M\"", delivery) == 3)
    #expect(try route("from = \"<>\"", delivery) == nil)
    delivery.sender = nil
    (delivery.user, delivery.client, delivery.address) = (nil, nil, nil)
    #expect(
      try route("user = \"*\"|client = \"*\"|client = \"0.0.0.0/0\"|from = \"@shop.example\"|from = \"<>\"", delivery)
        == 5)
  }

  @Test("An upstream says as whom mail goes out")
  func senders() throws {
    let postmaster = try #require(Address("postmaster@gate.example"))
    let stranger = try #require(Address("bob@x.example"))
    let account = try #require(Address("a@b.example"))
    let gmail = try load("[upstream.gmail]\nusername = \"a@b.example\"\n").get().upstreams[0]
    #expect(gmail.outgoingSender(for: Address("A@B.example"), postmaster: postmaster) == .same)
    #expect(gmail.outgoingSender(for: stranger, postmaster: postmaster) == .rewritten(account))
    #expect(gmail.outgoingSender(for: nil, postmaster: postmaster) == .same)
    #expect(gmail.replacementAuthor == account)
    let strict = try load("[upstream.gmail]\nusername = \"a@b.example\"\nrewrite = \"\"\n").get().upstreams[0]
    #expect(strict.outgoingSender(for: stranger, postmaster: postmaster) == .refused)
    #expect(strict.replacementAuthor == nil)
    let ses = try load("[upstream.ses]\nusername = \"AKIA\"\nregion = \"eu-west-1\"\n").get().upstreams[0]
    #expect(ses.outgoingSender(for: stranger, postmaster: postmaster) == .same)
    #expect(ses.outgoingSender(for: nil, postmaster: postmaster) == .rewritten(postmaster))
    #expect(ses.replacementAuthor == nil)
  }

  @Test("Upstreams are in the order of priority, then of the file")
  func order() throws {
    let names = try load(
      """
      [upstream.z]
      host = "a.example"
      [upstream.a]
      host = "a.example"
      priority = 20
      [upstream.b]
      host = "a.example"
      priority = 0
      [upstream.m]
      host = "a.example"
      """
    ).get().upstreams.map(\.name)
    #expect(names == ["b", "z", "m", "a"])
  }

  @Test(
    "URLs are taken apart, and those without TLS are none",
    arguments: [
      ("https://a.example", "a.example", 443, "/"),
      ("https://a.example:8443/t?x=y%20z", "a.example", 8443, "/t?x=y%20z"),
      ("HTTPS://[::1]:99/", "::1", 99, "/"), ("https://192.0.2.1?x", "192.0.2.1", 443, "/?x"),
    ])
  func url(_ text: String, _ host: String, _ port: Int, _ target: String) throws {
    let url = try #require(HTTPSAddress(text))
    #expect([url.host, "\(url.port)", url.target] == [host, "\(port)", target])
    #expect(HTTPSAddress(url.description) == url)
    for wrong in [
      "http://a.example/", "https://", "https:///t", "https://a:0/", "https://u@a.example/", "https://a/#x",
      "https://a b/",
    ] {
      #expect(HTTPSAddress(wrong) == nil)
    }
  }
}
