// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

@testable import Admin

extension FuzzTarget {
  /// The control socket, both ends: lines the same wherever they are cut; what is read is written and read again as the
  /// same; what is wrong is told in a line. Then what people type.
  static let admin = FuzzTarget(name: "admin", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let seed = input.octet()
    let text = Array(input.rest)
    let whole = lines([text])
    check(lines(pieces(of: text, by: seed)) == whole, "other lines where it is cut")
    for line in whole {
      comesBack(AdminRequest.self, line) { ControlLine.encode($0) }
      comesBack(AdminReply.self, line) { ControlLine.encode($0) }
      _ = try? ControlLine.decode(Greeting.self, from: line)
      types(String(decoding: line, as: UTF8.self))
    }
  }

  private static func lines(_ pieces: [[UInt8]]) -> [[UInt8]] {
    var framer = LineFramer()
    var lines: [[UInt8]] = []
    for piece in pieces {
      framer.append(piece)
      do throws(AdminError) {
        while let line = try framer.next() { lines.append(line) }
      } catch {
        check(false, "\(error)")
      }
    }
    return lines
  }

  private static func comesBack<Value: Codable & Equatable>(
    _ type: Value.Type, _ line: [UInt8], _ encode: (Value) -> [UInt8]
  ) {
    do throws(AdminError) {
      let value = try ControlLine.decode(type, from: line)
      let written = encode(value)
      check(written.last == 0x0A && !written.dropLast().contains(0x0A), "not one line")
      guard (value as? AdminReply).map(hasForm) ?? true else { return }
      let again = try ControlLine.decode(type, from: Array(written.dropLast()))
      check(again == value, "\(value) becomes \(again)")
      if let request = value as? AdminRequest { _ = try request.command() }
    } catch {
      check(!"\(error)".isEmpty && !"\(error)".contains("\n"), "says \(error)")
    }
  }

  /// Of data from a newer daemon only the type is kept.
  private static func hasForm(_ reply: AdminReply) -> Bool {
    if case .data(_, .unknown) = reply { false } else { true }
  }

  private static func types(_ line: String) {
    let words = TypedLine(line).allWords
    _ = try? ConsoleLine.expanded(words)
    _ = ConsoleLine.bare(line)
    check(words.joined().unicodeScalars.count <= line.unicodeScalars.count, "more words than were typed")
  }
}
