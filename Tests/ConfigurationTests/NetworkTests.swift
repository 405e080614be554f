// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Testing

@Suite("Addresses and networks")
struct NetworkTests {
  @Test(
    "An address is read as inet_pton reads it, and printed in the shortest form",
    arguments: [
      ("192.168.1.1", "192.168.1.1"), ("::ffff:192.168.1.1", "192.168.1.1"), ("::FFFF:c0a8:101", "192.168.1.1"),
      ("0:0::1", "::1"), ("2001:DB8:0:0::7", "2001:db8::7"), ("0.0.0.0", "0.0.0.0"), ("::", "::"),
      ("255.255.255.255", "255.255.255.255"), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil),
    ] as [(String, String?)])
  func addresses(_ text: String, _ printed: String?) throws {
    #expect(try #require(IPAddress(text)).description == printed ?? text)
  }

  @Test(
    "Anything else is no address",
    arguments: [
      "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " ::1", "::1%lo", "[::1]", "gate", "1.2.3.4\0x",
      "::1/8",
    ])
  func noAddress(_ text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("An IPv4-mapped IPv6 address is its IPv4 address")
  func mapped() {
    #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
    #expect(IPAddress("::10.0.0.1") != IPAddress("10.0.0.1"))
    #expect(IPAddress("::ffff:10.0.0.1")?.isIPv4 == true)
    #expect(Network("::ffff:10.0.0.0/104") == Network("10.0.0.0/8"))
    #expect(Network("10.0.0.0/8")?.contains(IPAddress("::ffff:10.9.9.9")!) == true)
  }

  @Test(
    "A network contains the addresses that share its prefix, and none of the other family",
    arguments: [
      ("192.168.1.0/24", ["192.168.1.0", "192.168.1.255"], ["192.168.0.255", "192.168.2.0", "::c0a8:100", "::1"]),
      ("192.168.1.7", ["192.168.1.7"], ["192.168.1.6", "192.168.1.8"]),
      ("128.0.0.0/1", ["128.0.0.0", "255.255.255.255"], ["127.255.255.255", "::"]),
      ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "2001:db8::1"]),
      ("::/0", ["::", "2001:db8::1"], ["1.2.3.4", "0.0.0.0"]),
      ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]),
      ("2001:db8:0:1::/64", ["2001:db8:0:1::1", "2001:db8:0:1:ffff::"], ["2001:db8:0:2::", "2001:db8::"]),
      ("2001:db8::8000/113", ["2001:db8::ffff"], ["2001:db8::7fff", "2001:db8::1:8000"]),
      ("::1", ["::1"], ["::", "::2", "0.0.0.1"]),
    ])
  func containing(_ text: String, _ inside: [String], _ outside: [String]) throws {
    let network = try #require(Network(text))
    #expect(network.description == text)
    for address in inside { #expect(network.contains(try #require(IPAddress(address))), "\(address)") }
    for address in outside { #expect(!network.contains(try #require(IPAddress(address))), "\(address)") }
  }

  @Test(
    "What is wrong with a network is said",
    arguments: [
      ("192.168.1.0/33", NetworkProblem.prefix(family: "IPv4", from: 0, through: 32)),
      ("192.168.1.0/", .prefix(family: "IPv4", from: 0, through: 32)),
      ("192.168.1.0/-1", .prefix(family: "IPv4", from: 0, through: 32)),
      ("192.168.1.0/+8", .prefix(family: "IPv4", from: 0, through: 32)),
      ("192.168.1.0/24/24", .prefix(family: "IPv4", from: 0, through: 32)),
      ("::ffff:10.0.0.0/8", .prefix(family: "IPv4", from: 96, through: 128)),
      ("fe80::/129", .prefix(family: "IPv6", from: 0, through: 128)),
      ("fe80::/99999999999999999999", .prefix(family: "IPv6", from: 0, through: 128)),
      ("192.168.1.1/24", .hostBits(suggestion: Network("192.168.1.0/24")!)),
      ("fe80::1/64", .hostBits(suggestion: Network("fe80::/64")!)),
      ("192.168.1/24", .notAnAddress), ("/24", .notAnAddress), ("", .notAnAddress), ("gate/24", .notAnAddress),
    ])
  func problems(_ text: String, _ problem: NetworkProblem) {
    #expect(throws: problem) { try Network(parsing: text) }
    #expect(Network(text) == nil)
  }

  @Test("Only a network that lies wholly in private space is private")
  func privacy() throws {
    for text in [
      "10.0.0.0/8", "172.16.0.0/12", "172.31.255.0/24", "192.168.0.0/16", "127.0.0.1", "169.254.0.0/16", "::1",
      "fe80::/10", "fd12:3456::/32", "fc00::/7", "::ffff:10.0.0.0/104",
    ] { #expect(try #require(Network(text)).isPrivate, "\(text)") }
    for text in [
      "8.8.8.8", "0.0.0.0/0", "10.0.0.0/7", "172.32.0.0/12", "172.16.0.0/11", "192.168.0.0/15", "100.64.0.0/10", "::/0",
      "2001:db8::/32", "fc00::/6", "::/127",
    ] { #expect(Network(text)?.isPrivate != true, "\(text)") }
  }
}
