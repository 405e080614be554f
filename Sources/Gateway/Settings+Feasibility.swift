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
    var ways: [Feasibility.Way] = []
    for (route, way) in routes.routedWays where route.concerns(user: login, client: client, address: address) {
      let octets = route.size?.range
      // A bound that no size meets.
      if route.size != nil, octets == nil { continue }
      ways.append(Feasibility.Way(from: route.from, to: route.to, octets: octets, bounds: bounds(of: way, announced)))
    }
    ways.append(Feasibility.Way(bounds: bounds(of: routes.ways[0], announced)))
    return Feasibility(ways)
  }

  /// To everybody together.
  func offer(_ announced: [String: Extensions]) -> Announcements.Offer {
    let configured = UInt64(configuration.message.maxSize)
    var offer = Announcements.Offer(octets: configured, configured: configured)
    let octets = routes.ways.reduce(0) { max($0, bounds(of: $1, announced).octetsMax) }
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
