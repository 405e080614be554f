// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit

/// The processes that share the seeds, one for each processor. The first that fails, by a broken promise, a trap or a
/// run without end, stops the others, and its seed is played again where everybody can read along.
final class SimulatorCrew {
  private let arguments: SimulatorArguments
  private var members: [Member] = []
  private var total = SimulationReport()
  private var failure: (seed: UInt64, reason: String)?

  private struct Member {
    let pid: pid_t
    let pipe: Int32
    var unread = ""
    var seed: UInt64 = 0
    var isOpen = true
  }

  init(_ arguments: SimulatorArguments) {
    self.arguments = arguments
  }

  /// Returns the exit status.
  func run() -> Int32 {
    let start = Self.seconds()
    for place in 0..<arguments.jobs { members.append(Self.spawn(arguments.words(place: place), hasPipe: true)) }
    while failure == nil, members.contains(where: \.isOpen) { listen() }
    for member in members where member.isOpen { kill(member.pid, SIGKILL) }
    for member in members where member.isOpen { _ = Self.wait(member.pid) }
    let seconds = Self.seconds() - start
    if let failure { return tell(failure.seed, failure.reason, seconds) }
    let rate = Double(arguments.seeds) / max(seconds, 0.001)
    Output.say(
      "\(arguments.seeds) seeds from \(arguments.first) in \(Self.text(seconds)) s, "
        + "\(Int(rate / Double(arguments.jobs))) a second and process; hash \(String(total.trace, radix: 16))")
    Output.say(total.text)
    return 0
  }

  private func tell(_ seed: UInt64, _ reason: String, _ seconds: Double) -> Int32 {
    if !arguments.isBrief {
      let again = Self.spawn(["--seed", "\(seed)"] + arguments.faultWords, hasPipe: false)
      _ = Self.wait(again.pid)
    }
    Output.say("seed \(seed) failed after \(seed - arguments.first + 1) seeds, \(Self.text(seconds)) s: \(reason)")
    return 1
  }

  // MARK: - Listening

  private func listen() {
    var polls = members.filter(\.isOpen).map { pollfd(fd: $0.pipe, events: Int16(POLLIN), revents: 0) }
    guard poll(&polls, nfds_t(polls.count), -1) > 0 else { return }
    for poll in polls where poll.revents != 0 {
      read(members.firstIndex { $0.pipe == poll.fd }!)
    }
  }

  private func read(_ place: Int) {
    var octets = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(members[place].pipe, &octets, octets.count)
    if count < 0, errno == EINTR { return }
    guard count > 0 else { return end(place) }
    members[place].unread += String(decoding: octets[..<count], as: UTF8.self)
    var lines = members[place].unread.split(separator: "\n", omittingEmptySubsequences: false)
    members[place].unread = String(lines.removeLast())
    for line in lines { hear(line, from: place) }
  }

  private func hear(_ line: Substring, from place: Int) {
    let words = line.split(separator: " ", maxSplits: 2)
    guard words.count > 1, let number = UInt64(words[1]) else { return }
    switch words[0] {
    case "at": members[place].seed = number
    case "failed": failure = failure ?? (number, String(words[2]))
    case "total":
      total.trace ^= number
      for (count, value) in zip(SimulationReport.Count.allCases, words[2].split(separator: " ")) {
        total[count] += Int(value) ?? 0
      }
    default: break
    }
  }

  private func end(_ place: Int) {
    close(members[place].pipe)
    members[place].isOpen = false
    let status = Self.wait(members[place].pid)
    guard status != 0, failure == nil else { return }
    let signal = status & 0x7F
    let reason =
      signal == SIGALRM ? "the run does not end" : signal != 0 ? "trapped, signal \(signal)" : "exit \(status >> 8)"
    failure = (members[place].seed, reason)
  }

  // MARK: - Processes

  private static func spawn(_ words: [String], hasPipe: Bool) -> Member {
    var ends: [Int32] = [-1, -1]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if hasPipe {
      guard pipe(&ends) == 0 else { fatalError("cannot make a pipe: \(String(cString: strerror(errno)))") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = ([CommandLine.arguments[0]] + words).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, environ)
    guard code == 0 else { fatalError("cannot start a process: \(String(cString: strerror(code)))") }
    if hasPipe { close(ends[1]) }
    return Member(pid: pid, pipe: ends[0])
  }

  private static func wait(_ pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
  }

  private static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func text(_ seconds: Double) -> String {
    let tenths = Int(seconds * 10)
    return "\(tenths / 10).\(tenths % 10)"
  }
}
