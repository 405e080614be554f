// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc

/// The routers that this host reaches the rest of the world through. Who comes from such an address need not be that
/// router: strangers do whose connections it forwards with its own address, and so does everybody at a published port of
/// a container. No trusted network holds for them.
enum DefaultGateways {
  /// In the tables of the kernel; none where they cannot be read. Read anew at each reload.
  static func read() -> Set<IPAddress> {
    parse(route: text("/proc/self/net/route"), route6: text("/proc/self/net/ipv6_route"))
  }

  /// proc_net(5): IPv4 addresses are 32-bit numbers of this machine, whose first octet is their last two digits.
  static func parse(route: String, route6: String) -> Set<IPAddress> {
    var gateways: Set<IPAddress> = []
    for line in route.split(separator: "\n").dropFirst() {
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard fields.count >= 8, fields[1] == "00000000", fields[7] == "00000000", fields[2] != "00000000",
        fields[2].utf8.count == 8, let number = UInt32(fields[2], radix: 16)
      else { continue }
      let octets = withUnsafeBytes(of: number) { $0.map { String($0) } }
      if let address = IPAddress(octets.joined(separator: ".")) { gateways.insert(address) }
    }
    for line in route6.split(separator: "\n") {
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard fields.count >= 10, fields[1] == "00", fields[4].utf8.count == 32, fields[4].contains(where: { $0 != "0" })
      else { continue }
      let digits = Array(fields[4])
      let groups = stride(from: 0, to: 32, by: 4).map { String(digits[$0..<($0 + 4)]) }
      if let address = IPAddress(groups.joined(separator: ":")) { gateways.insert(address) }
    }
    return gateways
  }

  /// A file of the kernel has no size, so it is read to its end; there is a page for a thousand routes.
  private static func text(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var octets: [UInt8] = []
    var page = [UInt8](repeating: 0, count: 65_536)
    while octets.count < 1 << 20 {
      let count = Glibc.read(descriptor, &page, page.count)
      guard count > 0 else { break }
      octets += page[..<count]
    }
    return String(decoding: octets, as: UTF8.self)
  }
}
