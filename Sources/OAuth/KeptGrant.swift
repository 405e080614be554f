// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import SMTP

/// What is kept of a sign-in for as long as it holds: the refresh token, whose it is and where it may go. An entry of the
/// token file.
package struct KeptGrant: Sendable, Equatable {
  package var upstream: String
  /// It is sent to this server, for this application, and to no other, whatever the configuration says later.
  package var tokenAddress: String
  package var clientID: String
  package var refreshToken: Secret
  package var account: PeerText?
  /// Wall milliseconds: when somebody signed in, and when the server last gave something for it.
  package var signedIn: Int64
  package var renewed: Int64
  /// Who asked for the sign-in, on this machine.
  package var by: PeerText

  package init(
    upstream: String, tokenAddress: String, clientID: String, refreshToken: Secret, account: PeerText?,
    signedIn: Int64, renewed: Int64, by: PeerText
  ) {
    self.upstream = upstream
    self.tokenAddress = tokenAddress
    self.clientID = clientID
    self.refreshToken = refreshToken
    self.account = account
    self.signedIn = signedIn
    self.renewed = renewed
    self.by = by
  }

  package func isFor(_ settings: OAuthSettings) -> Bool {
    tokenAddress == settings.tokenAddress.description && clientID == settings.clientID
  }
}

/// A time by both clocks, in milliseconds: what is kept over a restart is by the wall's, what is waited for is not.
package struct Moment: Sendable, Equatable {
  package var wall: Int64
  package var monotonic: Int64

  package init(wall: Int64, monotonic: Int64) {
    self.wall = wall
    self.monotonic = monotonic
  }
}
