// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Testing

@testable import Gateway

@Suite("The routers of this host")
struct DefaultGatewaysTests {
  static let route = """
    Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
    eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
    eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
    eth1	0000A8C0	FE01A8C0	0003	0	0	0	00FFFFFF	0	0	0
    wg0	00000000	00000000	0001	0	0	50	00000000	0	0	0
    """
  static let route6 = """
    00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
    fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
    fe800000000000000000000000000000 40 00000000000000000000000000000000 00 \
    00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
    20010db8000000000000000000000000 20 00000000000000000000000000000000 00 \
    fd0000000000000000000000000000ff 00000400 00000003 00000000 00000003     eth0
    """

  @Test("are those of the default routes, and no others")
  func parsed() {
    let gateways = DefaultGateways.parse(route: Self.route, route6: Self.route6)
    #expect(gateways == [IPAddress("172.17.0.1")!, IPAddress("fd00::1")!])
  }

  @Test("are not trusted because of the network that they are in")
  func trusted() {
    var configuration = Configuration(hostname: "gate.test", upstream: .init(name: "office"))
    configuration.access.trusted = [Network("172.17.0.0/16")!]
    var settings = Settings(configuration: configuration, users: UsersFile(), serverTLS: nil, upstreams: [])
    #expect(settings.trusts(IPAddress("172.17.0.1")!))
    settings.routers = DefaultGateways.parse(route: Self.route, route6: Self.route6)
    #expect(!settings.trusts(IPAddress("172.17.0.1")!))
    #expect(settings.trusts(IPAddress("172.17.0.2")!))
    #expect(!settings.trusts(IPAddress("192.168.1.254")!))
  }

  @Test("need a login within the network of a client, unless they are that client")
  func clients() {
    var configuration = Configuration(hostname: "gate.test", upstream: .init(name: "office"))
    configuration.clients = [.init(name: "lan", addresses: [Network("172.17.0.0/16")!], allow: [.noAuth])]
    var settings = Settings(configuration: configuration, users: UsersFile(), serverTLS: nil, upstreams: [])
    settings.routers = [IPAddress("172.17.0.1")!]
    #expect(!settings.needsNoLogin(IPAddress("172.17.0.1")!))
    #expect(settings.needsNoLogin(IPAddress("172.17.0.2")!))
    #expect(!settings.needsNoLogin(IPAddress("172.18.0.2")!))
    settings.configuration.clients.append(
      .init(name: "router", addresses: [Network("172.17.0.1")!], allow: [.noAuth]))
    #expect(settings.needsNoLogin(IPAddress("172.17.0.1")!))
  }

  @Test(
    "are none where the tables are empty, cut off or something else", arguments: ["", "Iface\n", "x\n0 0 0\n", "\0"])
  func nothing(text: String) {
    #expect(DefaultGateways.parse(route: text, route6: text) == [])
    #expect(DefaultGateways.parse(route: String(Self.route.prefix(90)), route6: String(Self.route6.prefix(60))) == [])
  }
}
