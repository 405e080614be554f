// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// The form of everything on the control socket: one JSON object a line, ended by a line feed, in both directions.
package enum ControlLine {
  /// Bound on a line without its line feed. A command is far below; lists are one object per message.
  package static let octetsMax = 65_536
  package static let version = 1

  /// The object with its line feed. Members are sorted, so equal values are equal octets. What would not fit into a line
  /// is our own fault, not the peer's: the peer gets an error that says so.
  package static func encode(_ reply: AdminReply) -> [UInt8] {
    let octets = json(reply)
    guard octets.count <= octetsMax else {
      let error = AdminError(
        "software.too_large", "the answer has \(octets.count) octets, a line holds \(octetsMax)", exit: .software)
      return json(AdminReply.failure(id: reply.id, error)) + [UInt8(ascii: "\n")]
    }
    return octets + [UInt8(ascii: "\n")]
  }

  package static func encode(_ request: AdminRequest) -> [UInt8] { json(request) + [UInt8(ascii: "\n")] }

  package static func encode(_ greeting: Greeting) -> [UInt8] { json(greeting) + [UInt8(ascii: "\n")] }

  package static func decode<Value: Decodable>(_ type: Value.Type, from line: [UInt8]) throws(AdminError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(line))
    } catch {
      throw .usage("bad_line", "cannot read a line of \(line.count) octets as \(type): \(reason(error))")
    }
  }

  /// Compact, or indented for people; without line feed.
  package static func json(_ value: some Encodable, pretty: Bool = false) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    do {
      return Array(try encoder.encode(value))
    } catch {
      // Our types hold strings, integers and each other; the encoder has no reason to refuse them.
      preconditionFailure("\(type(of: value)) is not JSON: \(error)")
    }
  }

  /// The decoder's own descriptions quote the input; this names only the place.
  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "not JSON" }
    switch error {
    case .keyNotFound(let key, _): return "member '\(key.stringValue)' is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? "not an object" : "member '\(path)' has another type"
    case .dataCorrupted(let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? "not JSON" : "member '\(path)' has a value that does not fit"
    @unknown default: return "not JSON"
    }
  }
}
