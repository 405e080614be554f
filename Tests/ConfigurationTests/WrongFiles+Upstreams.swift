// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension WrongFile {
  /// Upstreams and their providers, and routes.
  static let upstreams: [WrongFile] = [
    WrongFile(
      "provider that is none",
      #"""
      [upstream.relay]
      provider = "gmial"
      """#,
      #"""
      postern.toml:2:12: error: 'provider' must be "capture", "fastmail", "generic", "gmail", "gmail-relay", "m365", \#
      "mailgun", "postmark", "sendgrid" or "ses", not "gmial"
        2 | provider = "gmial"
          |            ^^^^^^^ did you mean "gmail"?
      """#),
    WrongFile(
      "a name that is almost a preset's",
      #"""
      [upstream.gmial]
      username = "alerts@example.com"
      """#,
      #"""
      postern.toml:1:1: error: [upstream.gmial] needs 'host'
        1 | [upstream.gmial]
          | ^^^^^^^^^^^^^^^^ did you mean [upstream.gmail]?
      """#),
    WrongFile(
      "a preset without its username",
      #"""
      [upstream.gmail]
      priority = 5
      """#,
      #"""
      postern.toml:1:1: error: [upstream.gmail] needs 'username'
        1 | [upstream.gmail]
          | ^^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a preset without its region",
      #"""
      [upstream.ses]
      username = "AKIA77"
      """#,
      #"""
      postern.toml:1:1: error: [upstream.ses] needs 'region'
        1 | [upstream.ses]
          | ^^^^^^^^^^^^^^ it is part of the host's name: email-smtp.{region}.amazonaws.com
      """#),
    WrongFile(
      "regions that are none",
      #"""
      [upstream.mailgun]
      username = "a@example.com"
      region = "europe"
      [upstream.ses]
      username = "AKIA77"
      region = "eu central"
      [upstream.relay]
      host = "smtp.example.com"
      region = "eu"
      """#,
      #"""
      postern.toml:3:10: error: 'region' must be "us" or "eu", not "europe"
        3 | region = "europe"
          |          ^^^^^^^^
      postern.toml:6:10: error: 'region' must be a region such as "eu-central-1", not "eu central"
        6 | region = "eu central"
          |          ^^^^^^^^^^^^
      postern.toml:9:10: error: provider 'generic' has no regions
        9 | region = "eu"
          |          ^^^^
      """#),
    WrongFile(
      "ports and security that a provider does not have",
      #"""
      [upstream.postmark]
      port = 465
      [upstream.m365]
      username = "a@example.com"
      tls = "implicit"
      oauth = { tenant = "example.com", client_id = "3f0c" }
      [upstream.gmail]
      username = "a@example.com"
      port = 587
      tls = "implicit"
      """#,
      #"""
      postern.toml:2:8: error: Postmark has no implicit TLS: a connection to port 465 hangs
        2 | port = 465
          |        ^^^ write port = 587
      postern.toml:5:7: error: smtp.office365.com does not listen on port 465
        5 | tls = "implicit"
          |       ^^^^^^^^^^ write port = 587
      postern.toml:9:8: error: smtp.gmail.com has no implicit TLS on port 587
        9 | port = 587
          |        ^^^ write port = 465, or tls = "starttls"
      """#),
    WrongFile(
      "a user name where the provider knows only one",
      #"""
      [upstream.sendgrid]
      username = "alerts@example.com"
      [upstream.postmark]
      username = "alerts@example.com"
      """#,
      #"""
      postern.toml:2:12: error: the user name at sendgrid is always 'apikey'
        2 | username = "alerts@example.com"
          |            ^^^^^^^^^^^^^^^^^^^^ remove 'username'
      postern.toml:4:12: error: the user name at postmark is always the password itself
        4 | username = "alerts@example.com"
          |            ^^^^^^^^^^^^^^^^^^^^ remove 'username'
      """#),
    WrongFile(
      "tokens from nobody",
      #"""
      [upstream.m365]
      username = "a@example.com"
      [upstream.second]
      provider = "m365"
      username = "a@example.com"
      oauth = { client_id = "" , scope = "mail" }
      [upstream.relay]
      host = "smtp.example.com"
      username = "a"
      auth = "oauthbearer"
      oauth.client_id = "postern"
      [upstream.old]
      host = "smtp.example.com"
      username = "a"
      auth = "plain"
      oauth = { client_id = "postern", token_url = "https://a.example/" }
      """#,
      #"""
      postern.toml:1:1: error: [upstream.m365] needs 'oauth'
        1 | [upstream.m365]
          | ^^^^^^^^^^^^^^^ as in oauth = { tenant = "example.com", client_id = "…" }
      postern.toml:6:1: error: [upstream.second.oauth] needs 'client_id'
        6 | oauth = { client_id = "" , scope = "mail" }
          | ^^^^^
      postern.toml:6:1: error: [upstream.second.oauth] needs 'tenant'
        6 | oauth = { client_id = "" , scope = "mail" }
          | ^^^^^ the organization's domain or ID, as in tenant = "example.com"
      postern.toml:11:1: error: [upstream.relay.oauth] needs 'token_url'
        11 | oauth.client_id = "postern"
           | ^^^^^
      postern.toml:16:9: error: auth = "plain" has no use for 'oauth'
        16 | oauth = { client_id = "postern", token_url = "https://a.example/" }
           |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ use auth = "xoauth2" or \#
      "oauthbearer", or remove 'oauth'
      """#),
    WrongFile(
      "token endpoints without TLS or without a host",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      username = "a"
      oauth = { client_id = "postern", token_url = "http://a.example/t", device_url = "https://user@a.example/" }
      """#,
      #"""
      postern.toml:4:46: error: 'token_url' must be a URL such as "https://login.example.com/token", or "", not \#
      "http://a.example/t"
        4 | oauth = { client_id = "postern", token_url = "http://a.example/t", device_url = "https://user@a.example/" }
          |                                              ^^^^^^^^^^^^^^^^^^^^
      postern.toml:4:81: error: 'device_url' must be a URL such as "https://login.example.com/token", or "", not \#
      "https://user@a.example/"
        4 | oauth = { client_id = "postern", token_url = "http://a.example/t", device_url = "https://user@a.example/" }
          |                                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a secret among what OAuth needs",
      #"""
      [upstream.m365]
      username = "a@example.com"
      oauth = { tenant = "example.com", client_id = "3f0c", client_secret = "geheim" }
      """#,
      #"""
      postern.toml:3:55: error: 'client_secret' does not belong in this file
        3 | oauth = { tenant = "example.com", client_id = "3f0c", client_secret = …
          |                                                       ^^^^^^^^^^^^^ write it alone into \#
      /etc/postern/credentials/m365.client-secret (mode 0640, root:postern), then delete this line; it is in backups \#
      of this file now, consider a new one
      """#),
    WrongFile(
      "pins",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls_verify = "pin"
      [upstream.second]
      host = "smtp.example.com"
      tls_pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
      [upstream.third]
      host = "smtp.example.com"
      tls_verify = "pin"
      tls_pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", "sha256"]
      """#,
      #"""
      postern.toml:3:14: error: tls_verify = "pin" needs 'tls_pins'
        3 | tls_verify = "pin"
          |              ^^^^^
      postern.toml:6:12: error: 'tls_pins' is only for tls_verify = "pin"
        6 | tls_pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write tls_verify = "pin"
      postern.toml:10:13: error: 'tls_pins' must be the Base64 of a SHA-256 (44 characters), not \#
      "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="
        10 | tls_pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", "sha256"]
           |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      postern.toml:10:61: error: 'tls_pins' must be the Base64 of a SHA-256 (44 characters), not "sha256"
        10 | tls_pins = ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", "sha256"]
           |                                                             ^^^^^^^^
      """#),
    WrongFile(
      "senders",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      senders = ["alerts", "<>", "a@b@c", "*@example.com"]
      rewrite = "alerts"
      [upstream.second]
      host = "smtp.example.com"
      senders = ["@example.com"]
      rewrite = "alerts@example.org"
      [upstream.third]
      host = "smtp.example.com"
      rewrite = "alerts@example.com"
      [upstream.fourth]
      host = "smtp.example.com"
      rewrite = "alerts@example.com"
      null_sender = "rewrite"
      """#,
      #"""
      postern.toml:3:12: error: 'senders' must be "*", an address, "@example.com" or "name@", not "alerts"
        3 | senders = ["alerts", "<>", "a@b@c", "*@example.com"]
          |            ^^^^^^^^
      postern.toml:3:22: error: 'senders' must be "*", an address, "@example.com" or "name@", not "<>"
        3 | senders = ["alerts", "<>", "a@b@c", "*@example.com"]
          |                      ^^^^
      postern.toml:3:28: error: 'senders' must be "*", an address, "@example.com" or "name@", not "a@b@c"
        3 | senders = ["alerts", "<>", "a@b@c", "*@example.com"]
          |                            ^^^^^^^
      postern.toml:3:37: error: 'senders' must be "*", an address, "@example.com" or "name@", not "*@example.com"
        3 | senders = ["alerts", "<>", "a@b@c", "*@example.com"]
          |                                     ^^^^^^^^^^^^^^^
      postern.toml:4:11: error: 'rewrite' must be an address such as "postmaster@example.com", or "", not "alerts"
        4 | rewrite = "alerts"
          |           ^^^^^^^^
      postern.toml:8:11: error: 'rewrite' is 'alerts@example.org', which is none of 'senders'
        8 | rewrite = "alerts@example.org"
          |           ^^^^^^^^^^^^^^^^^^^^ what others become must itself be accepted
      postern.toml:11:11: error: 'rewrite' has no use: this upstream takes every sender
        11 | rewrite = "alerts@example.com"
           |           ^^^^^^^^^^^^^^^^^^^^ say which ones it takes, as in senders = ["alerts@example.com"]
      """#),
    WrongFile(
      "amounts",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      rate = "20"
      quota = "500 mails/d"
      priority = -1
      [upstream.second]
      host = "smtp.example.com"
      rate = "0/m"
      quota = "5/m"
      """#,
      #"""
      postern.toml:3:8: error: 'rate' must be a count in a time such as "5/10m", or "", not "20"
        3 | rate = "20"
          |        ^^^^
      postern.toml:4:9: error: 'quota' must be a count in an hour or longer such as "500/d" or "10000 recipients/d", \#
      or "", not "500 mails/d"
        4 | quota = "500 mails/d"
          |         ^^^^^^^^^^^^^
      postern.toml:5:12: error: 'priority' must be 0-65535, not -1
        5 | priority = -1
          |            ^^
      postern.toml:8:8: error: 'rate' must be a count in a time such as "5/10m", or "", not "0/m"
        8 | rate = "0/m"
          |        ^^^^^
      postern.toml:9:9: error: 'quota' must be a count in an hour or longer such as "500/d" or "10000 recipients/d", \#
      or "", not "5/m"
        9 | quota = "5/m"
          |         ^^^^^
      """#),
    WrongFile(
      "addresses of the other family",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      ip_version = 5
      source_address = "eth0"
      helo = "192.0.2.1"
      [upstream.second]
      host = "smtp.example.com"
      ip_version = 4
      source_address = "2001:db8::1"
      """#,
      #"""
      postern.toml:3:14: error: 'ip_version' must be "any", "4" or "6", not 5
        3 | ip_version = 5
          |              ^
      postern.toml:4:18: error: 'source_address' must be an address of this host, or "", not "eth0"
        4 | source_address = "eth0"
          |                  ^^^^^^
      postern.toml:5:8: error: 'helo' must be a domain name, or "", not "192.0.2.1"
        5 | helo = "192.0.2.1"
          |        ^^^^^^^^^^^
      postern.toml:9:18: error: 2001:db8::1 is no address of IPv4
        9 | source_address = "2001:db8::1"
          |                  ^^^^^^^^^^^^^
      """#),
    WrongFile(
      "pins and certificates without TLS",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls = "none"
      allow_insecure = true
      client_certificate = "c.pem"
      auth = "external"
      """#,
      #"""
      postern.toml:5:22: error: 'client_certificate' has no use with tls = "none"
        5 | client_certificate = "c.pem"
          |                      ^^^^^^^
      postern.toml:6:8: error: tls = "none" cannot be used with a login: no password is ever sent in clear
        6 | auth = "external"
          |        ^^^^^^^^^^ use tls, or remove 'username' and 'auth'
      """#),
    WrongFile(
      "a preset for one mailbox, and a username that is none",
      #"""
      [upstream.gmail]
      username = "alerts"
      [upstream.m365]
      username = "alerts"
      senders = ["@example.com"]
      oauth = { tenant = "example.com", client_id = "c" }
      """#,
      #"""
      postern.toml:2:12: error: 'username' must be an address here: gmail takes mail of the account only
        2 | username = "alerts"
          |            ^^^^^^^^ or say which senders it takes, as in senders = ["alerts@example.com"]
      """#),
    WrongFile(
      "routes that never match",
      #"""
      [[client]]
      name = "printer-2nd-floor"
      address = "192.168.1.7"
      [[route]]
      via = "relay"
      client = ["printer-2nd-flor", "Printer-2nd-floor", "scanner*", "192.168.1.0/24"]
      [[route]]
      via = "relay"
      from = ""
      [[route]]
      via = "relay"
      to = "shop"
      [[route]]
      via = "relay"
      [upstream.relay]
      host = "smtp.example.com"
      """#,
      #"""
      postern.toml:6:11: error: 'client' must be the name of a [[client]], an address or a network, not \#
      "printer-2nd-flor"
        6 | client = ["printer-2nd-flor", "Printer-2nd-floor", "scanner*", "192.168.1.0/24"]
          |           ^^^^^^^^^^^^^^^^^^ did you mean "printer-2nd-floor"?
      postern.toml:7:1: error: this [[route]] has no condition, so that those behind it never match
        7 | [[route]]
          | ^^^^^^^^^ put it last; from = "<>" are notifications
      postern.toml:12:6: error: 'to' must be "*", an address, "@example.com", "name@", or "<>" for notifications, not \#
      "shop"
        12 | to = "shop"
           |      ^^^^^^
      """#),
    WrongFile(
      "routes",
      #"""
      [[route]]
      from = "@shop.example"
      [[route]]
      via = ["rely", "relay", "relay", 5]
      from = "shop.example"
      size = "10M"
      client = "192.168.1.1/24"
      user = ""
      to = []
      [upstream.relay]
      host = "smtp.example.com"
      """#,
      #"""
      postern.toml:1:1: error: [[route]] needs 'via'
        1 | [[route]]
          | ^^^^^^^^^
      postern.toml:4:8: error: 'via' must be the name of an [upstream.NAME], not "rely"
        4 | via = ["rely", "relay", "relay", 5]
          |        ^^^^^^ did you mean "relay"?
      postern.toml:4:34: error: 'via' must be the name of an [upstream.NAME], not 5
        4 | via = ["rely", "relay", "relay", 5]
          |                                  ^
      postern.toml:5:8: error: 'from' must be "*", an address, "@example.com", "name@", or "<>" for notifications, \#
      not "shop.example"
        5 | from = "shop.example"
          |        ^^^^^^^^^^^^^^
      postern.toml:6:8: error: 'size' must be a bound such as ">10M" or "<=512K" (K, M or G), not "10M"
        6 | size = "10M"
          |        ^^^^^
      postern.toml:7:10: error: 192.168.1.1/24 is not a network (bits are set behind the prefix)
        7 | client = "192.168.1.1/24"
          |          ^^^^^^^^^^^^^^^^ did you mean 192.168.1.0/24, or the one address without /?
      postern.toml:9:6: error: 'to' must be at least one of addresses, not a list
        9 | to = []
          |      ^^
      """#),
  ]
}
