// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Walks along the lines of a header block while its octets arrive in pieces of any size, and says what each line is as
/// soon as that is known. `HeaderScanner`, `BccRemoval` and `SenderRewriting` share it, so that they agree on where the
/// block ends: with its empty line, or at once where the first line is no field. It keeps no octets; who may still need
/// those of a line that is not decided yet holds them.
struct HeaderWalker: Sendable {
  /// What a line is to the block.
  enum Line: Equatable {
    case field(FieldName)
    /// Of the field before it.
    case continuation
    /// A mailbox file's `From `, in front of all fields.
    case mailbox
    /// No field, in the middle of them: the one before it has ended.
    case stray
    /// The empty line: behind it stands the body.
    case end
    /// The first line is no field: it belongs to the body, as all behind it does.
    case noHeader
  }

  /// What the octets of a step are, all of one line.
  enum Step: Equatable {
    /// More are needed to say what the line is.
    case undecided
    /// With these it is known.
    case begins(Line)
    /// What follows on the same line, up to and with its end if that is there.
    case goesOn
  }

  private enum Place { case lineStart, value, body }

  private var place = Place.lineStart
  private var line = HeaderLineReader()
  private var isFirstLine = true

  /// The block has ended: no more steps.
  var isInBody: Bool { place == .body }
  /// Not even the first line is decided.
  var isAtBeginning: Bool { place == .lineStart && isFirstLine }

  /// Goes on behind `position`, which is moved behind what this step is about. There is something left, and the block has
  /// not ended.
  mutating func step(_ octets: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
    place == .lineStart ? decide(octets, &position) : finishLine(octets, &position)
  }

  /// The content is complete.
  mutating func finish() { place = .body }

  private mutating func decide(_ octets: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
    while position < octets.count {
      let octet = octets[position]
      position += 1
      guard let kind = line.read(octet) else { continue }
      let begun = begun(kind)
      place = begun == .end || begun == .noHeader ? .body : .value
      // A verdict may fall on the line's last octet.
      if place == .value, octet == UInt8(ascii: "\n") { startLine() }
      return .begins(begun)
    }
    return .undecided
  }

  private mutating func finishLine(_ octets: UnsafeRawBufferPointer, _ position: inout Int) -> Step {
    let start = octets.baseAddress! + position
    if let newline = memchr(start, Int32(UInt8(ascii: "\n")), octets.count - position) {
      position += UnsafeRawPointer(newline) - start + 1
      startLine()
    } else {
      position = octets.count
    }
    return .goesOn
  }

  private mutating func startLine() {
    place = .lineStart
    line = HeaderLineReader()
    isFirstLine = false
  }

  private func begun(_ kind: HeaderLine) -> Line {
    switch kind {
    case .field(let name): .field(name)
    case .empty: .end
    case .continuation where !isFirstLine: .continuation
    case .mailbox where isFirstLine: .mailbox
    case .continuation, .mailbox, .other: isFirstLine ? .noHeader : .stray
    }
  }
}
