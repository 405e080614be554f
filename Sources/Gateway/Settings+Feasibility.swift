// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP

/// What can leave at all, by what upstreams announced. All of a way count: what one finds too large the next one is asked
/// for. One that was not heard yet takes everything.
extension Settings {
  /// Of what a client hands in that is known by these.
  func feasibility(
    login: String?, client: String?, address: IPAddress, announced: [String: Extensions]
  ) -> Feasibility {
    guard !announced.isEmpty else { return .everything }
    let own = ways(announced) { $0.concerns(user: login, client: client, address: address) }
    // EHLO stands in front of the login, and few clients say it again behind.
    let ofUsers =
      login != nil
      ? [] : ways(announced) { !$0.users.isEmpty && $0.concerns(client: client, address: address) }
    return Feasibility(own + [unrouted(announced)], orBehindLogin: ofUsers)
  }

  private func ways(
    _ announced: [String: Extensions], where isMeant: (Configuration.Route) -> Bool
  ) -> [Feasibility.Way] {
    routes.routedWays.compactMap { route, way in
      guard isMeant(route) else { return nil }
      guard let size = route.size else {
        return Feasibility.Way(from: route.from, to: route.to, bounds: bounds(of: way, announced))
      }
      // A bound that no size meets.
      guard let octets = size.range else { return nil }
      var bounds = bounds(of: way, announced)
      bounds.octetsMax = min(bounds.octetsMax, octets.upperBound)
      return Feasibility.Way(from: route.from, to: route.to, octets: octets, bounds: bounds)
    }
  }

  /// Where no route matches.
  private func unrouted(_ announced: [String: Extensions]) -> Feasibility.Way {
    Feasibility.Way(bounds: bounds(of: routes.ways[0], announced))
  }

  /// To everybody together.
  func offer(_ announced: [String: Extensions]) -> Announcements.Offer {
    let configured = UInt64(configuration.message.maxSize)
    var offer = Announcements.Offer(octets: configured, configured: configured)
    let octets = (ways(announced) { _ in true } + [unrouted(announced)]).map(\.bounds.octetsMax).max()!
    guard octets < configured else { return offer }
    offer.octets = octets
    offer.upstream = upstreams.map(\.name).first { announced[$0]?.size == octets }
    return offer
  }

  private func bounds(of way: Way, _ announced: [String: Extensions]) -> Feasibility.Bounds {
    way.names.reduce(.nothing) { bounds, name in
      guard let extensions = announced[name] else { return Feasibility.Bounds() }
      let size = extensions.size ?? 0
      return bounds.or(
        Feasibility.Bounds(
          octetsMax: size == 0 ? .max : size, takesUTF8: extensions.smtpUTF8,
          takesUTF8Senders: extensions.smtpUTF8 || upstream(named: name)?.upstream.rewrite != nil))
    }
  }
}

extension Configuration.SizeBound {
  /// Sizes that meet it; nil: none does.
  fileprivate var range: ClosedRange<UInt64>? {
    let bound = UInt64(octets)
    switch relation {
    case .atLeast: return bound...UInt64.max
    case .atMost: return 0...bound
    case .more: return bound == .max ? nil : bound + 1...UInt64.max
    case .less: return bound == 0 ? nil : 0...bound - 1
    }
  }
}
