// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The header block of a stored message, whole or its first fields, for notifications that return it. It knows where
/// fields begin and changes nothing in them; lines that belong to no field stay where they are.
struct HeaderBlock {
  struct Field {
    /// nil for a line that is no field.
    var name: FieldName?
    /// With its continuation lines, each with its line end.
    var octets: [UInt8]
  }

  private(set) var fields: [Field] = []
  /// Fields were left out because there was no room for them, or because the octets end in the middle.
  private(set) var isCut = false
  /// The block's octets without the empty line.
  private(set) var count = 0

  /// Reads `octets`, which begin with the header block and may go on with the body. Whole fields are kept while they
  /// fit into `octetsMax`. `isWhole`: the octets are those of the whole message, so their end is the end of a field.
  init(_ octets: [UInt8], octetsMax: Int, isWhole: Bool) {
    var position = 0
    while position < octets.count {
      let newline = octets[position...].firstIndex(of: UInt8(ascii: "\n"))
      let line = octets[position..<(newline.map { $0 + 1 } ?? octets.count)]
      let kind = Self.kind(of: line)
      if kind == .empty { return }
      guard newline != nil || isWhole, count + line.count <= octetsMax else {
        cut(before: kind)
        return
      }
      add(line, kind)
      position = line.endIndex
    }
    if !isWhole { cut(before: .continuation) }
  }

  /// What stands behind the colon of the first field of this name, on one line, without white space around it.
  func value(of name: FieldName) -> [UInt8]? {
    guard let field = fields.first(where: { $0.name == name }),
      let colon = field.octets.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    let unfolded = field.octets[(colon + 1)...].filter { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
    return Array(unfolded.trimmed)
  }

  /// The block without blind copies (RFC 5322 section 3.6.3), whoever gets to see it.
  var shown: [UInt8] {
    fields.reduce(into: []) { if $1.name != .bcc { $0 += $1.octets } }
  }

  private mutating func add(_ line: ArraySlice<UInt8>, _ kind: HeaderLine) {
    count += line.count
    switch kind {
    case .continuation where !fields.isEmpty: fields[fields.count - 1].octets += line
    case .field(let name): fields.append(Field(name: name, octets: Array(line)))
    default: fields.append(Field(name: nil, octets: Array(line)))
    }
  }

  /// Half a field would say something else than the whole.
  private mutating func cut(before kind: HeaderLine) {
    isCut = true
    if kind == .continuation, let last = fields.popLast() { count -= last.octets.count }
  }

  private static func kind(of line: ArraySlice<UInt8>) -> HeaderLine {
    var reader = HeaderLineReader()
    for octet in line {
      if let kind = reader.read(octet) { return kind }
    }
    return .other
  }
}

extension Array where Element == UInt8 {
  /// Without spaces and tabs at both ends.
  var trimmed: ArraySlice<UInt8> {
    func isSpace(_ octet: UInt8) -> Bool { octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\t") }
    guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
      return []
    }
    return self[first...last]
  }
}
