// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import SMTP

/// What upstreams do, and what the admin does about them.
extension Simulation {
  // MARK: - Connections

  func loginTrouble(_ name: String) -> UpstreamTrouble? {
    guard fleet[name].ailment == .noLogin else { return nil }
    trace.note(.upstream, 6, fleet.generation, text: "there is no login for \(name)")
    couldNotConnect(fleet[name])
    return UpstreamTrouble(.login, at: "token", "no token can be had")
  }

  func connect(
    _ host: String, _ configure: (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    let loop = process.loop
    let server = fleet[String(host.dropLast(".sim".count))]
    for upstream in upstreams { upstream.noteReplies(&oracle) }
    let open = connections(server)
    if let objection = fleet.objection(toConnecting: server.name, open: open) { oracle.blame(objection) }
    if server.ailment == .dead || (!isCalm && server.moodiness > 0 && generator.oneIn(10)) {
      trace.note(.upstream, 7, fleet.generation, text: "\(server.name) does not answer")
      couldNotConnect(server)
      return loop.makeFailedFuture(ChannelError.connectTimeout(.seconds(1)))
    }
    trace.note(.upstream, 8, fleet.generation, open, text: "\(server.name) is connected, beside \(open) others")
    server.connected()
    let channel = EmbeddedChannel(handlers: [], loop: loop)
    let configured = configure(channel)
    channel.connect(to: try! SocketAddress(ipAddress: "192.0.2.99", port: 25), promise: nil)
    upstreams.append(SimulatedUpstream(link: SimulatedLink(channel: channel, gate: nil), server, fleet))
    return configured.map { channel }
  }

  private func couldNotConnect(_ server: SimulatedServer) {
    server.couldNotConnect(isAlone: connections(server) == 0)
  }

  /// Those that were opened under the settings that are in force.
  private func connections(_ server: SimulatedServer) -> Int {
    upstreams.count { $0.server === server && $0.generation == fleet.generation && $0.link.channel.isActive }
  }

  // MARK: - Moods

  /// Mostly good, or nothing would ever leave.
  func mood(_ stage: SimulatedUpstream.Stage, _ server: SimulatedServer) -> SimulatedUpstream.Mood {
    guard !isCalm else { return .takes }
    if let mood = ailing(stage, server) { return mood }
    if server.moodiness < 1_000, Int.random(in: 0..<1_000, using: &generator) >= server.moodiness { return .takes }
    switch stage {
    case .greeting: return generator.oneIn(30) ? .isBusy : .takes
    case .mail:
      if generator.oneIn(200) { return .says([.never, .gone, .notYet, .slow].randomElement(using: &generator)!) }
      return generator.oneIn(20) ? [.says(.later), .hangsUp, .isBusy].randomElement(using: &generator)! : .takes
    case .recipient:
      if plan.mayExpire, !generator.oneIn(3) { return .says(.later) }
      guard generator.oneIn(12) else { return .takes }
      return [.says(.later), .says(.never), .says(.never), .says(.gone), .says(.notYet), .says(.full), .hangsUp]
        .randomElement(using: &generator)!
    case .data:
      guard generator.oneIn(30) else { return .takes }
      return [.hangsUp, .hangsUp, .says(.later), .says(.never)].randomElement(using: &generator)!
    case .end:
      guard generator.oneIn(4) else { return .takes }
      return [
        .takesAndHangsUp, .takesAndHangsUp, .says(.later), .says(.never), .says(.gone), .says(.notYet), .hangsUp,
        .isBusy,
      ].randomElement(using: &generator)!
    }
  }

  private func ailing(_ stage: SimulatedUpstream.Stage, _ server: SimulatedServer) -> SimulatedUpstream.Mood? {
    guard case .says(let reply) = server.ailment else { return nil }
    switch stage {
    case .mail: return generator.oneIn(2) ? .says(reply) : nil
    case .recipient: return reply != .login && generator.oneIn(2) ? .says(reply) : nil
    case .end: return generator.oneIn(2) ? .says(reply) : nil
    case .greeting, .data: return nil
    }
  }

  // MARK: - Ailments

  func meddleWithUpstreams() {
    for server in fleet.servers where server.ailmentLeft > 0 {
      server.ailmentLeft -= 1
      if server.ailmentLeft == 0 { heal(server) }
    }
    let roll = Int.random(in: 0..<1_000, using: &generator)
    if roll < plan.ailments {
      guard let server = fleet.servers.randomElement(using: &generator), server.ailment == nil else { return }
      let ailments: [SimulatedServer.Ailment] = [
        .dead, .dead, .noLogin, .says(.slow), .says(.quota), .says(.locked), .says(.login),
      ]
      ail(server, ailments.randomElement(using: &generator)!)
    } else if roll < plan.ailments + plan.reloads {
      reload()
    } else if roll == 999 {
      quotaMemory.isBroken.toggle()
    }
  }

  func ail(_ server: SimulatedServer, _ ailment: SimulatedServer.Ailment) {
    trace.note(.world, 10, text: "\(server.name) is ill: \(ailment)")
    report[.ailments] += 1
    server.ailment = ailment
    server.ailmentLeft = Int.random(in: 10...150, using: &generator)
    if ailment == .dead { for upstream in upstreams where upstream.server === server { upstream.link.hangUp() } }
  }

  /// Sometimes somebody says so, sometimes the gateway finds out.
  func heal(_ server: SimulatedServer) {
    guard let ailment = server.ailment else { return }
    trace.note(.world, 11, text: "\(server.name) is well")
    server.ailment = nil
    server.ailmentLeft = 0
    switch Int.random(in: 0..<3, using: &generator) {
    case 0: process.dispatcher.probe(server.name)
    case 1 where ailment == .noLogin || ailment == .says(.login):
      server.isSaidToWork()
      process.dispatcher.loginWorks(server.name, isTried: ailment != .noLogin)
    default: break
    }
  }

  // MARK: - Reloads

  func reload() {
    let place = Int.random(in: 0..<fleet.setups.count, using: &generator)
    report[.reloads] += 1
    trace.note(.admin, 5, place, text: "loads configuration \(place)")
    fleet.write(place)
    let bound = NIOLoopBound((self, process!), eventLoop: process.loop)
    process.reload(fleet.setup.settings) {
      let (simulation, process) = bound.value
      guard simulation.process === process else { return }
      simulation.fleet.reload(to: place)
    }
    // Whatever else it is about to do may come before or behind it.
    if generator.oneIn(2) { process.loop.run() }
  }
}
