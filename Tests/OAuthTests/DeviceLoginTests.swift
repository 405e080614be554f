// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Crypto
import SMTP
import Testing

@testable import OAuth

@Suite struct DeviceLoginTests {
  private let code = DeviceCode(
    deviceCode: Secret("d1"), userCode: PeerText("WDJB-MJHT"), address: PeerText("https://login.test/device"),
    lifetimeSeconds: 60, intervalSeconds: 5)

  /// At the first question whether somebody has signed in.
  private func asking() -> DeviceLogin {
    var login = DeviceLogin(upstream: "m365")
    _ = login.begin()
    _ = login.offered(code, now: 0)
    _ = login.timePassed(now: 5_000)
    return login
  }

  @Test("the code is shown, and asked about no more often than the server allows")
  func whole() {
    var login = DeviceLogin(upstream: "m365")
    var action = login.begin()
    #expect(action == .request(.deviceCode))
    action = login.offered(code, now: 0)
    #expect(action == .show(code))
    action = login.timePassed(now: 4_999)
    #expect(action == .wait)
    action = login.timePassed(now: 5_000)
    #expect(action == .request(.deviceToken(Secret("d1"))))
    #expect(login.wakeUp == nil)
    action = login.refused(Samples.refusal("authorization_pending"), now: 6_000)
    #expect((action, login.wakeUp) == (.wait, 11_000))
    _ = login.timePassed(now: 11_000)
    action = login.refused(Samples.refusal("slow_down"), now: 11_000)
    #expect((action, login.wakeUp) == (.wait, 21_000))
    _ = login.timePassed(now: 21_000)
    _ = login.refused(Samples.refusal("authorization_pending"), now: 21_000)
    // Slow for all later questions.
    #expect(login.wakeUp == 31_000)
    _ = login.timePassed(now: 31_000)
    let grant = Samples.grant("a", refresh: "r")
    action = login.received(grant)
    #expect(action == .done(grant))
    #expect(login.wakeUp == nil)
    action = login.received(grant)
    #expect(action == .wait)
  }

  @Test("a server that does not answer is asked less often, and somebody may sign in all the same")
  func silence() {
    var login = asking()
    _ = login.unanswered("no route", now: 5_000)
    #expect(login.wakeUp == 15_000)
    _ = login.timePassed(now: 15_000)
    _ = login.refused(Samples.refusal("http", status: 503), now: 15_000)
    #expect(login.wakeUp == 35_000)
    _ = login.timePassed(now: 35_000)
    let action = login.received(Samples.grant("a", refresh: "r"))
    guard case .done = action else {
      Issue.record("\(action)")
      return
    }
  }

  @Test("a server that cannot at the moment is asked once a minute at least")
  func busy() {
    var code = code
    code.lifetimeSeconds = 900
    var login = DeviceLogin(upstream: "m365")
    _ = login.begin()
    _ = login.offered(code, now: 0)
    var now: Int64 = 5_000
    var pauses: [Int64] = []
    for _ in 0..<6 {
      _ = login.timePassed(now: now)
      _ = login.refused(Samples.refusal("server_error", status: 500), now: now)
      pauses.append((login.wakeUp ?? 0) - now)
      now = login.wakeUp ?? 0
    }
    #expect(pauses == [10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
  }

  @Test(
    "it ends with words when it cannot succeed any more",
    arguments: [
      ("authorization_declined", "the sign-in was declined"), ("access_denied", "the sign-in was declined"),
      ("expired_token", "the code was not used in time"), ("invalid_client", "does not know the application"),
    ])
  func refused(code: String, words: String) {
    var login = asking()
    guard case .failed(let trouble) = login.refused(Samples.refusal(code), now: 5_000) else {
      Issue.record("goes on")
      return
    }
    #expect(trouble.text.text.contains(words))
    #expect(login.wakeUp == nil)
  }

  @Test("nobody used the code in time")
  func timeIsUp() {
    var login = asking()
    _ = login.refused(Samples.refusal("authorization_pending"), now: 58_000)
    guard case .failed(let trouble) = login.timePassed(now: 63_000) else {
      Issue.record("goes on")
      return
    }
    #expect(trouble.text.text == "nobody used the code in time: postern creds login m365")
  }

  @Test("tokens that cannot be refreshed are no login")
  func noRefreshToken() {
    var login = asking()
    guard case .failed(let trouble) = login.received(Samples.grant("a")) else {
      Issue.record("taken")
      return
    }
    #expect(trouble.text.text.contains("offline_access"))
  }

  @Test("without a code there is nothing to wait for")
  func noCode() {
    var login = DeviceLogin(upstream: "m365")
    _ = login.begin()
    guard case .failed(let trouble) = login.unanswered("cannot reach login.test", now: 0) else {
      Issue.record("goes on")
      return
    }
    #expect(!trouble.isLasting)
  }
}
