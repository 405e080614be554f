// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import WAL

/// A way for mail to leave: upstreams in the order in which they are tried.
package struct Way: Sendable, Hashable, CustomStringConvertible {
  /// Names. The second group is used while no upstream of the first can be, and so on; those of one group share.
  package var groups: [[String]]

  package init(_ groups: [[String]]) {
    self.groups = groups
  }

  package var names: [String] { groups.flatMap { $0 } }

  /// Without groups if there was nobody else.
  func without(_ name: String) -> Way { Way(groups.map { $0.filter { $0 != name } }.filter { !$0.isEmpty }) }

  /// `ses, then gmail or fastmail`.
  package var description: String { groups.map { $0.joined(separator: " or ") }.joined(separator: ", then ") }
}

/// Which way mail goes: the first route of the configuration that matches, or all upstreams by priority. Each way is a
/// lane of the queue. A value made of one configuration; it knows nothing of the health of upstreams.
package struct RouteTable: MailRouter, Equatable {
  /// By number of the lane; the first one is that of mail that no route names.
  package let ways: [Way]
  private let routes: [Configuration.Route]
  /// The lane of each route.
  private let lanes: [UInt8]
  /// An address is read only where a route asks for it.
  private let needsAddress: Bool

  /// A lane is a number of one octet.
  static let waysMax = 256

  package init(_ configuration: Configuration) {
    let priorities = Set(configuration.upstreams.map(\.priority)).sorted()
    var ways = [
      Way(priorities.map { priority in configuration.upstreams.filter { $0.priority == priority }.map(\.name) })
    ]
    var lanes: [UInt8] = []
    for route in configuration.routes {
      let way = Way(route.via.map { [$0] })
      let lane = ways.firstIndex(of: way) ?? ways.count
      if lane == ways.count { ways.append(way) }
      lanes.append(UInt8(clamping: lane))
    }
    self.ways = ways
    self.lanes = lanes
    routes = configuration.routes
    needsAddress = routes.contains { $0.asksForAddress }
  }

  /// Why this table cannot be in force; nil if it can.
  var fault: String? {
    guard ways.count > Self.waysMax else { return nil }
    return
      "the routes name \(ways.count - 1) different lists of upstreams in 'via'; at most \(Self.waysMax - 1) are possible"
  }

  package func lane(of mail: RoutedMail, to recipient: Address) -> UInt8 {
    if routes.isEmpty { return 0 }
    let delivery = Configuration.Delivery(
      sender: mail.sender, recipient: recipient, user: mail.source.login, client: mail.source.client,
      address: needsAddress ? IPAddress(mail.source.address) : nil, octets: mail.size)
    return decide(delivery).lane
  }

  /// For a person who asks: the route that decides, if one does, and the way.
  package func explain(_ delivery: Configuration.Delivery) -> (route: Configuration.Route?, way: Way) {
    let (place, lane) = decide(delivery)
    return (place.map { routes[$0] }, ways[Int(lane)])
  }

  /// Each route with its way, in the order in which they are tried; mail that none of them names has the first way.
  package var routedWays: some Sequence<(Configuration.Route, Way)> {
    zip(routes, lanes.lazy.map { ways[Int($0)] })
  }

  private func decide(_ delivery: Configuration.Delivery) -> (place: Int?, lane: UInt8) {
    guard let place = routes.firstIndex(where: { $0.matches(delivery) }) else { return (nil, 0) }
    return (place, lanes[place])
  }
}

extension MessageQueue {
  /// Messages that are ready and that this upstream may carry, whoever will. `ways` are those of the lanes, in order. One
  /// with recipients that go different ways counts in each.
  func readyCount(through upstream: String, of ways: [Way], now: Instant) -> Int {
    let routing = routing
    return ways.enumerated().reduce(0) { sum, way in
      guard way.element.names.contains(upstream) else { return sum }
      return sum + readyCount(Lane(routing: routing, number: UInt8(way.offset)), now: now)
    }
  }
}

extension Configuration.Route {
  fileprivate var asksForAddress: Bool {
    clients.contains { if case .network = $0 { true } else { false } }
  }
}
