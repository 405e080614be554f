// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What is wrong with a value.
struct ValueProblem {
  let place: ConfigurationDocument.Place
  let hint: String?
  private let text: String
  private let needsKey: Bool

  /// "'port' must be 1-65535, not 70000"
  init(_ node: ConfigurationDocument.Node, mustBe expected: String, hint: String? = nil) {
    place = node.place
    text = "must be \(expected), not \(node.shortSeen)"
    needsKey = true
    self.hint = hint
  }

  init(_ node: ConfigurationDocument.Node, _ text: String, hint: String? = nil) {
    place = node.place
    self.text = text
    needsKey = false
    self.hint = hint
  }

  func message(_ key: String) -> String { needsKey ? "'\(key)' \(text)" : text }
}

/// How the text of one kind of value is read.
struct ValueReader<Value> {
  typealias Node = ConfigurationDocument.Node

  /// nil, and at least one problem more, if the node is no such value.
  let read: (Node, inout [ValueProblem]) -> Value?

  /// A string that `convert` takes.
  static func string(_ expected: String, hint: String? = nil, _ convert: @escaping (String) -> Value?) -> Self {
    Self { node, problems in
      if case .string(let text) = node.value, let value = convert(text) { return value }
      problems.append(ValueProblem(node, mustBe: expected, hint: hint))
      return nil
    }
  }

  /// A list; every element that is wrong is told.
  static func list<Element>(of element: ValueReader<Element>, _ expected: String) -> Self where Value == [Element] {
    Self { node, problems in
      guard case .array(let nodes) = node.value else {
        problems.append(ValueProblem(node, mustBe: "a list of \(expected)"))
        return nil
      }
      return nodes.compactMap { element.read($0, &problems) }
    }
  }

  /// A list, or one value without brackets.
  static func oneOrMore<Element>(of element: ValueReader<Element>, _ expected: String) -> Self
  where Value == [Element] {
    let list = list(of: element, expected)
    return Self { node, problems in
      if case .string = node.value { return element.read(node, &problems).map { [$0] } }
      if case .array(let nodes) = node.value, nodes.isEmpty {
        problems.append(ValueProblem(node, mustBe: "at least one of \(expected)"))
        return nil
      }
      return list.read(node, &problems)
    }
  }

  /// Keeps the place, for checks that come later.
  static func located<Wrapped>(_ reader: ValueReader<Wrapped>) -> Self where Value == Located<Wrapped> {
    Self { node, problems in reader.read(node, &problems).map { Located(value: $0, place: node.place) } }
  }
}

struct Located<Value> {
  var value: Value
  var place: ConfigurationDocument.Place
}

extension ValueReader where Value == Bool {
  static var boolean: Self {
    Self { node, problems in
      if case .boolean(let value) = node.value { return value }
      problems.append(ValueProblem(node, mustBe: "true or false"))
      return nil
    }
  }
}

extension ValueReader where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Self {
    Self { node, problems in
      if case .integer(let value) = node.value, let value = Int(exactly: value), range.contains(value) { return value }
      var hint: String?
      if case .string(let text) = node.value, Int(text) != nil { hint = "write it without quotes" }
      problems.append(ValueProblem(node, mustBe: "\(range.lowerBound)-\(range.upperBound)", hint: hint))
      return nil
    }
  }

  /// Octets as "512K", "25M", "10G"; K is 1024.
  static func size(_ range: ClosedRange<Int>) -> Self {
    Self { node, problems in
      let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
      guard case .string(let text) = node.value, let size = quantity(text, units: units) else {
        problems.append(ValueProblem(node, mustBe: #"a size such as "25M" (K, M or G)"#))
        return nil
      }
      guard range.contains(size) else {
        let limits = "\(range.lowerBound >> 10)K to \(range.upperBound >> 30)G"
        problems.append(ValueProblem(node, mustBe: limits))
        return nil
      }
      return size
    }
  }
}

extension ValueReader where Value == Int64 {
  /// Milliseconds as "30s", "5m", "2h", "5d".
  static var duration: Self { duration(or: "") }

  /// `alternative` is what else may stand there, for the error.
  fileprivate static func duration(or alternative: String) -> Self {
    Self { node, problems in
      guard case .string(let text) = node.value, let seconds = durationSeconds(text) else {
        problems.append(ValueProblem(node, mustBe: #"a duration such as "5m" (s, m, h or d)"# + alternative))
        return nil
      }
      let limits = ConfigurationLimits.durationMilliseconds
      guard seconds <= Int(limits.upperBound / 1000), limits.contains(Int64(seconds) * 1000) else {
        let days = limits.upperBound / 86_400_000
        problems.append(ValueProblem(node, mustBe: "more than nothing and at most \(days)d"))
        return nil
      }
      return Int64(seconds) * 1000
    }
  }
}

extension ValueReader where Value == Int64? {
  /// A duration, or "never".
  static var durationOrNever: Self {
    Self { node, problems in
      if case .string("never") = node.value { return .some(nil) }
      return ValueReader<Int64>.duration(or: #", or "never""#).read(node, &problems).map { .some($0) }
    }
  }
}

extension ValueReader where Value == Int64? {
  /// A duration, or "0" or "never" for none at all.
  static var durationOrNone: Self {
    Self { node, problems in
      if case .string("0") = node.value { return .some(nil) }
      return durationOrNever.read(node, &problems)
    }
  }
}

extension ValueReader where Value == Address? {
  /// A mail address with its domain, or "" for none. ASCII, because mail of others goes out as it, and notifications to
  /// it, by ways that may not offer SMTPUTF8.
  static var optionalAddress: Self {
    .string(#"an address such as "postmaster@example.com", or """#) { text in
      text.isEmpty ? .some(nil) : Address(text).flatMap { $0.domain.isEmpty || !$0.isASCII ? nil : .some($0) }
    }
  }
}

extension ValueReader where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of a few words; `later` are those of a later version.
  static func choice(later: Set<String> = []) -> Self {
    Self { node, problems in
      let words = Value.allCases.map(\.rawValue)
      let accepted = KnownKeys.list(words.map { #""\#($0)""# }, last: "or")
      guard case .string(let text) = node.value else {
        problems.append(ValueProblem(node, mustBe: accepted))
        return nil
      }
      if let value = Value(rawValue: text) { return value }
      let near = KnownKeys.nearest(to: text.lowercased(), among: words)
      let hint = later.contains(text) ? "not in this version" : near.map { #"did you mean "\#($0.name)"?"# }
      problems.append(ValueProblem(node, mustBe: accepted, hint: hint))
      return nil
    }
  }
}

/// A whole number with a unit; nil for anything else, or on overflow.
func quantity(_ text: String, units: [Character: Int]) -> Int? {
  guard let unit = text.last.flatMap({ units[$0] }), let number = Int(text.dropLast()), text.first?.isNumber == true
  else { return nil }
  let (value, overflow) = number.multipliedReportingOverflow(by: unit)
  return overflow ? nil : value
}

func durationSeconds(_ text: String) -> Int? {
  quantity(text, units: ["s": 1, "m": 60, "h": 3600, "d": 86_400])
}

extension ConfigurationDocument.Node {
  /// What stands in the file, short enough for a message.
  fileprivate var shortSeen: String {
    switch value {
    case .table: return "a table"
    case .array: return "a list"
    default:
      let max = ConfigurationLimits.seenCharactersMax
      return seen.count > max ? seen.prefix(max - 1) + "…" : seen
    }
  }
}
