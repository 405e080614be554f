// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import Glibc

/// A file in PEM form, read once and whole: a certificate chain, a key, or authorities. Every error names the file
/// and what is wrong with it. The octets are wiped when the reader is done.
struct CredentialFile: ~Copyable {
  let path: String
  private let octets: UnsafeMutableRawBufferPointer

  init(path: String) throws(TLSError) {
    self.path = path
    octets = try Self.read(path)
  }

  /// What somebody else has read; `name` is what errors call it.
  init(name: String, octets source: [UInt8]) {
    path = name
    octets = .allocate(byteCount: max(source.count, 1), alignment: 1)
    octets.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "\n"))
    octets.copyBytes(from: source)
  }

  deinit {
    OPENSSL_cleanse(octets.baseAddress, octets.count)
    octets.deallocate()
  }

  /// The certificates in the order of the file, at least one. The caller frees each.
  func certificates() throws(TLSError) -> [OpaquePointer] {
    let source = BIO_new_mem_buf(octets.baseAddress, Int32(octets.count))
    defer { BIO_free(source) }
    var found: [OpaquePointer] = []
    ErrorQueue.clear()
    while let certificate = PEM_read_bio_X509(source, nil, nil, nil) { found.append(certificate) }
    let end = ErrorQueue.take()
    if let end, end.library == ERR_LIB_PEM, end.code == PEM_R_NO_START_LINE, !found.isEmpty { return found }
    found.forEach(X509_free)
    guard let end, end.library != ERR_LIB_PEM || end.code != PEM_R_NO_START_LINE else {
      throw .unusableFile(path: path, reason: "it holds no certificate in pem form")
    }
    throw .unusableFile(path: path, reason: "certificate \(found.count + 1) in it is damaged (\(end.text))")
  }

  /// The private key. The caller frees it.
  func privateKey() throws(TLSError) -> OpaquePointer {
    guard holdsPrivateKey else {
      throw .unusableFile(path: path, reason: "it holds no private key in pem form")
    }
    let source = BIO_new_mem_buf(octets.baseAddress, Int32(octets.count))
    defer { BIO_free(source) }
    ErrorQueue.clear()
    var isEncrypted = false
    // Without a callback OpenSSL would ask for the passphrase on the terminal.
    let key = PEM_read_bio_PrivateKey(
      source, nil,
      { _, _, _, isEncrypted in
        isEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
        return -1
      }, &isEncrypted)
    if let key { return key }
    let reason = ErrorQueue.reason()
    throw .unusableFile(
      path: path,
      reason: isEncrypted
        ? "the private key in it is encrypted; store it without a passphrase"
        : "the private key in it is damaged or of an unknown kind (\(reason))")
  }

  /// OpenSSL's errors do not tell a missing key from a damaged one.
  private var holdsPrivateKey: Bool {
    octets.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.contains { line in
      line.starts(with: "-----BEGIN ".utf8) && line.suffix(16).elementsEqual("PRIVATE KEY-----".utf8)
    }
  }

  private static func read(_ path: String) throws(TLSError) -> UnsafeMutableRawBufferPointer {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unusableFile(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unusableFile(path: path, reason: systemReason()) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unusableFile(path: path, reason: "it is not a regular file")
    }
    guard status.st_size <= TLSLimits.fileOctetsMax else {
      throw .unusableFile(path: path, reason: "it has \(status.st_size) octets, more than \(TLSLimits.fileOctetsMax)")
    }
    let octets = UnsafeMutableRawBufferPointer.allocate(byteCount: max(Int(status.st_size), 1), alignment: 1)
    octets.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "\n"))
    var count = 0
    while count < octets.count {
      let result = Glibc.read(descriptor, octets.baseAddress! + count, octets.count - count)
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else {
        let reason = systemReason()
        OPENSSL_cleanse(octets.baseAddress, octets.count)
        octets.deallocate()
        throw .unusableFile(path: path, reason: reason)
      }
      if result == 0 { break }
      count += result
    }
    return octets
  }

  private static func systemReason() -> String {
    let text = String(cString: strerror(errno))
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}
