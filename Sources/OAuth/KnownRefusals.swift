// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Refusals that are known to happen, in words: the cause, and what to do. By Microsoft's numbers first, whose `error` is
/// often too coarse, then by the codes of the RFCs and Google's.
enum KnownRefusals {
  struct Entry: Sendable {
    var key: String
    var nature: TokenRefusal.Nature
    var cause: String
    /// NAME stands for the upstream.
    var remedy: String?
  }

  static func find(_ refusal: TokenRefusal) -> Entry? {
    if let number = refusal.number, let entry = byKey[number] { return entry }
    // What a server cannot at the moment is no statement about us, whatever the code.
    if refusal.status == 429 || refusal.status >= 500 { return byKey["temporarily_unavailable"] }
    guard let entry = byKey[refusal.code.text] else { return nil }
    guard let number = refusal.number, entry.nature == .grantIsOver, entry.key != "expired_token" else { return entry }
    // Microsoft says these codes also of what passes, or is lifted without a new sign-in. A number that is not here may
    // mean that, so it is asked again, and its own words say what it is.
    let words = refusal.text.text.dropFirst(number.count).drop { $0 == ":" || $0 == " " }
    return Entry(
      key: number, nature: .needsMending, cause: words.isEmpty ? entry.cause : String(words),
      remedy: "mend that at the provider, or \(signIn)")
  }

  private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

  private static let signIn = "sign in again: postern creds login NAME"

  static let all: [Entry] = [
    // The application's proof
    Entry(
      key: "AADSTS7000222", nature: .needsMending, cause: "the client secret of the application has expired",
      remedy: "make a new one at the app registration, then: postern creds set NAME --client-secret"),
    Entry(
      key: "AADSTS7000215", nature: .needsMending, cause: "the client secret is wrong, perhaps the secret's id",
      remedy: "copy the secret's value, then: postern creds set NAME --client-secret"),
    Entry(
      key: "AADSTS700027", nature: .needsMending, cause: "the certificate is not registered with the application",
      remedy: "upload it at the app registration, or: postern creds set NAME --client-certificate"),
    Entry(
      key: "AADSTS700024", nature: .needsMending, cause: "the clock of this machine is wrong",
      remedy: "set it: timedatectl set-ntp true"),
    Entry(
      key: "AADSTS7000218", nature: .needsMending, cause: "the application may not log in without a secret",
      remedy: "at the app registration, Authentication, set 'Allow public client flows' to yes"),
    Entry(
      key: "AADSTS700016", nature: .needsMending, cause: "there is no such application in this tenant",
      remedy: "look at client_id and tenant in [upstream.NAME]"),
    Entry(
      key: "AADSTS7000112", nature: .needsMending, cause: "the application is disabled in the tenant",
      remedy: "enable it under Enterprise applications, Properties"),
    Entry(
      key: "AADSTS90002", nature: .needsMending, cause: "there is no such tenant",
      remedy: "look at tenant in [upstream.NAME]"),
    Entry(
      key: "AADSTS65001", nature: .needsMending, cause: "nobody has consented to the application's permission",
      remedy: "at the app registration, API permissions, grant admin consent"),
    Entry(
      key: "AADSTS500011", nature: .needsMending, cause: "the scope is of a service that the tenant does not have",
      remedy: "look at scope in [upstream.NAME]"),
    Entry(
      key: "AADSTS70011", nature: .needsMending, cause: "the scope is not valid",
      remedy: "look at scope in [upstream.NAME]"),
    Entry(
      key: "AADSTS1002012", nature: .needsMending, cause: "the scope of an application has to end in /.default",
      remedy: "look at scope in [upstream.NAME]"),
    // The person who signed in
    Entry(
      key: "AADSTS700082", nature: .grantIsOver, cause: "the sign-in was not used for too long and has ended",
      remedy: signIn),
    Entry(key: "AADSTS70008", nature: .grantIsOver, cause: "the sign-in has ended", remedy: signIn),
    Entry(
      key: "AADSTS700084", nature: .grantIsOver, cause: "the sign-in holds for a day only",
      remedy: "register the application as a mobile or desktop one, then: postern creds login NAME"),
    Entry(
      key: "AADSTS70043", nature: .grantIsOver,
      cause: "the organisation's sign-in frequency (conditional access) has ended the sign-in",
      remedy: "let the application log in itself: postern creds set NAME --client-secret; or: postern creds login NAME"),
    Entry(
      key: "AADSTS50173", nature: .grantIsOver, cause: "the password was changed or the sign-in revoked",
      remedy: signIn),
    Entry(
      key: "AADSTS50076", nature: .grantIsOver, cause: "the organisation asks for a second factor now", remedy: signIn),
    Entry(
      key: "AADSTS50079", nature: .grantIsOver, cause: "the account has to register a second factor first",
      remedy: signIn),
    Entry(
      key: "AADSTS53003", nature: .needsMending, cause: "conditional access does not allow this sign-in",
      remedy: "except the account, or let the application log in itself: postern creds set NAME --client-secret"),
    Entry(
      key: "AADSTS53000", nature: .needsMending, cause: "conditional access wants a compliant device",
      remedy: "except the account, or let the application log in itself: postern creds set NAME --client-secret"),
    Entry(
      key: "AADSTS50057", nature: .needsMending, cause: "the account is disabled",
      remedy: "enable it, then: postern creds test NAME"),
    Entry(
      key: "AADSTS50034", nature: .needsMending, cause: "there is no such account in this tenant",
      remedy: "look at tenant in [upstream.NAME]"),
    Entry(
      key: "AADSTS50055", nature: .grantIsOver, cause: "the account's password has expired",
      remedy: "change it, then: postern creds login NAME"),
    Entry(
      key: "AADSTS50053", nature: .needsMending, cause: "the account is locked after too many failed sign-ins",
      remedy: "wait, or unlock it at the provider, then: postern creds test NAME"),
    Entry(
      key: "AADSTS50020", nature: .grantIsOver, cause: "the account that signed in is of another tenant",
      remedy: signIn),
    Entry(key: "AADSTS70016", nature: .pending, cause: "nobody has signed in yet", remedy: nil),
    Entry(
      key: "AADSTS70019", nature: .grantIsOver, cause: "the code was not used in time",
      remedy: "postern creds login NAME"),
    Entry(
      key: "AADSTS50196", nature: .passing, cause: "the authorization server was asked too often", remedy: nil),
    Entry(
      key: "AADSTS90033", nature: .passing, cause: "the authorization server cannot at the moment", remedy: nil),
    // RFC 8628 section 3.5
    Entry(key: "authorization_pending", nature: .pending, cause: "nobody has signed in yet", remedy: nil),
    Entry(key: "slow_down", nature: .slowDown, cause: "the authorization server was asked too often", remedy: nil),
    Entry(
      key: "expired_token", nature: .grantIsOver, cause: "the code was not used in time",
      remedy: "postern creds login NAME"),
    Entry(
      key: "access_denied", nature: .grantIsOver, cause: "the sign-in was declined", remedy: "postern creds login NAME"),
    Entry(
      key: "authorization_declined", nature: .grantIsOver, cause: "the sign-in was declined",
      remedy: "postern creds login NAME"),
    // RFC 6749 section 5.2
    Entry(
      key: "invalid_grant", nature: .grantIsOver, cause: "the sign-in has ended or was revoked", remedy: signIn),
    Entry(
      key: "interaction_required", nature: .grantIsOver, cause: "the provider wants somebody to sign in", remedy: signIn
    ),
    Entry(
      key: "consent_required", nature: .grantIsOver, cause: "the provider wants consent again", remedy: signIn),
    Entry(
      key: "invalid_client", nature: .needsMending, cause: "the authorization server does not know the application",
      remedy: "look at client_id in [upstream.NAME], and: postern creds set NAME --client-secret"),
    Entry(
      key: "unauthorized_client", nature: .needsMending, cause: "the application may not log in in this way",
      remedy: "look at its permissions at the provider, and at client_id in [upstream.NAME]"),
    Entry(
      key: "invalid_scope", nature: .needsMending, cause: "the scope is not valid",
      remedy: "look at scope in [upstream.NAME]"),
    Entry(
      key: "unsupported_grant_type", nature: .needsMending,
      cause: "the authorization server does not know this kind of login",
      remedy: "look at token_url in [upstream.NAME]"),
    Entry(
      key: "temporarily_unavailable", nature: .passing, cause: "the authorization server cannot at the moment",
      remedy: nil),
    Entry(key: "server_error", nature: .passing, cause: "the authorization server cannot at the moment", remedy: nil),
    // Google's
    Entry(
      key: "deleted_client", nature: .needsMending, cause: "the application was deleted at the provider",
      remedy: "look at client_id in [upstream.NAME]"),
    Entry(
      key: "admin_policy_enforced", nature: .needsMending, cause: "the organisation does not allow the application",
      remedy: "allow it in the admin console, Security, API controls"),
    Entry(
      key: "rate_limit_exceeded", nature: .passing, cause: "the authorization server was asked too often", remedy: nil),
  ]
}
