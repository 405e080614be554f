// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Crypto
import SMTP
import Testing

@testable import OAuth

@Suite struct TokenLifeTests {
  /// A life that `#expect` can move on.
  private final class Played {
    private(set) var life: TokenLife

    init(_ client: OAuthClient, kept: KeptGrant?, now: Moment, jitter: UInt64) {
      life = TokenLife(client, upstream: "m365", kept: kept, now: now, jitter: jitter)
    }

    var wakeUp: Int64? { life.wakeUp }
    var kept: KeptGrant? { life.kept }
    var trouble: TokenTrouble? { life.trouble }
    var standingTrouble: TokenTrouble? { life.standingTrouble }

    func wanted(now: Moment) -> TokenLife.Action { life.wanted(now: now) }
    func timePassed(now: Moment) -> TokenLife.Action { life.timePassed(now: now) }
    func received(_ grant: TokenGrant, now: Moment, jitter: UInt64) -> TokenLife.Action {
      life.received(grant, now: now, jitter: jitter)
    }
    func refused(_ refusal: TokenRefusal, now: Moment, jitter: UInt64) -> TokenLife.Action {
      life.refused(refusal, now: now, jitter: jitter)
    }
    func unanswered(_ reason: String, now: Moment, jitter: UInt64) -> TokenLife.Action {
      life.unanswered(reason, now: now, jitter: jitter)
    }
    func kept(now: Moment, jitter: UInt64) -> TokenLife.Action { life.kept(now: now, jitter: jitter) }
    func notKept(_ reason: String, now: Moment, jitter: UInt64) -> TokenLife.Action {
      life.notKept(reason, now: now, jitter: jitter)
    }
    func signedIn(_ new: KeptGrant, _ grant: TokenGrant) -> TokenLife.Action { life.signedIn(new, grant) }
    func accepted(_ token: Secret) { life.accepted(token) }
    func rejected(_ token: Secret) -> Bool { life.rejected(token) }
  }

  private func life(
    _ client: OAuthClient, kept: KeptGrant? = nil, now: Moment = at(0), jitter: UInt64 = 0
  ) -> Played {
    Played(client, kept: kept, now: now, jitter: jitter)
  }

  private func token(_ text: String) -> TokenLife.Action { .answer(.token(Secret(text))) }

  private func isLasting(_ action: TokenLife.Action) -> Bool? {
    if case .answer(.trouble(let trouble)) = action { trouble.isLasting } else { nil }
  }

  @Test("a token is asked for once, and given to all who want one while it is fresh")
  func reuse() {
    let life = life(Samples.application)
    #expect(life.wanted(now: at(0)) == .request(.application))
    #expect(life.wanted(now: at(0)) == .wait)
    #expect(life.received(Samples.grant("one"), now: at(1), jitter: 0) == token("one"))
    #expect(life.wanted(now: at(2)) == token("one"))
    #expect(life.wanted(now: at(3300)) == token("one"))
    #expect(life.wanted(now: at(3302)) == .request(.application))
  }

  @Test("a token in use is renewed before it ends; one that nobody uses is let go")
  func renewal() {
    let life = life(Samples.application)
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one"), now: at(0), jitter: 0)
    #expect(life.wakeUp == at(86_400).monotonic)
    _ = life.wanted(now: at(5))
    #expect(life.wakeUp == at(3000).monotonic)
    #expect(life.timePassed(now: at(2999)) == .wait)
    #expect(life.timePassed(now: at(3000)) == .request(.application))
    // Mail does not wait for it.
    #expect(life.wanted(now: at(3001)) == token("one"))
    #expect(life.received(Samples.grant("two"), now: at(3002), jitter: 0) == token("two"))
    #expect(life.wanted(now: at(3003)) == token("two"))
  }

  @Test("renewals of many gateways spread", arguments: [0, 1, 500, 999, UInt64.max])
  func spread(jitter: UInt64) {
    let life = life(Samples.application, jitter: jitter)
    let first = life.wakeUp! - at(0).monotonic
    #expect((1_000...31_000).contains(first))
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one"), now: at(0), jitter: jitter)
    _ = life.wanted(now: at(1))
    #expect((at(2820).monotonic...at(3000).monotonic).contains(life.wakeUp!))
    _ = life.timePassed(now: at(3000))
    #expect(life.unanswered("no route", now: at(3000), jitter: jitter) == token("one"))
    #expect((at(3024).monotonic...at(3036).monotonic).contains(life.wakeUp!))
  }

  @Test("a server that is away takes nothing from a token that still holds, and is asked less and less often")
  func away() {
    let life = life(Samples.application)
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one"), now: at(0), jitter: 0)
    _ = life.wanted(now: at(1))
    var now: Int64 = 3000
    var pauses: [Int64] = []
    while now < 3570 {
      guard case .request = life.timePassed(now: at(now)) else {
        Issue.record("not asked at \(now)")
        return
      }
      #expect(life.unanswered("no route", now: at(now), jitter: 200) == token("one"))
      let next = (life.wakeUp! - at(0).monotonic) / 1000
      pauses.append(next - now)
      now = next
    }
    #expect(pauses == [30, 60, 120, 240, 480])
    #expect(life.wanted(now: at(3580)) == .request(.application))
    #expect(isLasting(life.unanswered("no route", now: at(3580), jitter: 200)) == false)
    // Whoever has mail asks again: the upstream's breaker sets the pace then.
    #expect(life.wanted(now: at(3581)) == .request(.application))
  }

  @Test("no refusal takes anything from a token that still holds; what only somebody can mend is told at its end")
  func refusedInTime() {
    let life = life(Samples.application)
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one"), now: at(0), jitter: 0)
    _ = life.wanted(now: at(1))
    #expect(life.timePassed(now: at(3000)) == .request(.application))
    let refusal = Samples.refusal("invalid_client", "AADSTS7000222: expired", status: 401)
    #expect(life.refused(refusal, now: at(3000), jitter: 200) == token("one"))
    #expect(life.trouble?.isLasting == true)
    #expect(life.wanted(now: at(3400)) == .request(.application))
    #expect(life.refused(refusal, now: at(3400), jitter: 200) == token("one"))
    #expect(life.wakeUp == at(3570).monotonic)
    #expect(life.timePassed(now: at(3570)) == .request(.application))
    #expect(isLasting(life.refused(refusal, now: at(3570), jitter: 200)) == true)
  }

  @Test("nor does the end of the sign-in, and nobody is asked then")
  func overInTime() {
    let life = life(Samples.person, kept: Samples.kept("r1"))
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one"), now: at(0), jitter: 0)
    _ = life.wanted(now: at(1))
    _ = life.timePassed(now: at(3000))
    #expect(life.refused(Samples.refusal("invalid_grant", "AADSTS50173: x"), now: at(3000), jitter: 0) == token("one"))
    #expect(life.wanted(now: at(3500)) == token("one"))
    #expect(life.wakeUp == at(3570).monotonic)
    #expect(isLasting(life.timePassed(now: at(3570))) == true)
    #expect(life.wakeUp == nil)
  }

  @Test("a refresh token that the server replaced is durable before anything that came with it is used")
  func rotation() {
    let life = life(Samples.person, kept: Samples.kept("r1"))
    #expect(life.wanted(now: at(10)) == .request(.refresh(Secret("r1"))))
    let new = Samples.kept("r2", renewed: at(11).wall)
    #expect(life.received(Samples.grant("one", refresh: "r2"), now: at(11), jitter: 0) == .keep(new))
    #expect(life.wanted(now: at(11)) == .wait)
    #expect(life.kept == Samples.kept("r1"))
    #expect(life.kept(now: at(12), jitter: 0) == token("one"))
    #expect(life.kept == new)
    _ = life.wanted(now: at(13))
    #expect(life.timePassed(now: at(3012)) == .request(.refresh(Secret("r2"))))
  }

  @Test("if the disk does not take it nothing is used; it is tried again soon and when somebody has mail")
  func unkept() {
    let life = life(Samples.person, kept: Samples.kept("r1"))
    _ = life.wanted(now: at(0))
    let keep = life.received(Samples.grant("one", refresh: "r2"), now: at(0), jitter: 0)
    let answer = life.notKept("cannot write tokens: no space", now: at(0), jitter: 0)
    #expect(answer == .answer(.trouble(TokenTrouble(isLasting: false, "cannot write tokens: no space"))))
    #expect(life.wakeUp == at(10).monotonic)
    #expect(life.wanted(now: at(5)) == keep)
    _ = life.notKept("cannot write tokens: no space", now: at(5), jitter: 0)
    #expect(life.timePassed(now: at(14)) == .wait)
    #expect(life.timePassed(now: at(15)) == keep)
    #expect(life.kept(now: at(15), jitter: 0) == token("one"))
  }

  @Test("a refresh token that stays is written down once a day, to know how long it lay idle")
  func unchanged() {
    let life = life(Samples.person, kept: Samples.kept("r1"))
    _ = life.wanted(now: at(0))
    #expect(life.received(Samples.grant("one"), now: at(0), jitter: 0) == token("one"))
    _ = life.wanted(now: at(90_000))
    #expect(
      life.received(Samples.grant("two"), now: at(90_000), jitter: 0)
        == .keep(Samples.kept("r1", renewed: at(90_000).wall)))
  }

  @Test("an idle sign-in is used every week, also if the machine was off meanwhile")
  func idle() {
    let week: Int64 = 7 * 86_400
    let life = life(Samples.person, kept: Samples.kept("r1"))
    #expect(life.wakeUp == at(week).monotonic)
    let later = self.life(
      Samples.person, kept: Samples.kept("r1"), now: Moment(wall: at(week * 3).wall, monotonic: 7_000))
    #expect(later.wakeUp == 8_000)
    // A clock that was set back is no reason to wait for years.
    let backwards = self.life(Samples.person, kept: Samples.kept("r1", renewed: at(week * 500).wall))
    #expect(backwards.wakeUp == at(week).monotonic)
  }

  @Test("a sign-in that is over asks nobody any more until somebody signs in again")
  func over() {
    let life = life(Samples.person, kept: Samples.kept("r1"))
    _ = life.wanted(now: at(0))
    let answer = life.refused(
      Samples.refusal("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity."), now: at(1),
      jitter: 0)
    #expect(isLasting(answer) == true)
    #expect(life.wakeUp == nil)
    #expect(life.wanted(now: at(2)) == answer)
    guard case .answer(.trouble(let trouble)) = answer else { return }
    #expect(
      trouble.text.text
        == "login.test: the sign-in was not used for too long and has ended; sign in again: postern creds login m365 "
        + "(AADSTS700082)")

    let new = Samples.kept("n1")
    #expect(life.signedIn(new, Samples.grant("fresh", refresh: "n1")) == .keep(new))
    #expect(life.kept(now: at(9), jitter: 0) == token("fresh"))
    #expect(life.standingTrouble == nil)
    #expect(life.wanted(now: at(10)) == token("fresh"))
  }

  @Test("where nobody has signed in nothing is asked, and the trouble says what to type")
  func nobody() {
    let life = life(Samples.person)
    #expect(life.wakeUp == nil)
    guard case .answer(.trouble(let trouble)) = life.wanted(now: at(0)) else {
      Issue.record("no trouble")
      return
    }
    #expect(trouble.isLasting)
    #expect(trouble.text.text.hasSuffix("postern creds login m365"))
  }

  @Test("an application whose secret has expired is asked for again, an hour later by itself")
  func expiredSecret() {
    let life = life(Samples.application)
    _ = life.wanted(now: at(0))
    let answer = life.refused(
      Samples.refusal("invalid_client", "AADSTS7000222: The provided client secret keys are expired.", status: 401),
      now: at(0), jitter: 200)
    #expect(isLasting(answer) == true)
    #expect(life.wakeUp == at(3600).monotonic)
    #expect(life.wanted(now: at(5)) == .request(.application))
    #expect(life.received(Samples.grant("one"), now: at(5), jitter: 0) == token("one"))
    #expect(life.trouble == nil)
  }

  @Test("a token that the upstream refuses is replaced once; if that is refused too, it is not the token")
  func rejected() {
    let life = life(Samples.application)
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one"), now: at(0), jitter: 0)
    #expect(life.rejected(Secret("one")))
    // A second connection with the same token learns nothing new.
    #expect(life.rejected(Secret("one")))
    #expect(life.wanted(now: at(1)) == .request(.application))
    _ = life.received(Samples.grant("two"), now: at(1), jitter: 0)
    #expect(!life.rejected(Secret("two")))
    // The next probe brings another one: permissions that were granted meanwhile are only in a new token.
    #expect(life.wanted(now: at(800)) == .request(.application))
    _ = life.received(Samples.grant("three"), now: at(800), jitter: 0)
    #expect(!life.rejected(Secret("three")))
    #expect(life.wanted(now: at(1600)) == .request(.application))
    _ = life.received(Samples.grant("four"), now: at(1600), jitter: 0)
    life.accepted(Secret("four"))
    #expect(life.rejected(Secret("four")))
  }

  @Test("an answer that nobody asked for changes nothing")
  func unasked() {
    let life = life(Samples.person, kept: Samples.kept("r1"))
    #expect(life.received(Samples.grant("one", refresh: "r2"), now: at(0), jitter: 0) == .wait)
    #expect(life.refused(Samples.refusal("invalid_grant"), now: at(0), jitter: 0) == .wait)
    #expect(life.unanswered("late", now: at(0), jitter: 0) == .wait)
    #expect(life.kept(now: at(0), jitter: 0) == .wait)
    #expect(life.wanted(now: at(0)) == .request(.refresh(Secret("r1"))))
  }

  @Test("tokens of a few seconds live by the same rules")
  func short() {
    let life = life(Samples.application)
    _ = life.wanted(now: at(0))
    _ = life.received(Samples.grant("one", seconds: 4), now: at(0), jitter: 0)
    #expect(life.wanted(now: at(2)) == token("one"))
    #expect(life.wakeUp == at(0).monotonic + 2_667)
    #expect(life.wanted(now: at(3)) == .request(.application))
    _ = life.received(Samples.grant("two", seconds: 0), now: at(3), jitter: 0)
    #expect(life.wanted(now: at(3)) == .request(.application))
  }
}
