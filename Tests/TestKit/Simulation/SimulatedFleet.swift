// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway

/// All upstreams of a run, and what was configured of them when: the part of the oracle that knows who may carry what. A
/// generation is a number for the time in which the gateway works with the same settings in the same process.
final class SimulatedFleet {
  let servers: [SimulatedServer]
  let setups: [SimulatedSetup]
  let time: SimulatedTime
  /// Places of setups.
  private var generations: [Int] = []
  /// Where the configuration file stands.
  private(set) var place = 0
  /// Transactions with an upstream that was not the first of its way.
  private(set) var failovers = 0

  init(_ plan: SimulationPlan, _ time: SimulatedTime, using generator: inout SeededGenerator) {
    self.time = time
    setups = plan.setups
    servers = plan.upstreams.map { SimulatedServer($0, time, using: &generator) }
  }

  subscript(name: String) -> SimulatedServer { servers.first { $0.name == name }! }

  var generation: Int { generations.count - 1 }
  /// What the configuration file says.
  var setup: SimulatedSetup { setups[place] }
  /// What the relay works with.
  var setupInForce: SimulatedSetup { generations.isEmpty ? setup : setups[generations[generation]] }

  func setup(of generation: Int) -> SimulatedSetup { setups[generations[generation]] }

  // MARK: - What changes

  func write(_ place: Int) { self.place = place }

  /// A process begins to work with what the file says.
  func start() {
    generations.append(place)
    for server in servers { setup[server.name] == nil ? server.leave() : server.begin() }
    for upstream in setup.upstreams {
      self[upstream.name].allowance.adopt(upstream, isNew: true, generation: generation)
    }
  }

  func processEnded() {
    for server in servers { server.allowance.processEnded(time.now) }
  }

  /// The dispatcher has these settings from now on.
  func reload(to place: Int) {
    let old = setupInForce
    generations.append(place)
    let new = setups[place]
    for server in servers {
      switch (old[server.name], new[server.name]) {
      case (nil, let upstream?):
        server.begin()
        server.allowance.adopt(upstream, isNew: true, generation: generation)
      case (_?, let upstream?): server.allowance.adopt(upstream, isNew: false, generation: generation)
      case (_?, nil): server.leave()
      case (nil, nil): break
      }
    }
  }

  func wroteQuotas(_ isWritten: Bool) {
    for server in servers { server.allowance.wrote(isWritten, time.now) }
  }

  func jumped(from wall: Int64) {
    for server in servers { server.allowance.jumped(from: wall, time.now) }
  }

  // MARK: - What may be

  /// Lifetimes stand still for certain: no upstream can carry mail.
  var standsStill: Bool {
    setupInForce.names.allSatisfy { self[$0].isPaused || self[$0].isSurelyDown }
  }

  /// Upstreams that mail cannot pass by, if it is begun now under these settings.
  func unavoidable(_ generation: Int) -> Set<String> {
    // What was begun under older settings is not looked at so closely.
    generation == self.generation ? Set(servers.filter(\.mustBeUsed).map(\.name)) : []
  }

  /// Somebody has stopped all of them.
  var isPaused: Bool { setupInForce.names.allSatisfy { self[$0].isPaused } }

  /// What speaks against that an upstream gets a message for this recipient; nil: nothing. `unavoidable` is of the time
  /// when the message was begun.
  func objection(
    to name: String, generation: Int, _ mail: MailFacts, _ recipient: String, unavoidable: Set<String>
  ) -> String? {
    let groups = setup(of: generation).groups(of: mail, to: recipient)
    guard let rank = groups.firstIndex(where: { $0.contains(name) }) else {
      return "\(recipient) was given to \(name), and only \(groups) may have it"
    }
    if rank > 0 { failovers += 1 }
    let better = groups[..<rank].joined().first { unavoidable.contains($0) }
    return better.map { "\(recipient) was given to \(name), and \($0) could take it" }
  }

  /// What speaks against one more connection, when there are so many already that these settings have opened.
  func objection(toConnecting name: String, open: Int) -> String? {
    guard let upstream = setupInForce[name] else { return "\(name) is connected, and no settings name it" }
    if open >= upstream.connections {
      return "\(name) has \(open + 1) connections, and may have \(upstream.connections)"
    }
    if open > 0, !self[name].greetedGenerations.contains(generation) {
      return "\(name) has \(open + 1) connections before one has shown that it works"
    }
    return nil
  }
}
