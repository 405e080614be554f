// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension WrongFile {
  /// What keys must be to each other.
  static let rules: [WrongFile] = [
    WrongFile(
      "no upstream",
      #"""
      # upstream
      hostname = "gate.example.com"
      """#,
      #"""
      postern.toml: error: there is no [upstream.NAME]: mail has nowhere to go
          | at least one is needed, called after a provider or with its host
      """#),
    WrongFile(
      "no host",
      #"""
      [upstream.relay]
      username = "a"
      """#,
      #"""
      postern.toml:1:1: error: [upstream.relay] needs 'host'
        1 | [upstream.relay]
          | ^^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a login without user",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      auth = "plain"
      """#,
      #"""
      postern.toml:3:8: error: auth = "plain" needs 'username'
        3 | auth = "plain"
          |        ^^^^^^^
      """#),
    WrongFile(
      "an upstream in clear without consent",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls = "none"
      """#,
      #"""
      postern.toml:3:7: error: tls = "none" sends mail in clear and needs allow_insecure = true
        3 | tls = "none"
          |       ^^^^^^ or use tls = "starttls", or "implicit"
      """#),
    WrongFile(
      "a password in clear",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls = "none"
      allow_insecure = true
      username = "alerts"
      """#,
      #"""
      postern.toml:5:12: error: tls = "none" cannot be used with a login: no password is ever sent in clear
        5 | username = "alerts"
          |            ^^^^^^^^ use tls, or remove 'username' and 'auth'
      """#),
    WrongFile(
      "a public network that is trusted",
      #"""
      [access]
      trusted = ["192.168.0.0/16", "203.0.113.0/24", "0.0.0.0/0", "100.64.0.0/10"]
      """#,
      #"""
      postern.toml:2:30: error: 203.0.113.0/24 is not a private network: strangers would need no login
        2 | trusted = ["192.168.0.0/16", "203.0.113.0/24", "0.0.0.0/0", "100.64.0.0/10"]
          |                              ^^^^^^^^^^^^^^^^ if it is all yours: allow_public_trusted = true
      postern.toml:2:48: error: 0.0.0.0/0 is a good part of the world: nobody's own network
        2 | trusted = ["192.168.0.0/16", "203.0.113.0/24", "0.0.0.0/0", "100.64.0.0/10"]
          |                                                ^^^^^^^^^^^
      postern.toml:2:61: error: 100.64.0.0/10 is not a private network: strangers would need no login
        2 | trusted = ["192.168.0.0/16", "203.0.113.0/24", "0.0.0.0/0", "100.64.0.0/10"]
          |                                                             ^^^^^^^^^^^^^^^ if it is all yours: \#
      allow_public_trusted = true
      """#),
    WrongFile(
      "half the world, whatever is allowed",
      #"""
      [access]
      allow_public_trusted = true
      trusted = ["128.0.0.0/1", "203.0.113.0/24", "2000::/3"]
      """#,
      #"""
      postern.toml:3:12: error: 128.0.0.0/1 is a good part of the world: nobody's own network
        3 | trusted = ["128.0.0.0/1", "203.0.113.0/24", "2000::/3"]
          |            ^^^^^^^^^^^^^
      postern.toml:3:45: error: 2000::/3 is a good part of the world: nobody's own network
        3 | trusted = ["128.0.0.0/1", "203.0.113.0/24", "2000::/3"]
          |                                             ^^^^^^^^^^
      """#),
    WrongFile(
      "senders",
      #"""
      [sender]
      policy = "listed"
      """#,
      #"""
      postern.toml:2:10: error: policy = "listed" allows nobody to send without 'allowed'
        2 | policy = "listed"
          |          ^^^^^^^^ allowed = ["@example.com"], say
      """#),
    WrongFile(
      "a list of senders that nobody looks at",
      #"""
      [sender]
      allowed = ["@example.com", "<>", "@"]
      """#,
      #"""
      postern.toml:2:28: error: 'allowed' must be "*", an address, "@example.com" or "name@", not "<>"
        2 | allowed = ["@example.com", "<>", "@"]
          |                            ^^^^
      postern.toml:2:34: error: 'allowed' must be "*", an address, "@example.com" or "name@", not "@"
        2 | allowed = ["@example.com", "<>", "@"]
          |                                  ^^^
      """#),
    WrongFile(
      "a public address that is trusted",
      #"""
      [access]
      trusted = ["203.0.113.5", "::ffff:192.168.1.0/120"]
      """#,
      #"""
      postern.toml:2:12: error: 203.0.113.5 is not a private network: strangers would need no login
        2 | trusted = ["203.0.113.5", "::ffff:192.168.1.0/120"]
          |            ^^^^^^^^^^^^^ for one address: a [[client]] with allow = ["no-auth"]
      """#),
    WrongFile(
      "two listeners on one port",
      #"""
      [listen.a]
      port = 2525
      address = "127.0.0.1"
      [listen.b]
      port = 2525
      [listen.c]
      port = 2526
      address = ["::1", "0::1"]
      [listen.d]
      port = 2526
      address = "127.0.0.1"
      """#,
      #"""
      postern.toml:5:8: error: [listen.b] and [listen.a] listen on the same address and port 2525
        5 | port = 2525
          |        ^^^^
      postern.toml:8:11: error: [listen.c] names an address twice
        8 | address = ["::1", "0::1"]
          |           ^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a listener without port",
      #"""
      [listen.smtp]
      address = "*"
      """#,
      #"""
      postern.toml:1:1: error: [listen.smtp] needs 'port'
        1 | [listen.smtp]
          | ^^^^^^^^^^^^^ only [listen.submission] and [listen.submissions] have one
      """#),
    WrongFile(
      "no certificate for the standard listeners",
      #"""
      hostname = "gate.example.com" # [tls]
      """#,
      #"""
      postern.toml: error: listener 'submission' (port 587, starttls) needs a certificate
          | set certificate and key, two PEM files, in [tls]
      """#),
    WrongFile(
      "no certificate for a listener",
      #"""
      [listen.smtp]
      port = 25
      tls = "none"
      [listen.submission] # [tls]
      """#,
      #"""
      postern.toml:4:1: error: listener 'submission' (port 587, starttls) needs a certificate
        4 | [listen.submission] # [tls]
          | ^^^^^^^^^^^^^^^^^^^ set certificate and key, two PEM files, in [tls]
      """#),
    WrongFile(
      "a certificate without key",
      #"""
      [tls]
      certificate = "/c.pem"
      """#,
      #"""
      postern.toml:2:15: error: [tls] has a 'certificate' and no 'key'
        2 | certificate = "/c.pem"
          |               ^^^^^^^^ set 'key', a PEM file, beside it
      """#),
    WrongFile(
      "clients",
      #"""
      [[client]]
      address = "192.168.1.40"
      allow = ["no-auth", "tls1.1", "noauth"]
      [[client]]
      name = "scanner"
      address = []
      [[client]]
      name = "copier"
      address = ["192.168.1.41", "203.0.113.0/24"]
      allow = ["no-auth"]
      [[client]]
      name = "copier"
      address = "192.168.1.41"
      [[client]]
      name = "fax"
      address = "192.168.1.42"
      from = "fax@"
      """#,
      #"""
      postern.toml:1:1: error: [[client]] needs 'name'
        1 | [[client]]
          | ^^^^^^^^^^
      postern.toml:3:21: error: 'allow' must be "no-auth", "plaintext", "tls1.0", "bare-lf" or "any-helo", not "tls1.1"
        3 | allow = ["no-auth", "tls1.1", "noauth"]
          |                     ^^^^^^^^ did you mean "tls1.0"?
      postern.toml:3:31: error: 'allow' must be "no-auth", "plaintext", "tls1.0", "bare-lf" or "any-helo", not "noauth"
        3 | allow = ["no-auth", "tls1.1", "noauth"]
          |                               ^^^^^^^^ did you mean "no-auth"?
      postern.toml:6:11: error: 'address' must be at least one of addresses and networks, not a list
        6 | address = []
          |           ^^
      postern.toml:9:28: error: 203.0.113.0/24 is not a private network: strangers would need no login
        9 | address = ["192.168.1.41", "203.0.113.0/24"]
          |                            ^^^^^^^^^^^^^^^^ no-auth outside private networks is for single \#
      addresses
      postern.toml:12:8: error: a second [[client]] has the name 'copier'
        12 | name = "copier"
           |        ^^^^^^^^
      postern.toml:13:11: error: [[client]] 'copier' has the address 192.168.1.41 too
        13 | address = "192.168.1.41"
           |           ^^^^^^^^^^^^^^
      postern.toml:17:8: error: 'from' must be an address such as "postmaster@example.com", or "", not "fax@"
        17 | from = "fax@"
           |        ^^^^^^
      """#),
  ]
}
