// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Crypto
import SMTP

/// What the token file says (docs/FORMAT.md): a first line that names it, then a line for each upstream, each with a
/// checksum of its own, so that one that is damaged takes no other along. A value and its text; the disk is `TokenStore`'s.
package struct TokenFile: Sendable, Equatable {
  private var grantOf: [String: KeptGrant] = [:]
  /// Numbers of the lines that are not what was written.
  package private(set) var damagedLines: [Int] = []

  private static let title = "postern tokens 1"

  package init() {}

  package subscript(_ upstream: String) -> KeptGrant? {
    get { grantOf[upstream] }
    set { grantOf[upstream] = newValue }
  }

  package var upstreams: [String] { grantOf.keys.sorted() }

  /// What was damaged has been set aside.
  package mutating func forgetDamage() { damagedLines = [] }

  // MARK: text

  fileprivate struct Line: Codable {
    var upstream: String
    var tokenAddress: String
    var clientID: String
    var refreshToken: String
    var account: String?
    var signedIn: Int64
    var renewed: Int64
    var by: String

    private enum CodingKeys: String, CodingKey {
      case upstream, account, renewed, by
      case tokenAddress = "token_url"
      case clientID = "client_id"
      case refreshToken = "refresh_token"
      case signedIn = "signed_in"
    }
  }

  package var text: Secret {
    var text = Array("\(Self.title)\n".utf8)
    for upstream in upstreams {
      let json = ControlLine.json(Line(grantOf[upstream]!))
      text += "\(Self.checksum(json)) ".utf8
      text += json
      text.append(UInt8(ascii: "\n"))
    }
    return Secret(text)
  }

  package init(parsing octets: [UInt8]) {
    guard !octets.isEmpty else {
      damagedLines = [1]
      return
    }
    let lines = octets.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // What ends without a line feed was cut.
    if lines.last?.isEmpty != true { damagedLines.append(lines.count) }
    if !lines[0].elementsEqual(Self.title.utf8) { damagedLines.append(1) }
    for (number, line) in zip(2..., lines.dropFirst().dropLast()) {
      if let grant = Self.grant(in: line), grantOf[grant.upstream] == nil {
        grantOf[grant.upstream] = grant
      } else {
        damagedLines.append(number)
      }
    }
    damagedLines = Set(damagedLines).sorted()
  }

  private static func grant(in line: ArraySlice<UInt8>) -> KeptGrant? {
    guard let space = line.firstIndex(of: UInt8(ascii: " ")) else { return nil }
    let json = Array(line[(space + 1)...])
    guard line[..<space].elementsEqual(checksum(json).utf8) else { return nil }
    return (try? ControlLine.decode(Line.self, from: json)).map { KeptGrant($0) }
  }

  /// Against flipped bits; it keeps nobody out.
  private static func checksum(_ octets: [UInt8]) -> String {
    Base64URL.encode(Array(SHA256.digest(octets).prefix(12)))
  }
}

extension TokenFile.Line {
  fileprivate init(_ grant: KeptGrant) {
    self.init(
      upstream: grant.upstream, tokenAddress: grant.tokenAddress, clientID: grant.clientID,
      refreshToken: String(decoding: grant.refreshToken.octets, as: UTF8.self), account: grant.account?.text,
      signedIn: grant.signedIn, renewed: grant.renewed, by: grant.by.text)
  }
}

extension KeptGrant {
  fileprivate init(_ line: TokenFile.Line) {
    self.init(
      upstream: line.upstream, tokenAddress: line.tokenAddress, clientID: line.clientID,
      refreshToken: Secret(line.refreshToken), account: line.account.map { PeerText($0) }, signedIn: line.signedIn,
      renewed: line.renewed, by: PeerText(line.by))
  }
}
