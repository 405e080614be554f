// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import NIOCore

/// The source and sink of octets that OpenSSL sees: the two buffers of a `TLSConnection`. Its data pointer is the
/// connection, not retained, since the connection owns the SSL and the SSL owns the BIO.
enum ByteBufferBIO {
  static func make(for connection: TLSConnection) -> OpaquePointer? {
    guard let method, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(connection).toOpaque())
    return bio
  }

  /// The connection behind an SSL that `TLSConnection` made.
  static func connection(of ssl: OpaquePointer) -> TLSConnection? {
    SSL_get_rbio(ssl).flatMap(connection(behind:))
  }

  private static func connection(behind bio: OpaquePointer) -> TLSConnection? {
    BIO_get_data(bio).map { Unmanaged<TLSConnection>.fromOpaque($0).takeUnretainedValue() }
  }

  /// `nonisolated(unsafe)`: written once, under the lock of the static's initialiser; OpenSSL only reads it afterwards.
  private nonisolated(unsafe) static let method: OpaquePointer? = makeMethod()

  /// The callbacks are formed here, in an ordinary function, so that they belong to no actor.
  private static func makeMethod() -> OpaquePointer? {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ByteBuffer") else { return nil }
    BIO_meth_set_create(method) { bio in
      BIO_set_init(bio, 1)
      return 1
    }
    BIO_meth_set_destroy(method) { _ in 1 }
    BIO_meth_set_read(method) { bio, destination, count in
      guard let bio, let destination, let connection = ByteBufferBIO.connection(behind: bio) else { return -1 }
      cossl_bio_clear_retry_flags(bio)
      let taken = connection.takeIncoming(into: UnsafeMutableRawBufferPointer(start: destination, count: Int(count)))
      guard taken > 0 else {
        cossl_bio_set_retry_read(bio)
        return -1
      }
      return Int32(taken)
    }
    BIO_meth_set_write(method) { bio, source, count in
      guard let bio, let source, let connection = ByteBufferBIO.connection(behind: bio) else { return -1 }
      cossl_bio_clear_retry_flags(bio)
      connection.appendOutgoing(UnsafeRawBufferPointer(start: source, count: Int(count)))
      return count
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
      // Nothing is buffered in the BIO itself, so a flush is always done; every other request is declined.
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
    return method
  }
}
