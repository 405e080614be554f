// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Plays a script on a disk of which the n-th call fails, for every n, then cuts the power and looks whether every promise
/// was kept: nothing lost, nothing refused that is there, nothing changed, nothing brought back, and in the end nothing
/// left.
package struct EveryCall {
  package enum Script: Sendable, CaseIterable {
    /// A message of every kind, three processes, several segments, compaction.
    case lives
    /// A head in which something has rotted, which is put aside.
    case damagedHead
  }

  package enum Failure: Sendable, Equatable, CaseIterable {
    case ioError, noSpace
    /// Reads and writes stop before their end.
    case short
    /// A sync fails, and what was written is gone, or perhaps, or is on the platter nevertheless; else it stays readable.
    case syncReverted, syncEither, syncArrived
    /// This call and all behind it fail, until the power goes.
    case outage

    package func concerns(_ operation: SimulatedDisk.Operation) -> Bool {
      switch self {
      case .ioError, .noSpace, .outage: true
      case .short: operation == .read || operation == .write
      case .syncReverted, .syncEither, .syncArrived: operation == .sync
      }
    }

    fileprivate var failedSync: SimulatedDisk.FailedSync {
      switch self {
      case .syncReverted: .reverted
      case .syncEither: .unknown
      case .syncArrived: .arrived
      case .ioError, .noSpace, .short, .outage: .kept
      }
    }
  }

  /// What was found: how often each kind of call is made when none fails, and the runs with one that failed.
  package struct Result: Sendable {
    package fileprivate(set) var calls: [SimulatedDisk.Operation: Int] = [:]
    package fileprivate(set) var runs = 0
    package fileprivate(set) var violation: String?

    package var total: Int { calls.values.reduce(0, +) }
  }

  /// Of a run in which none fails.
  package static func calls(of script: Script) -> [SimulatedDisk.Operation: Int] {
    let run = Run(script, .ioError, nth: 0)
    run.play()
    return run.calls
  }

  /// Ends with the first broken promise. Of a run without a failure too.
  package static func play(_ script: Script, _ failure: Failure) -> Result {
    var result = Result()
    let clean = Run(script, failure, nth: 0)
    clean.play()
    result.calls = clean.calls
    result.runs = 1
    if let violation = clean.queue.violations.first { result.violation = "without a failure: \(violation)" }
    let places = (1...clean.operations.count).filter { failure.concerns(clean.operations[$0 - 1]) }
    for nth in places {
      guard result.violation == nil else { break }
      let run = Run(script, failure, nth: nth)
      run.play()
      result.runs += 1
      if let violation = run.queue.violations.first {
        result.violation = "\(failure) at call \(nth), \(clean.operations[nth - 1]): \(violation)"
      }
    }
    return result
  }
}

extension EveryCall {
  fileprivate final class Run {
    let queue: ScriptedQueue
    private let disk: SimulatedDisk
    private let script: Script
    private let nth: Int
    /// Of the script, when it had ended.
    private(set) var operations: [SimulatedDisk.Operation] = []

    /// 0: no call fails.
    init(_ script: Script, _ failure: Failure, nth: Int) {
      disk = SimulatedDisk(seed: UInt64(nth))
      queue = ScriptedQueue(disk)
      (self.script, self.nth) = (script, nth)
      guard nth > 0 else { return }
      disk.failSyncs(as: failure.failedSync)
      switch failure {
      case .ioError, .syncReverted, .syncEither, .syncArrived: disk.fail(nil, nth: nth)
      case .noSpace: disk.fail(nil, nth: nth, with: .error(ENOSPC))
      case .short: disk.fail(nil, nth: nth, with: .short)
      case .outage: disk.fail(nil, nth: nth, count: .max)
      }
    }

    var calls: [SimulatedDisk.Operation: Int] { operations.reduce(into: [:]) { $0[$1, default: 0] += 1 } }

    func play() {
      disk.recordCalls()
      switch script {
      case .lives: lives()
      case .damagedHead: damagedHead()
      }
      operations = disk.recordedCalls
      disk.heal()
      judge()
    }

    // MARK: - Scripts

    private func lives() {
      queue.open()
      queue.accept("small")
      queue.accept("racing", chunks: 2)
      queue.accept("large", chunks: 3)
      queue.accept("null", from: false)
      queue.attempt("small", .delivered)
      queue.accept("two", to: ["x.example", "y.example"])
      queue.attempt("two", .delivered, .deferred)
      queue.accept("held")
      queue.hold("held")
      queue.accept("timed")
      queue.hold("timed", until: queue.now.wall + 3_600_000)
      queue.accept("dropped", to: ["x.example", "y.example"])
      queue.attempt("dropped", .deferred, .delivered, mayLinger: true)
      queue.drop("dropped")
      queue.accept("back")
      queue.drop("back")
      queue.undrop("back")
      queue.accept("erased")
      queue.erase("erased")
      queue.accept("failed")
      queue.attempt("failed", .failed)
      queue.notify()
      queue.attempt("told-failed", .delivered)
      queue.accept("bounced")
      queue.bounce("bounced")
      queue.standStill(60_000)
      fill("filler", 3)
      queue.compact { queue in queue.attempt("racing", .delivered) }
      queue.measure()
      disk.kill()
      queue.open()
      queue.examine()
      queue.attempt("large", .delivered)
      queue.release("held")
      queue.undrop("dropped")
      queue.pass(30_000)
      queue.accept("last")
      queue.flush("two")
      queue.attempt("two", .delivered)
      queue.attempt("timed", .delivered)
      fill("more", 2)
      queue.compact()
      fill("then", 1)
      disk.kill()
      queue.open()
      queue.examine()
      // What told of the batches before has gone with its segment.
      queue.drop("last")
    }

    private func damagedHead() {
      queue.open()
      queue.accept("rotten", chunks: 2)
      queue.attempt("rotten", .deferred)
      queue.accept("healthy", chunks: 1)
      queue.attempt("healthy", .deferred)
      fill("filler", 3)
      queue.rot("rotten", in: "rotten chunk 0")
      queue.compact()
      disk.kill()
      queue.open()
      queue.examine()
      fill("more", 1)
    }

    /// Mail that comes and goes.
    private func fill(_ name: String, _ count: Int) {
      for number in 0..<count {
        queue.accept("\(name)\(number)", chunks: 1, chunkOctets: 9_000)
        queue.attempt("\(name)\(number)", .delivered)
      }
    }

    // MARK: - Judgement

    private func judge() {
      if nth % 3 == 2 {
        // It recovers by itself.
        queue.settle()
        queue.expectSettled()
      }
      if nth % 4 == 3 { disk.kill() } else { disk.crash(seed: UInt64(nth)) }
      queue.open()
      queue.examine()
      queue.expectSameAgain()
      queue.drain()
      disk.crash(seed: UInt64(nth) + 1)
      queue.open()
      queue.examine()
      queue.expectNothingLeft()
    }
  }
}
