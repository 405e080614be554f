// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import NIOCore
import Synchronization
import Testing

@testable import TLS

/// Records that no honest client sends, encrypted with the keys of a client whose handshake is done: AES-128-GCM of
/// TLS 1.2 (RFC 5288) or TLS 1.3 (RFC 8446 section 5.2).
struct ForgedRecords {
  private let key: [UInt8]
  private let nonce: [UInt8]
  private let isTLS13: Bool
  /// Of the next record: behind the client's own Finished.
  private var sequence: UInt64

  /// Contents of one record, of the type that it says; `padding` only under TLS 1.3.
  mutating func next(_ type: UInt8, _ content: [UInt8], padding: Int = 0) -> [UInt8] {
    defer { sequence += 1 }
    let number = (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (56 - 8 * UInt64($0))) }
    guard isTLS13 else {
      let length = Self.two(content.count)
      let sealed = Self.seal(content, key, nonce + number, number + [type, 3, 3] + length)
      return [type, 3, 3] + Self.two(8 + sealed.count) + number + sealed
    }
    let inner = content + [type] + [UInt8](repeating: 0, count: padding)
    let header = [0x17, 3, 3] + Self.two(inner.count + 16)
    let mask = [0, 0, 0, 0] + number
    return header + Self.seal(inner, key, zip(nonce, mask).map { $0 ^ $1 }, header)
  }

  /// Has clients of this context tell their secrets, and use the one cipher that is known here.
  static func prepare(_ client: TLSContext, version: Int32) {
    cossl_ctx_set_max_proto_version(client.pointer, version)
    SSL_CTX_set_cipher_list(client.pointer, "ECDHE-ECDSA-AES128-GCM-SHA256")
    SSL_CTX_set_ciphersuites(client.pointer, "TLS_AES_128_GCM_SHA256")
    SSL_CTX_set_keylog_callback(client.pointer) { _, line in
      guard let line else { return }
      let words = String(cString: line).split(separator: " ").map(String.init)
      if words.count == 3 { ForgedRecords.secrets.withLock { $0["\(words[0]) \(words[1])"] = words[2] } }
    }
  }

  private static let secrets = Mutex<[String: String]>([:])

  init(_ client: TLSConnection) throws {
    var client32 = [UInt8](repeating: 0, count: 32)
    var server32 = client32
    SSL_get_client_random(client.ssl, &client32, 32)
    SSL_get_server_random(client.ssl, &server32, 32)
    let name = client32.map { Self.digits[Int($0 >> 4)] + Self.digits[Int($0 & 15)] }.joined()
    isTLS13 = SSL_version(client.ssl) == TLS1_3_VERSION
    let label = isTLS13 ? "CLIENT_TRAFFIC_SECRET_0" : "CLIENT_RANDOM"
    let secret = try #require(Self.secrets.withLock { $0["\(label) \(name)"] })
    let octets = stride(from: 0, to: secret.utf8.count, by: 2).map { place in
      UInt8(secret.dropFirst(place).prefix(2), radix: 16)!
    }
    if isTLS13 {
      key = Self.expand(octets, "key", 16)
      nonce = Self.expand(octets, "iv", 12)
      sequence = 0
    } else {
      // RFC 5246 section 6.3: the keys of client and server, then their nonces.
      let seed = Array("key expansion".utf8) + server32 + client32
      var block: [UInt8] = []
      var round = Self.hmac(octets, seed)
      while block.count < 40 {
        block += Self.hmac(octets, round + seed)
        round = Self.hmac(octets, round)
      }
      key = Array(block[..<16])
      nonce = Array(block[32..<36])
      sequence = 1
    }
  }

  private static let digits = "0123456789abcdef".map(String.init)

  static func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

  /// HKDF-Expand-Label without context (RFC 8446 section 7.1), of one round.
  private static func expand(_ secret: [UInt8], _ label: String, _ count: Int) -> [UInt8] {
    let full = Array("tls13 \(label)".utf8)
    return Array(hmac(secret, two(count) + [UInt8(full.count)] + full + [0, 1]).prefix(count))
  }

  private static func hmac(_ key: [UInt8], _ octets: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
      var written: UInt32 = 0
      HMAC(EVP_sha256(), key, Int32(key.count), octets, octets.count, digest.baseAddress, &written)
      count = Int(written)
    }
  }

  private static func seal(_ plain: [UInt8], _ key: [UInt8], _ nonce: [UInt8], _ header: [UInt8]) -> [UInt8] {
    let context = EVP_CIPHER_CTX_new()
    defer { EVP_CIPHER_CTX_free(context) }
    var sealed = [UInt8](repeating: 0, count: plain.count + 16)
    var tag = [UInt8](repeating: 0, count: 16)
    var count: Int32 = 0
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nil, key, nonce)
    EVP_EncryptUpdate(context, nil, &count, header, Int32(header.count))
    EVP_EncryptUpdate(context, &sealed, &count, plain, Int32(plain.count))
    EVP_EncryptFinal_ex(context, &tag, &count)
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
    return Array(sealed[..<plain.count]) + tag
  }
}

/// A ClientHello by hand, in one or more records (RFC 5246 section 7.4.1.2).
struct ForgedHello {
  var compressions: [UInt8] = [0]
  var session: [UInt8] = []
  /// Beside those without which nothing goes: groups, point formats, signatures.
  var extensions: [(type: Int, content: [UInt8])] = []

  var message: [UInt8] {
    let usual: [(type: Int, content: [UInt8])] = [
      (10, [0, 4, 0, 23, 0, 29]), (11, [1, 0]), (13, [0, 4, 4, 3, 8, 4]),
    ]
    let listed = (usual + extensions).flatMap {
      ForgedRecords.two($0.type) + ForgedRecords.two($0.content.count) + $0.content
    }
    let body =
      [3, 3] + [UInt8](repeating: 7, count: 32) + [UInt8(session.count)] + session + [0, 2, 0xC0, 0x2B]
      + [UInt8(compressions.count)] + compressions + ForgedRecords.two(listed.count) + listed
    return [1, UInt8(body.count >> 16)] + ForgedRecords.two(body.count & 0xFFFF) + body
  }

  func records(of octets: Int = 16_384) -> [UInt8] { Self.records(message, of: octets) }

  static func records(_ message: [UInt8], of octets: Int) -> [UInt8] {
    stride(from: 0, to: message.count, by: octets).flatMap { start in
      let piece = message[start..<min(start + octets, message.count)]
      return [0x16, 3, 1] + ForgedRecords.two(piece.count) + piece
    }
  }
}
