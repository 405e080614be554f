// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import NIOCore
import NIOPosix

extension Connector where Self == TCPConnector {
  /// To a listener of the same test. Resolves on threads that all tests share.
  package static var loopback: TCPConnector {
    TCPConnector(connectSeconds: 5, resolvers: NIOSingletons.posixBlockingThreadPool)
  }
}
