// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What was asked for.
struct SimulatorArguments {
  enum Mode {
    case many
    case one(UInt64)
    /// Every bit of a small spool, then so many at random of a larger one.
    case flips(UInt64)
    /// Every call of the disk fails once.
    case calls
    /// One of the processes that share the seeds.
    case worker(place: Int, of: Int)
  }

  static let usage = """
    usage: postern-simulate [--seeds N] [--first N] [--jobs N] [--brief]
           postern-simulate --seed N [--brief]
           postern-simulate --flips N
           postern-simulate --calls
    in a build with seeded faults, each with [--fault NAME]
    """

  private(set) var mode = Mode.many
  private(set) var first: UInt64 = 1
  private(set) var seeds: UInt64 = 1_000
  private(set) var jobs = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  /// A failing seed is one line.
  private(set) var isBrief = false
  /// Of our own code, made on purpose.
  private(set) var fault: String?

  init?(_ words: ArraySlice<String>) {
    var rest = words
    while let word = rest.popFirst() {
      switch word {
      case "--brief": isBrief = true
      case "--seed":
        guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
        mode = .one(seed)
      case "--fault":
        guard let name = rest.popFirst() else { return nil }
        fault = name
      case "--flips":
        guard let count = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
        mode = .flips(count)
      case "--calls": mode = .calls
      case "--seeds":
        guard let count = rest.popFirst().flatMap({ UInt64($0) }), count > 0 else { return nil }
        seeds = count
      case "--first":
        guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
        first = seed
      case "--jobs":
        guard let count = rest.popFirst().flatMap({ Int($0) }), count > 0 else { return nil }
        jobs = count
      case "--worker":
        guard let place = rest.popFirst().flatMap({ Int($0) }), let places = rest.popFirst().flatMap({ Int($0) }) else {
          return nil
        }
        mode = .worker(place: place, of: places)
      default: return nil
      }
    }
  }

  /// What the process at a place is started with.
  func words(place: Int) -> [String] {
    ["--seeds", "\(seeds)", "--first", "\(first)", "--worker", "\(place)", "\(jobs)"] + faultWords
  }

  var faultWords: [String] { fault.map { ["--fault", $0] } ?? [] }
}
