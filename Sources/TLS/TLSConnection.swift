// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import NIOCore

/// One TLS connection without a socket: ciphertext is fed in and drained out, plaintext is read and written.
/// `TLSHandler` owns it and calls it on one event loop; it never calls back.
package final class TLSConnection {
  /// Which part to play.
  package enum Side: Sendable, Hashable {
    case server
    /// The name, or the address, that the server's certificate must be for.
    case client(serverName: String)
  }

  /// Why `read` stopped.
  package enum ReadOutcome: Sendable, Equatable {
    /// The buffer is full; there may be more.
    case more
    /// More ciphertext is needed.
    case drained
    /// The peer's close_notify came.
    case closed
    case failed(TLSError)
  }

  let ssl: OpaquePointer
  let context: TLSContext
  private var incoming = ByteBuffer()
  private var outgoing = ByteBuffer()
  /// Received since there was plaintext last.
  private var silentOctets = 0
  /// The first octets of the peer, until the handshake is done.
  private(set) var opening: [UInt8] = []
  /// Of a client: the name, or the address, that it verifies.
  var serverName: String?
  /// What the certificate's verification stumbled over first.
  var verificationFault: String?
  /// Of a server: its client showed a certificate in this handshake, and an authority of ours stands behind it.
  var isClientVerified = false
  /// The session that we would like to go on with.
  var offered: TLSSession?
  /// The server wants to know who its client is; never in a session that goes on.
  package internal(set) var isCertificateAsked = false
  /// After a fatal error OpenSSL forbids further calls on the SSL.
  private var isBroken = false

  package init(context: TLSContext, side: Side) throws(TLSError) {
    ErrorQueue.clear()
    guard let ssl = SSL_new(context.pointer) else { throw .unavailable(reason: ErrorQueue.reason()) }
    self.ssl = ssl
    self.context = context
    guard let bio = ByteBufferBIO.make(for: self) else { throw .unavailable(reason: ErrorQueue.reason()) }
    SSL_set_bio(ssl, bio, bio)
    switch side {
    case .server: SSL_set_accept_state(ssl)
    case .client(let serverName): try becomeClient(of: serverName)
    }
  }

  deinit {
    SSL_free(ssl)
  }

  /// Ciphertext that came from the peer.
  package func receive(_ ciphertext: ByteBuffer) {
    silentOctets += ciphertext.readableBytes
    if opening.count < TLSLimits.openingOctetsMax, SSL_is_init_finished(ssl) == 0 {
      opening += ciphertext.readableBytesView.prefix(TLSLimits.openingOctetsMax - opening.count)
    }
    if incoming.readableBytes == 0 {
      incoming = ciphertext
    } else {
      var ciphertext = ciphertext
      incoming.writeBuffer(&ciphertext)
    }
  }

  /// Ciphertext for the peer that `takeOutgoing` would return.
  package var outgoingOctets: Int { outgoing.readableBytes }

  package func takeOutgoing() -> ByteBuffer {
    defer { outgoing = ByteBuffer() }
    return outgoing
  }

  /// Goes on with the handshake; nil as long as more ciphertext is needed. Alerts about a failure are in
  /// `takeOutgoing`.
  package func handshake() throws(TLSError) -> TLSFacts? {
    ErrorQueue.clear()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      do throws(TLSError) {
        try checkResumed()
      } catch {
        isBroken = true
        throw error
      }
      opening = []
      return facts
    }
    let error = SSL_get_error(ssl, result)
    if error == SSL_ERROR_WANT_READ {
      guard isTooSilent else { return nil }
      isBroken = true
      throw .handshakeFailed(reason: "\(TLSLimits.silentOctetsMax >> 10) KiB came, and no end of the handshake")
    }
    isBroken = true
    if offered != nil { context.sessions?.removeAll() }
    throw handshakeError(ErrorQueue.take())
  }

  /// The peer is gone, or we are, before the handshake was done: a session that was offered may be why.
  func leftInHandshake() -> TLSError {
    if serverName == nil { return clientLeft() }
    if offered != nil { context.sessions?.removeAll() }
    return .handshakeFailed(reason: "the peer closed the connection")
  }

  /// Who keeps the time has had enough.
  func outOfTime() -> TLSError {
    isBroken = true
    return clientTooSlow()
  }

  /// Appends plaintext to the buffer until it is full or the ciphertext is used up.
  package func read(into plaintext: inout ByteBuffer) -> ReadOutcome {
    while plaintext.writableBytes > 0 {
      var result: Int32 = 0
      ErrorQueue.clear()
      plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { destination in
        result = SSL_read(ssl, destination.baseAddress, Int32(clamping: destination.count))
        return Int(max(result, 0))
      }
      guard result <= 0 else {
        silentOctets = 0
        continue
      }
      // Asked here, before anyone sees the plaintext: an answer written in between would change what SSL_get_error
      // says.
      switch SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
        guard isTooSilent else { return .drained }
        isBroken = true
        return .failed(.protocolViolation(reason: "\(TLSLimits.silentOctetsMax >> 10) KiB came that carry nothing"))
      case SSL_ERROR_ZERO_RETURN:
        return .closed
      default:
        isBroken = true
        return .failed(readError(ErrorQueue.take()))
      }
    }
    return .more
  }

  /// Encrypts the beginning of the plaintext, one record at most, and moves its reader index behind that.
  package func write(_ plaintext: inout ByteBuffer) throws(TLSError) {
    guard plaintext.readableBytes > 0 else { return }
    guard !isBroken, !isOutputClosed else { throw .closed }
    reserve(for: plaintext.readableBytes)
    ErrorQueue.clear()
    let result = plaintext.withUnsafeReadableBytes { SSL_write(ssl, $0.baseAddress, Int32(clamping: $0.count)) }
    guard result > 0 else {
      // The BIO takes everything, so that even a wish to be called again is a failure.
      isBroken = true
      throw .protocolViolation(reason: ErrorQueue.reason())
    }
    plaintext.moveReaderIndex(forwardBy: Int(result))
  }

  /// Says close_notify, once; without a completed handshake, or after an error, there is nothing to say.
  package func closeOutput() {
    guard !isBroken, !isOutputClosed, SSL_is_init_finished(ssl) == 1 else { return }
    ErrorQueue.clear()
    if SSL_shutdown(ssl) < 0 { isBroken = true }
    ErrorQueue.clear()
  }

  package var isOutputClosed: Bool { SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN != 0 }

  private var isTooSilent: Bool { silentOctets > TLSLimits.silentOctetsMax }

  /// Room for plaintext from what has been received.
  package var plaintextOctetsExpected: Int {
    incoming.readableBytes + Int(SSL_pending(ssl))
  }
}

// MARK: - Called by the BIO

extension TLSConnection {
  func takeIncoming(into destination: UnsafeMutableRawBufferPointer) -> Int {
    let count = incoming.readWithUnsafeReadableBytes { source in
      let count = min(source.count, destination.count)
      destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
      return count
    }
    // An idle connection holds no buffer.
    if incoming.readableBytes == 0 { incoming = ByteBuffer() }
    return count
  }

  func appendOutgoing(_ octets: UnsafeRawBufferPointer) {
    outgoing.writeBytes(octets)
  }

  private func reserve(for plaintextOctets: Int) {
    guard outgoing.capacity == 0 else { return }
    let records = plaintextOctets / TLSLimits.recordOctetsMax + 1
    let wanted = plaintextOctets + records * TLSLimits.recordOverheadOctets
    outgoing.reserveCapacity(min(wanted, TLSLimits.pieceOctets + TLSLimits.recordOctetsMax))
  }
}

// MARK: - Handshake

extension TLSConnection {
  private func handshakeError(_ cause: ErrorQueue.Entry?) -> TLSError {
    guard let cause else { return .handshakeFailed(reason: "no reason given") }
    guard cause.library == ERR_LIB_SSL else { return .handshakeFailed(reason: cause.text) }
    if serverName == nil, let fault = clientFault(cause) { return fault }
    if let refusal = refusal(cause) { return refusal }
    switch cause.code {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return .verificationFailed(reason: verificationFault ?? cause.text)
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
      return .handshakeFailed(reason: "\(cause.text): the peer does not speak tls here")
    default:
      return .handshakeFailed(reason: cause.text)
    }
  }

  /// Under TLS 1.3 a server says only behind the handshake what it thinks of its client's certificate.
  private func readError(_ cause: ErrorQueue.Entry?) -> TLSError {
    cause.flatMap(refusal) ?? .protocolViolation(reason: cause?.text ?? "no reason given")
  }

  /// An alert that is about a certificate of ours, which a server only can mean if it asked for one.
  private func refusal(_ cause: ErrorQueue.Entry) -> TLSError? {
    guard serverName != nil, isCertificateAsked, cause.library == ERR_LIB_SSL else { return nil }
    switch cause.code {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
      SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_TLSV1_ALERT_UNKNOWN_CA,
      SSL_R_TLSV1_ALERT_DECRYPT_ERROR, SSL_R_TLSV1_ALERT_ACCESS_DENIED, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      break
    default: return nil
    }
    guard let identity = context.identity else {
      return .identityRefused(reason: "it wants a client certificate and there is none (\(cause.text))")
    }
    return .identityRefused(
      reason: "it does not take our certificate \(identity.facts.subject) from \(identity.source) (\(cause.text))")
  }

  private var facts: TLSFacts {
    let cipher = SSL_get_current_cipher(ssl)
    return TLSFacts(
      version: String(cString: SSL_get_version(ssl)), cipher: String(cString: SSL_CIPHER_get_name(cipher)),
      bits: Int(SSL_CIPHER_get_bits(cipher, nil)), resumed: isResumed)
  }
}
