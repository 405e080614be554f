// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SMTP

/// Where a connection gets its login from, each time one is opened: a password that does not change, or whoever keeps
/// tokens. Asked on the event loop of the mail; an answer may take until a server on the Internet has given it.
package protocol LoginSource: Sendable {
  /// nil: the upstream takes mail without one. Fails with an `UpstreamTrouble`, which is the upstream's like any other.
  func login(on eventLoop: any EventLoop) -> EventLoopFuture<ClientLogin?>
  /// The upstream took it.
  func accepted(_ login: ClientLogin)
  /// The upstream refused it. True: the next one that is asked for may fare better, and should be tried at once.
  func refused(_ login: ClientLogin, on eventLoop: any EventLoop) -> EventLoopFuture<Bool>
}

/// A login that stays as it is.
package struct FixedLogin: LoginSource {
  private let login: ClientLogin?

  package init(_ login: ClientLogin?) {
    self.login = login
  }

  package func login(on eventLoop: any EventLoop) -> EventLoopFuture<ClientLogin?> {
    eventLoop.makeSucceededFuture(login)
  }

  package func accepted(_ login: ClientLogin) {}

  package func refused(_ login: ClientLogin, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
    eventLoop.makeSucceededFuture(false)
  }
}
