// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import SMTP
import WAL

/// Decides from what was seen of disk, log and queue whether mail is taken, and what there is to tell. A value that
/// reads no clock; `SpaceWatch` looks, and carries out what comes back.
struct SpaceGauge {
  /// What the admin decided.
  struct Limits: Equatable, Sendable {
    var minFreeOctets: Int64
    var messagesMax: Int
  }

  struct Look {
    /// Monotonic milliseconds.
    var now: Int64
    /// nil if it could not be measured.
    var fileSystem: FileSystem?
    var condition = LogCondition()
    var messages = 0
  }

  /// Why mail is refused with 452.
  enum Shortage: Equatable, Sendable {
    case octets(free: Int64, floor: Int64)
    case inodes(free: Int64)
    /// The disk, or a quota that shows nowhere else.
    case full(LogError)
    case messages(Int, most: Int)
  }

  /// Each segment is a file; so are pauses, history and the reserve.
  static let inodesMin: Int64 = 16
  /// After the disk was full and yet says that it has room, one message may find out so often.
  static let retryMilliseconds: Int64 = 5_000

  var limits: Limits
  private(set) var shortage: Shortage?
  private(set) var intake = Intake.everything
  private(set) var messagesLeft = Int.max
  private var shortSince: Int64 = 0
  private var failingSince: Int64?
  private var givenUpCount = 0
  private var fullCount = 0
  private var retryAt = Int64.min

  init(limits: Limits) {
    self.limits = limits
  }

  /// What must stay free. A small file system could never keep what suits a large one.
  func floor(of fileSystem: FileSystem) -> Int64 {
    min(limits.minFreeOctets, fileSystem.octets / 4)
  }

  mutating func take(_ look: Look) -> [Event] {
    if look.condition.fullCount != fullCount { retryAt = look.now + Self.retryMilliseconds }
    fullCount = look.condition.fullCount
    let events = noteLog(look) + noteShortage(look)
    messagesLeft = limits.messagesMax - look.messages
    intake = intake(look)
    return events
  }

  // MARK: what is taken

  private func intake(_ look: Look) -> Intake {
    if look.condition.isFailing { return Intake(refusal: .diskRefused) }
    switch shortage {
    case .octets, .inodes: return Intake(refusal: .diskFull)
    case .full where look.now < retryAt: return Intake(refusal: .diskFull)
    case .full, .messages, nil: break
    }
    guard let fileSystem = look.fileSystem else { return .everything }
    return Intake(octetsMax: UInt64(max(0, fileSystem.freeOctets - floor(of: fileSystem))))
  }

  // MARK: what is short

  private mutating func noteShortage(_ look: Look) -> [Event] {
    let new = findShortage(look)
    defer { shortage = new }
    guard let new else { return shortage == nil ? [] : [.mailTaken(seconds: (look.now - shortSince) / 1000)] }
    if shortage == nil { shortSince = look.now }
    return new.isLike(shortage) ? [] : [.mailRefused(reason: new.description, free: look.fileSystem?.freeOctets)]
  }

  /// What was short is short until there is a little more than enough, so that a disk at its limit is told of once.
  private func findShortage(_ look: Look) -> Shortage? {
    if let fileSystem = look.fileSystem {
      let floor = floor(of: fileSystem)
      let wanted = if case .octets = shortage { floor + floor / 16 } else { floor }
      if fileSystem.freeOctets < wanted { return .octets(free: fileSystem.freeOctets, floor: floor) }
      let inodes = if case .inodes = shortage { Self.inodesMin + Self.inodesMin / 4 } else { Self.inodesMin }
      if let free = fileSystem.freeInodes, free < inodes { return .inodes(free: free) }
    }
    if let error = look.condition.refusal, error.isFull { return .full(error) }
    let most = limits.messagesMax
    let messages = if case .messages = shortage { most - most / 16 } else { most }
    return look.messages >= messages ? .messages(look.messages, most: most) : nil
  }

  // MARK: what fails

  private mutating func noteLog(_ look: Look) -> [Event] {
    var events: [Event] = []
    let condition = look.condition
    if let last = condition.lastGivenUp, condition.givenUpCount > givenUpCount {
      events.append(
        .segmentGivenUp(last.name, reason: "\(last.error)", count: condition.givenUpCount - givenUpCount))
    }
    givenUpCount = condition.givenUpCount
    if condition.isFailing, failingSince == nil {
      failingSince = look.now
      events.append(.logFailing(condition.refusal.map { "\($0)" } ?? "three segments failed"))
    } else if !condition.isFailing, let since = failingSince {
      failingSince = nil
      events.append(.logWorks(seconds: (look.now - since) / 1000))
    }
    return events
  }
}

extension SpaceGauge.Shortage: CustomStringConvertible {
  var description: String {
    switch self {
    case .octets(let free, let floor):
      "\(Self.size(free)) free where the queue lies, and \(Self.size(floor)) are to stay free (queue.min_free)"
    case .inodes(let free): "only \(free) more files can be made where the queue lies"
    case .full(let error): "\(error)"
    case .messages(let count, let most): "\(count) messages wait, and queue.max_messages is \(most)"
    }
  }

  private static func size(_ octets: Int64) -> String { Humane.longSize(Int(clamping: octets)) }

  /// A smaller log would help.
  var isOfDisk: Bool {
    switch self {
    case .octets, .inodes, .full: true
    case .messages: false
    }
  }

  /// Of the same kind: nothing new to tell.
  fileprivate func isLike(_ other: Self?) -> Bool {
    switch (self, other) {
    case (.octets, .octets), (.inodes, .inodes), (.full, .full), (.messages, .messages): true
    default: false
    }
  }
}
