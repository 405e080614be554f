// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Gateway
import SMTP

/// One configuration of upstreams and routes, in words of the simulator: the oracle asks it which way mail goes, and
/// nothing of what is tested. A seed makes some; a reload changes from one to another.
struct SimulatedSetup {
  struct Upstream: Equatable {
    var name: String
    var priority = 10
    var connections = 2
    /// 0: no limit.
    var perConnection = 50
    var rate: Rate?
    var quota: Quota?
  }

  /// Messages in a time.
  struct Rate: Equatable {
    var count: Int
    var seconds: Int
  }

  struct Quota: Equatable {
    var count: Int
    var isOfRecipients: Bool
    var seconds: Int
  }

  /// What is nil is no condition.
  struct Route {
    var sender: SenderCondition?
    var recipientDomain: String?
    var submitter: Int?
    var via: [String]
  }

  enum SenderCondition {
    case null
    case domain(String)
    /// Of anybody, if the message is larger.
    case larger(Int)
  }

  let upstreams: [Upstream]
  private let routes: [Route]
  let settings: Settings

  init(upstreams: [Upstream], routes: [Route], configuration: Configuration) {
    self.upstreams = upstreams
    self.routes = routes
    var configuration = configuration
    configuration.upstreams = upstreams.map(\.configured)
    configuration.routes = routes.enumerated().map { $1.configured(number: $0 + 1) }
    settings = Settings.plain(configuration, rules: SimulatedReply.rules)
  }

  var names: [String] { upstreams.map(\.name) }

  subscript(name: String) -> Upstream? { upstreams.first { $0.name == name } }

  /// Upstreams in the order in which they are to be tried; those of one list share.
  func groups(of mail: MailFacts, to recipient: String) -> [[String]] {
    if let route = routes.first(where: { $0.holds(mail, recipient) }) { return route.via.map { [$0] } }
    return Set(upstreams.map(\.priority)).sorted().map { priority in
      upstreams.filter { $0.priority == priority }.map(\.name)
    }
  }

  // MARK: - What a seed makes

  static let recipientDomains = ["upstream.sim", "shop.sim", "list.sim"]
  static let senderDomains = ["client.sim", "office.sim"]

  init(of names: [String], using generator: inout SeededGenerator, _ configuration: Configuration) {
    let isLimited = generator.oneIn(3)
    let upstreams = names.map { name in
      var upstream = Upstream(name: name)
      upstream.priority = generator.oneIn(2) ? 10 : [20, 30].randomElement(using: &generator)!
      upstream.connections = [1, 2, 2, 4].randomElement(using: &generator)!
      upstream.perConnection = [0, 1, 2, 5, 50].randomElement(using: &generator)!
      guard isLimited else { return upstream }
      if generator.oneIn(3) {
        upstream.rate = Rate(
          count: Int.random(in: 1...6, using: &generator), seconds: [1, 20, 120].randomElement(using: &generator)!)
      }
      if generator.oneIn(2) {
        upstream.quota = Quota(
          count: Int.random(in: 2...8, using: &generator), isOfRecipients: generator.oneIn(3),
          seconds: [20, 60, 300].randomElement(using: &generator)!)
      }
      return upstream
    }
    let routes = (0..<Int.random(in: 0...3, using: &generator)).map { _ in Route(through: names, using: &generator) }
    self.init(upstreams: upstreams, routes: names.count > 1 ? routes : [], configuration: configuration)
  }
}

/// What routes ask of a message.
struct MailFacts {
  /// nil: a notification, which is nobody's.
  var sender: (domain: String, submitter: Int)?
  var octets = 0
}

extension SimulatedSetup.Route {
  fileprivate init(through names: [String], using generator: inout SeededGenerator) {
    let shuffled = names.shuffled(using: &generator)
    via = Array(shuffled.prefix(Int.random(in: 1...names.count, using: &generator)))
    switch Int.random(in: 0..<6, using: &generator) {
    case 0, 1: recipientDomain = SimulatedSetup.recipientDomains.randomElement(using: &generator)!
    case 2: sender = .domain(SimulatedSetup.senderDomains.randomElement(using: &generator)!)
    case 3: sender = .larger([100, 2_000, 60_000].randomElement(using: &generator)!)
    case 4: submitter = Int.random(in: 0..<SimulationPlan.submitters, using: &generator)
    default: sender = .null
    }
    if generator.oneIn(4) { recipientDomain = SimulatedSetup.recipientDomains.randomElement(using: &generator)! }
  }

  fileprivate func holds(_ mail: MailFacts, _ recipient: String) -> Bool {
    if let recipientDomain, !recipient.hasSuffix("@\(recipientDomain)") { return false }
    if let submitter, mail.sender?.submitter != submitter { return false }
    switch sender {
    case nil: return true
    case .null: return mail.sender == nil
    case .domain(let domain): return mail.sender?.domain == domain
    case .larger(let octets): return mail.sender != nil && mail.octets > octets
    }
  }

  fileprivate func configured(number: Int) -> Configuration.Route {
    var route = Configuration.Route(number: number, via: via)
    if let recipientDomain { route.to = [.domain(recipientDomain)] }
    if let submitter { route.clients = [.name(TextPattern("lan\(submitter)"))] }
    switch sender {
    case nil: break
    case .null: route.from = [.null]
    case .domain(let domain): route.from = [.domain(domain)]
    case .larger(let octets):
      route.from = SimulatedSetup.senderDomains.map { .domain($0) }
      route.size = Configuration.SizeBound(.more, octets)
    }
    return route
  }
}

extension SimulatedSetup.Upstream {
  fileprivate var configured: Configuration.Upstream {
    var upstream = Configuration.Upstream(name: name)
    upstream.host = "\(name).sim"
    upstream.security = .none
    upstream.priority = priority
    upstream.maxConnections = connections
    upstream.maxPerConnection = perConnection
    upstream.rate = rate.map { Configuration.Rate(count: $0.count, seconds: $0.seconds) }
    upstream.quota = quota.map {
      Configuration.Quota(count: $0.count, unit: $0.isOfRecipients ? .recipients : .messages, seconds: $0.seconds)
    }
    return upstream
  }
}
