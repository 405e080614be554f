// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// The certificate that a client shows, with its chain and its key: one file or credential, read once. Contexts use it;
/// the key never leaves it.
///
/// `@unchecked Sendable`: the stored references are to X509 and EVP_PKEY, which are never changed once `init` has read
/// them, and whose references OpenSSL counts atomically.
package final class ClientIdentity: @unchecked Sendable {
  private let chain: [OpaquePointer]
  private let key: OpaquePointer
  /// The file, or what else it was read from, as errors call it.
  package let source: String
  package let facts: CertificateFacts
  /// SHA-256 of the first certificate: the same certificate is the same identity.
  package let fingerprint: [UInt8]

  /// The private key and its certificate in PEM, in any order; certificates behind the first are its chain.
  package convenience init(path: String) throws(TLSError) {
    try self.init(CredentialFile(path: path))
  }

  /// `name` is what errors call it.
  package convenience init(name: String, pem: [UInt8]) throws(TLSError) {
    try self.init(CredentialFile(name: name, octets: pem))
  }

  private init(_ file: borrowing CredentialFile) throws(TLSError) {
    let chain = try file.certificates()
    var key: OpaquePointer?
    do throws(TLSError) {
      let read = try file.privateKey()
      key = read
      guard X509_check_private_key(chain[0], read) == 1 else {
        ErrorQueue.clear()
        throw .unusableFile(path: file.path, reason: "the private key in it is not that of its first certificate")
      }
      guard let facts = CertificateFacts(chain[0]) else {
        throw .unusableFile(
          path: file.path, reason: "the first certificate in it has no dates or no key that can be read")
      }
      self.facts = facts
      self.key = read
    } catch {
      chain.forEach(X509_free)
      EVP_PKEY_free(key)
      throw error
    }
    self.chain = chain
    source = file.path
    fingerprint = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { digest, count in
      var written: UInt32 = 0
      count = X509_digest(chain[0], EVP_sha256(), digest.baseAddress, &written) == 1 ? Int(written) : 0
    }
  }

  deinit {
    chain.forEach(X509_free)
    EVP_PKEY_free(key)
  }

  func present(to context: TLSContext) throws(TLSError) {
    try context.present(chain, of: source, key, of: source)
  }
}

extension ClientIdentity: Equatable {
  package static func == (a: ClientIdentity, b: ClientIdentity) -> Bool { a.fingerprint == b.fingerprint }
}
