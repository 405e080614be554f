// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension WrongFile {
  /// Values that are none of their key's.
  static let values: [WrongFile] = [
    WrongFile(
      "values of the wrong kind",
      #"""
      hostname = true
      [upstream.relay]
      host = 25
      port = "465"
      allow_insecure = "yes"
      username = ["a"]
      max_connections = 2.0
      [access]
      trusted = "192.168.1.0/24"
      [queue]
      lifetime = 5
      retry = "1m"
      [tls]
      certificate = "/c.pem"
      key = "/k.pem"
      minimum = 1.2
      """#,
      #"""
      postern.toml:1:12: error: 'hostname' must be a domain name, or "auto", not true
        1 | hostname = true
          |            ^^^^
      postern.toml:3:8: error: 'host' must be a host name or an address, not 25
        3 | host = 25
          |        ^^
      postern.toml:4:8: error: 'port' must be 1-65535, not "465"
        4 | port = "465"
          |        ^^^^^ write it without quotes
      postern.toml:5:18: error: 'allow_insecure' must be true or false, not "yes"
        5 | allow_insecure = "yes"
          |                  ^^^^^
      postern.toml:6:12: error: 'username' must be text without control characters, 1-255 octets, not a list
        6 | username = ["a"]
          |            ^^^^^
      postern.toml:7:19: error: 'max_connections' must be 1-256, not 2.0
        7 | max_connections = 2.0
          |                   ^^^
      postern.toml:9:11: error: 'trusted' must be a list of networks, not "192.168.1.0/24"
        9 | trusted = "192.168.1.0/24"
          |           ^^^^^^^^^^^^^^^^
      postern.toml:11:12: error: 'lifetime' must be a duration such as "5m" (s, m, h or d), not 5
        11 | lifetime = 5
           |            ^
      postern.toml:12:9: error: 'retry' must be a list of durations such as ["1m", "5m"], not "1m"
        12 | retry = "1m"
           |         ^^^^
      postern.toml:16:11: error: 'minimum' must be "1.2" or "1.3", not 1.2
        16 | minimum = 1.2
           |           ^^^
      """#),
    WrongFile(
      "notifications to nobody and after no time",
      #"""
      postmaster = "me"
      [queue]
      warn_after = "4 hours"
      [bounce]
      to = "admin"
      """#,
      #"""
      postern.toml:1:14: error: 'postmaster' must be an address such as "postmaster@example.com", or "", not "me"
        1 | postmaster = "me"
          |              ^^^^
      postern.toml:3:14: error: 'warn_after' must be a duration such as "5m" (s, m, h or d), or "never", not "4 hours"
        3 | warn_after = "4 hours"
          |              ^^^^^^^^^
      postern.toml:5:6: error: 'to' must be "sender", "postmaster" or "both", not "admin"
        5 | to = "admin"
          |      ^^^^^^^
      """#),
    WrongFile(
      "values out of their range",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      port = 70000
      max_connections = 0
      max_per_connection = -1
      [message]
      max_size = "1K"
      max_recipients = 0
      [queue]
      lifetime = "0s"
      retry = []
      """#,
      #"""
      postern.toml:3:8: error: 'port' must be 1-65535, not 70000
        3 | port = 70000
          |        ^^^^^
      postern.toml:4:19: error: 'max_connections' must be 1-256, not 0
        4 | max_connections = 0
          |                   ^
      postern.toml:5:22: error: 'max_per_connection' must be 0-1000000, not -1
        5 | max_per_connection = -1
          |                      ^^
      postern.toml:7:12: error: 'max_size' must be 64K to 1024G, not "1K"
        7 | max_size = "1K"
          |            ^^^^
      postern.toml:8:18: error: 'max_recipients' must be 1-10000, not 0
        8 | max_recipients = 0
          |                  ^
      postern.toml:10:12: error: 'lifetime' must be more than nothing and at most 3650d, not "0s"
        10 | lifetime = "0s"
           |            ^^^^
      postern.toml:11:9: error: 'retry' must have 1-64 durations, not 0
        11 | retry = []
           |         ^^
      """#),
    WrongFile(
      "units that do not exist",
      #"""
      [message]
      max_size = "25m"
      [queue]
      lifetime = "1w"
      retry = ["1m", "5", "-1m", "99999999999999999999d"]
      [access]
      auth_failures = "5 per minute"
      """#,
      #"""
      postern.toml:2:12: error: 'max_size' must be a size such as "25M" (K, M or G), not "25m"
        2 | max_size = "25m"
          |            ^^^^^
      postern.toml:4:12: error: 'lifetime' must be a duration such as "5m" (s, m, h or d), not "1w"
        4 | lifetime = "1w"
          |            ^^^^
      postern.toml:5:16: error: 'retry' must be a duration such as "5m" (s, m, h or d), not "5"
        5 | retry = ["1m", "5", "-1m", "99999999999999999999d"]
          |                ^^^
      postern.toml:5:21: error: 'retry' must be a duration such as "5m" (s, m, h or d), not "-1m"
        5 | retry = ["1m", "5", "-1m", "99999999999999999999d"]
          |                     ^^^^^
      postern.toml:5:28: error: 'retry' must be a duration such as "5m" (s, m, h or d), not \#
      "99999999999999999999d"
        5 | retry = ["1m", "5", "-1m", "99999999999999999999d"]
          |                            ^^^^^^^^^^^^^^^^^^^^^^^
      postern.toml:7:17: error: 'auth_failures' must be a count in a time such as "5/10m", or "off", not "5 \#
      per minute"
        7 | auth_failures = "5 per minute"
          |                 ^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a size that overflows",
      #"""
      [message]
      max_size = "99999999999999G"
      """#,
      #"""
      postern.toml:2:12: error: 'max_size' must be a size such as "25M" (K, M or G), not "99999999999999G"
        2 | max_size = "99999999999999G"
          |            ^^^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "words that do not exist",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls = "ssl"
      auth = "plian"
      [log]
      level = "verbose"
      """#,
      #"""
      postern.toml:3:7: error: 'tls' must be "implicit", "starttls" or "none", not "ssl"
        3 | tls = "ssl"
          |       ^^^^^
      postern.toml:4:8: error: 'auth' must be "auto", "plain", "login", "cram-md5", "scram-sha-256", "external", "xoauth2", \#
      "oauthbearer" or "none", not "plian"
        4 | auth = "plian"
          |        ^^^^^^^ did you mean "plain"?
      postern.toml:6:9: error: 'level' must be "error", "warning", "notice", "info" or "debug", not "verbose"
        6 | level = "verbose"
          |         ^^^^^^^^^
      """#),
    WrongFile(
      "words of a later version",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls_verify = "dane"
      """#,
      #"""
      postern.toml:3:14: error: 'tls_verify' must be "full" or "pin", not "dane"
        3 | tls_verify = "dane"
          |              ^^^^^^ not in this version
      """#),
    WrongFile(
      "verification turned off",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      tls_verify = "off"
      """#,
      #"""
      postern.toml:3:14: error: 'tls_verify' must be "full" or "pin", not "off"
        3 | tls_verify = "off"
          |              ^^^^^
      """#),
    WrongFile(
      "empty texts",
      #"""
      [upstream.relay]
      host = ""
      username = ""
      [queue]
      directory = ""
      """#,
      #"""
      postern.toml:2:8: error: 'host' must be a host name or an address, not ""
        2 | host = ""
          |        ^^
      postern.toml:3:12: error: 'username' must be text without control characters, 1-255 octets, not ""
        3 | username = ""
          |            ^^
      postern.toml:5:13: error: 'directory' must be a path, not ""
        5 | directory = ""
          |             ^^
      """#),
    WrongFile(
      "a host with its port",
      #"""
      [upstream.relay]
      host = "smtp.example.com:587"
      """#,
      #"""
      postern.toml:2:8: error: 'host' must be a host name or an address, not "smtp.example.com:587"
        2 | host = "smtp.example.com:587"
          |        ^^^^^^^^^^^^^^^^^^^^^^ the port is a key of its own: port = 587
      """#),
    WrongFile(
      "a host in brackets",
      #"""
      [upstream.relay]
      host = "[smtp.example.com]"
      """#,
      #"""
      postern.toml:2:8: error: 'host' must be a host name or an address, not "[smtp.example.com]"
        2 | host = "[smtp.example.com]"
          |        ^^^^^^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a hostname that is an address",
      #"""
      hostname = "192.168.1.1"
      """#,
      #"""
      postern.toml:1:12: error: 'hostname' must be a domain name, or "auto", not "192.168.1.1"
        1 | hostname = "192.168.1.1"
          |            ^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a network with an impossible prefix, and another one with a good one",
      #"""
      [access]
      trusted = ["192.168.1.0/42", "10.0.0.0/8", "fe80::/129", "printer"]
      """#,
      #"""
      postern.toml:2:12: error: 192.168.1.0/42 is not a network (IPv4 prefix is 0-32)
        2 | trusted = ["192.168.1.0/42", "10.0.0.0/8", "fe80::/129", "printer"]
          |            ^^^^^^^^^^^^^^^^
      postern.toml:2:44: error: fe80::/129 is not a network (IPv6 prefix is 0-128)
        2 | trusted = ["192.168.1.0/42", "10.0.0.0/8", "fe80::/129", "printer"]
          |                                            ^^^^^^^^^^^^
      postern.toml:2:58: error: printer is not an address or network
        2 | trusted = ["192.168.1.0/42", "10.0.0.0/8", "fe80::/129", "printer"]
          |                                                          ^^^^^^^^^
      """#),
    WrongFile(
      "bits behind the prefix",
      #"""
      [access]
      trusted = ["192.168.1.40/24"]
      """#,
      #"""
      postern.toml:2:12: error: 192.168.1.40/24 is not a network (bits are set behind the prefix)
        2 | trusted = ["192.168.1.40/24"]
          |            ^^^^^^^^^^^^^^^^^ did you mean 192.168.1.0/24, or the one address without /?
      """#),
    WrongFile(
      "an address that is a name",
      #"""
      [listen.submission]
      address = ["lan0", "192.168.1.1"]
      """#,
      #"""
      postern.toml:2:12: error: 'address' must be "*" or an address, not "lan0"
        2 | address = ["lan0", "192.168.1.1"]
          |            ^^^^^^
      """#),
    WrongFile(
      "a name of a credential that is a path",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      credential = "/etc/shadow"
      """#,
      #"""
      postern.toml:3:14: error: 'credential' must be a name, not "/etc/shadow"
        3 | credential = "/etc/shadow"
          |              ^^^^^^^^^^^^^ letters, digits, '-', '_' and '.', not '.' first, at most 64
      """#),
    WrongFile(
      "a control directory that is too long",
      #"""
      [control]
      directory = \#
      "/run/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      """#,
      #"""
      postern.toml:2:13: error: the path of [control] directory is too long for a socket (94 octets at most)
        2 | directory = \#
      "/run/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\#
      ^^^^^^^^^^^^^^^^^
      """#),
  ]
}
