// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Crypto
import NIOCore
import OAuth
import Queue
import SMTP

/// Somebody signs in for an upstream, in a browser or by a refresh token that was got elsewhere; mail goes on meanwhile.
/// What was there before stays in force unless the new login works.
extension Gateway {
  /// The first half: an address and a code for the browser. Within `HTTPSClient.seconds`.
  func beginSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<SignInReply, AdminError>) -> Void
  ) {
    do throws(AdminError) {
      let signIn = tokens.signIn(try personKeeper(upstream), by: by)
      let clock = clock
      signIn.code.whenComplete { result in
        completed(
          result.map { code in
            SignInReply(
              upstream: upstream, address: code.address.text, code: code.userCode.text,
              ends: Timestamp(milliseconds: clock.now().wall + code.lifetimeSeconds * 1000))
          }.mapError { AdminError.cannotSignIn(upstream, $0) })
      }
    } catch {
      completed(.failure(error))
    }
  }

  /// The second half: what became of it, as long as that may take.
  func awaitSignIn(_ upstream: String, by: String, completed: @escaping @Sendable (CredentialResult) -> Void) {
    do throws(AdminError) {
      let keeper = try personKeeper(upstream)
      guard let signIn = tokens.signInUnderWay(upstream) else {
        throw AdminError(
          "creds.no_sign_in", "nobody is signing in at \(upstream)", hint: "postern creds login \(upstream)",
          exit: .noInput)
      }
      signIn.grant.whenComplete { result in
        switch result {
        case .success(let grant): self.tryOut(grant, keeper, by: signIn.by, test: true, completed)
        case .failure(let error): completed(.failure(.cannotSignIn(upstream, error)))
        }
      }
    } catch {
      completed(.failure(error))
    }
  }

  /// A refresh token in the place of a sign-in.
  func setRefreshToken(
    _ upstream: String, token: Secret, test: Bool, by: String,
    completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    do throws(AdminError) {
      let keeper = try personKeeper(upstream)
      keeper.server.token(.refresh(token), on: threads.console.next()).whenSuccess { result in
        switch result {
        case .success(var grant):
          if grant.refreshToken == nil { grant.refreshToken = token }
          self.tryOut(grant, keeper, by: by, test: test, completed)
        case .failure(.refused(let refusal)):
          completed(
            .failure(
              .cannotSignIn(
                upstream,
                TokenTrouble(isLasting: refusal.nature != .passing, refusal.explained(upstream: upstream)))))
        case .failure(.unanswered(let reason)):
          completed(.failure(.cannotSignIn(upstream, TokenTrouble(isLasting: false, reason))))
        }
      }
    } catch {
      completed(.failure(error))
    }
  }

  /// Who keeps the tokens of a person for this upstream.
  private func personKeeper(_ upstream: String) throws(AdminError) -> TokenKeeper {
    guard let keeper = tokens[upstream] else {
      throw AdminError(
        "creds.no_tokens", "upstream \(upstream) logs in with no token",
        context: ["a sign-in needs 'oauth' in [upstream.\(upstream)]"], exit: .noInput)
    }
    let client = keeper.server.client
    guard client.flow == .device else {
      throw AdminError(
        "creds.no_person", "upstream \(upstream) logs in with its own \(client.kind), nobody signs in for it",
        hint: "postern creds test \(upstream)", exit: .noInput)
    }
    return keeper
  }

  // MARK: what the sign-in brought

  private func tryOut(
    _ grant: TokenGrant, _ keeper: TokenKeeper, by: String, test: Bool,
    _ completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    guard test else { return keep(grant, keeper, by: by, probe: nil, note: nil, completed) }
    let upstream = keeper.upstream
    let login = FixedLogin(keeper.login(with: grant.accessToken))
    guard let settings = settings.current.upstream(named: upstream) else {
      return completed(
        .failure(AdminError("upstream.unknown", "there is no upstream '\(upstream)' any more", exit: .noInput)))
    }
    probe(settings, login) { result in
      switch result {
      case .accepted(let reply, let milliseconds):
        self.keep(grant, keeper, by: by, probe: (reply, milliseconds), note: nil, completed)
      case .refused(let trouble):
        self.log.report(.credentialRefused("\(upstream).token", upstream: upstream, by: by, trouble))
        completed(.failure(.signInUseless(upstream, account: grant.account, trouble)))
      case .untested(let trouble):
        let note = "it could not be tried at \(upstream): \(trouble)"
        self.keep(grant, keeper, by: by, probe: nil, note: note, completed)
      }
    }
  }

  private func keep(
    _ grant: TokenGrant, _ keeper: TokenKeeper, by: String, probe: (reply: Reply?, milliseconds: Int64)?,
    note: String?, _ completed: @escaping @Sendable (CredentialResult) -> Void
  ) {
    let upstream = keeper.upstream
    let now = clock.now().wall
    let settings = keeper.server.client.settings
    let kept = KeptGrant(
      upstream: upstream, tokenAddress: settings.tokenAddress.description, clientID: settings.clientID,
      refreshToken: grant.refreshToken ?? Secret(""), account: grant.account, signedIn: now, renewed: now,
      by: PeerText(by))
    let released = countHeldBack(at: upstream)
    keeper.adopt(kept, grant).whenComplete { result in
      switch result {
      case .success:
        self.loginWorks(upstream, isProven: probe != nil)
        self.log.report(
          .credentialChanged(
            "\(upstream).token", upstream: upstream, by: by, reply: probe?.reply, released: released))
        var reply = CredentialChangeReply(
          upstream: upstream, credential: "\(upstream).token", tested: probe != nil,
          reply: probe?.reply?.description, milliseconds: probe.map { Int($0.milliseconds) }, released: released,
          live: true, notes: note.map { [$0] })
        reply.verb = "login"
        reply.account = grant.account?.text
        completed(.success(reply))
      case .failure(let error):
        // What only the disk has refused is not forgotten.
        let isOver = error as? UpstreamTrouble == TokenKeeper.stopping
        completed(
          .failure(
            AdminError(
              "creds.not_stored", "signed in at \(upstream), but \(error)",
              context: [isOver ? "it is not in force" : "it is tried again, and in force when that works"],
              hint: isOver ? "postern creds login \(upstream)" : "postern creds list", exit: .temporary)))
      }
    }
  }
}

extension AdminError {
  fileprivate static func cannotSignIn(_ upstream: String, _ error: any Error) -> AdminError {
    let trouble = error as? TokenTrouble
    return AdminError(
      "creds.not_signed_in", "nobody is signed in at \(upstream): \(trouble?.text.text ?? "\(error)")",
      context: ["nothing was changed"], exit: trouble?.isLasting == true ? .no : .temporary)
  }

  fileprivate static func signInUseless(
    _ upstream: String, account: PeerText?, _ trouble: UpstreamTrouble
  ) -> AdminError {
    AdminError(
      "creds.refused", "\(upstream) refused the login\(account.map { " of \($0)" } ?? ""): \(trouble.text)",
      context: ["what was in force before still is; mail for \(upstream) is kept"],
      hint: "postern creds login \(upstream)", exit: .no)
  }
}
