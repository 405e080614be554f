// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Integers in files are little-endian, at any alignment.
extension [UInt8] {
  @inlinable
  package mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

extension UnsafeMutableRawBufferPointer {
  func store<Value: FixedWidthInteger>(littleEndian value: Value, at offset: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
  }
}

extension UnsafeRawBufferPointer {
  func load<Value: FixedWidthInteger>(littleEndianAt offset: Int, as type: Value.Type) -> Value {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}

extension FixedWidthInteger {
  /// The next multiple of `step`, a power of two.
  func rounded(upTo step: Self) -> Self { (self + step - 1) & ~(step - 1) }
}
