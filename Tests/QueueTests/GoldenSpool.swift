// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing

/// Spools under `Tests/Spools` that programs of earlier versions wrote, and what must be found in them.
enum GoldenSpool {
  /// Files as `file NAME OCTETS`, then lines of an offset and octets from there on; what is not said is zero.
  static func disk(_ name: String) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    var file = ""
    for line in try lines(name) {
      let words = line.split(separator: " ")
      if words[0] == "file" {
        file = String(words[1])
        _ = try disk.create(file, octets: Int(words[2])!)
      } else {
        let digits = Array(words[1].utf8)
        let octets = stride(from: 0, to: digits.count, by: 2).map { place in
          UInt8(String(decoding: digits[place..<(place + 2)], as: UTF8.self), radix: 16)!
        }
        disk.overwrite(file, at: Int(words[0])!, with: octets)
      }
    }
    try disk.syncDirectory()
    return disk
  }

  /// Without comments.
  static func lines(_ name: String) throws -> [String] {
    try text(name).split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
  }

  private static func text(_ name: String, from path: String = #filePath) throws -> String {
    // Where the sources are links, the spools are beside what they lead to.
    let source = try #require(realpath(path, nil))
    defer { free(source) }
    let directory = String(cString: source).split(separator: "/").dropLast(2).joined(separator: "/")
    let file = try #require(fopen("/\(directory)/Spools/\(name)", "r"))
    defer { fclose(file) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { octets += buffer[..<count] }
    return String(decoding: octets, as: UTF8.self)
  }
}
