// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TLS
import Gateway

/// What a seed decides before the run begins: how long it is, what the disk is like, what the admin configured.
struct SimulationPlan {
  let steps: Int
  let segmentOctets: Int
  let failedSync: SimulatedDisk.FailedSync
  let isReserving: Bool
  /// Of a thousand steps, so many bring trouble.
  let troubles: Int
  let crashes: Int
  let mayExpire: Bool
  /// Bodies that take several records, in a hundred.
  let largeBodies: Int
  let recipientsMax: Int
  let wallJumps: Bool
  /// Milliseconds for which a dropped message can be put back.
  let droppedKeep: Int64
  /// Octets that are to stay free, and messages that may wait.
  let minFree: Int
  let messagesMax: Int
  /// Names of all upstreams of the run.
  let upstreams: [String]
  /// What is configured of them, at one time or another.
  let setups: [SimulatedSetup]
  /// Of a thousand steps, so many bring trouble at an upstream, and so many a reload.
  let ailments: Int
  let reloads: Int
  /// In the end one upstream stays dead for hours.
  let losesOne: Bool

  init(using generator: inout SeededGenerator) {
    steps = [150, 250, 300, 400, 600, 1_200].randomElement(using: &generator)!
    // Small ones are full soon; reading all of a large one takes longer than everything else.
    let isUsual = generator.oneIn(50)
    segmentOctets = isUsual ? 16 << 20 : [16, 32, 64, 256].randomElement(using: &generator)! << 10
    failedSync = SimulatedDisk.FailedSync.allCases.randomElement(using: &generator)!
    isReserving = !generator.oneIn(4)
    troubles = [0, 10, 20, 40].randomElement(using: &generator)!
    crashes = [0, 5, 10, 20].randomElement(using: &generator)!
    mayExpire = generator.oneIn(6)
    largeBodies = [0, 10, 10, 50].randomElement(using: &generator)!
    recipientsMax = [1, 3, 8].randomElement(using: &generator)!
    wallJumps = generator.oneIn(3)
    droppedKeep = [0, 3_000, 30_000, 3_600_000].randomElement(using: &generator)!
    minFree = [0, 0, 60_000, 300_000].randomElement(using: &generator)!
    messagesMax = generator.oneIn(5) ? Int.random(in: 3...20, using: &generator) : 100_000
    var configuration = Self.configuration
    // More than a run takes, less than a long pause; unless old mail is to be given up.
    configuration.queue.lifetime = mayExpire ? [4_000, 10_000].randomElement(using: &generator)! : 1_800_000
    configuration.queue.minFree = minFree
    configuration.queue.maxMessages = messagesMax
    let names = Array(["sim", "east", "west"].prefix([1, 2, 3, 3].randomElement(using: &generator)!))
    upstreams = names
    setups = (0..<[1, 2, 3].randomElement(using: &generator)!).map { _ in
      let part = generator.oneIn(3) ? [names.randomElement(using: &generator)!] : names
      return SimulatedSetup(of: part, using: &generator, configuration)
    }
    ailments = [0, 5, 15].randomElement(using: &generator)!
    reloads = setups.count == 1 ? [0, 2].randomElement(using: &generator)! : [2, 10].randomElement(using: &generator)!
    losesOne = generator.oneIn(3)
  }

  /// What every run has, but for upstreams and routes.
  static var configuration: Configuration {
    var configuration = Configuration(hostname: "gate.sim", upstream: Configuration.Upstream(name: "sim"))
    configuration.clients = (0..<submitters).map { place in
      Configuration.Client(
        name: "lan\(place)", addresses: [Network("192.0.2.\(place)/32")!], allow: [.noAuth, .plaintext])
    }
    configuration.queue.retry = [1_000, 5_000]
    configuration.queue.warnAfter = 3_000
    return configuration
  }

  var policy: QueuePolicy {
    let queue = setups[0].settings.configuration.queue
    return QueuePolicy(
      retry: queue.retry, lifetime: queue.lifetime, warnAfter: queue.warnAfter, segmentOctets: segmentOctets)
  }

  static let submitters = 5
}
