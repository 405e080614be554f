// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension WrongFile {
  /// Keys and tables that nobody knows, and passwords.
  static let names: [WrongFile] = [
    WrongFile(
      "a misspelled key",
      #"""
      [upstream.gmail]
      host = "smtp.gmail.com"
      usename = "alerts@example.com"
      """#,
      #"""
      postern.toml:3:1: error: unknown key 'usename' in [upstream.gmail]
        3 | usename = "alerts@example.com"
          | ^^^^^^^ did you mean 'username'?
      """#),
    WrongFile(
      "a password",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      username = "alerts@example.com"
      password = "abcd efgh ijkl mnop"
      """#,
      #"""
      postern.toml:4:1: error: 'password' does not belong in this file
        4 | password = …
          | ^^^^^^^^ write it alone into /etc/postern/credentials/relay.password (mode 0640, root:postern), \#
      then delete this line; it is in backups of this file now, consider a new one
      """#),
    WrongFile(
      "a password without quotes, which is no TOML",
      #"""
      [upstream.relay]
      password = abcd efgh ijkl mnop
      """#,
      #"""
      postern.toml:2:12: error: syntax error: value: could not determine value type
        2 | password = …
          |            ^ all values but whole numbers, true and false stand in quotes: "5m", "25M"
      """#),
    WrongFile(
      "a password of another name, inline and in a table that nobody knows",
      #"""
      [upstream]
      relay = { host = "smtp.example.com", credential = "office", passwrd = "geheim" }
      [smtp]
      auth.client_secret = "geheim"
      """#,
      #"""
      postern.toml:2:61: error: 'passwrd' does not belong in this file
        2 | relay = { host = "smtp.example.com", credential = "office", passwrd = …
          |                                                             ^^^^^^^ write it alone into \#
      /etc/postern/credentials/office.password (mode 0640, root:postern), then delete this line; it is in \#
      backups of this file now, consider a new one
      postern.toml:3:1: error: unknown table [smtp]
        3 | [smtp]
          | ^^^^^^
      postern.toml:4:6: error: 'client_secret' does not belong in this file
        4 | auth.client_secret = …
          |      ^^^^^^^^^^^^^ write it alone into /etc/postern/credentials/NAME.client-secret (mode 0640, \#
      root:postern), then delete this line; it is in backups of this file now, consider a new one
      """#),
    WrongFile(
      "the end of a text that does not come, behind a password",
      #"""
      [upstream.relay]
      password = """
      geheim
      """#,
      #"""
      postern.toml:6: error: syntax error: string: encountered end-of-file
      """#),
    WrongFile(
      "a key of a later version",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      lookup = "mx"
      [log]
      style = "plain"
      """#,
      #"""
      postern.toml:3:1: error: unknown key 'lookup' in [upstream.relay]
        3 | lookup = "mx"
          | ^^^^^^ not in this version
      postern.toml:5:1: error: unknown key 'style' in [log]
        5 | style = "plain"
          | ^^^^^ not in this version
      """#),
    WrongFile(
      "tables of a later version",
      #"""
      [alert]
      to = "postmaster"
      [aliases]
      file = "/etc/aliases"
      """#,
      #"""
      postern.toml:1:1: error: unknown table [alert]
        1 | [alert]
          | ^^^^^^^ not in this version
      postern.toml:3:1: error: unknown table [aliases]
        3 | [aliases]
          | ^^^^^^^^^ not in this version
      """#),
    WrongFile(
      "a key in the wrong table",
      #"""
      [queue]
      max_size = "10M"
      maxrecipients = 5
      port = 25
      """#,
      #"""
      postern.toml:2:1: error: unknown key 'max_size' in [queue]
        2 | max_size = "10M"
          | ^^^^^^^^ 'max_size' belongs in [message]
      postern.toml:3:1: error: unknown key 'maxrecipients' in [queue]
        3 | maxrecipients = 5
          | ^^^^^^^^^^^^^ did you mean 'max_recipients' in [message]?
      postern.toml:4:1: error: unknown key 'port' in [queue]
        4 | port = 25
          | ^^^^ 'port' belongs in [upstream.NAME] or in [listen.NAME]
      """#),
    WrongFile(
      "a key before the first table",
      #"""
      username = "alerts@example.com"
      hostnam = "gate"
      """#,
      #"""
      postern.toml:1:1: error: unknown key 'username' before the first table
        1 | username = "alerts@example.com"
          | ^^^^^^^^ 'username' belongs in [upstream.NAME]
      postern.toml:2:1: error: unknown key 'hostnam' before the first table
        2 | hostnam = "gate"
          | ^^^^^^^ did you mean 'hostname'?
      """#),
    WrongFile(
      "a misspelled table",
      #"""
      [queu]
      lifetime = "3d"
      [[listen.smtp]]
      port = 25
      """#,
      #"""
      postern.toml:1:1: error: unknown table [queu]
        1 | [queu]
          | ^^^^^^ did you mean [queue]?
      postern.toml:3:1: error: [[listen.smtp]] must be one table
        3 | [[listen.smtp]]
          | ^^^^^^^^^^^^^^^ write [listen.smtp]
      """#),
    WrongFile(
      "a dash for an underscore, and capitals",
      #"""
      [message]
      max-size = "10M"
      Max_Recipients = 7
      """#,
      #"""
      postern.toml:2:1: error: unknown key 'max-size' in [message]
        2 | max-size = "10M"
          | ^^^^^^^^ did you mean 'max_size'?
      postern.toml:3:1: error: unknown key 'Max_Recipients' in [message]
        3 | Max_Recipients = 7
          | ^^^^^^^^^^^^^^ did you mean 'max_recipients'?
      """#),
    WrongFile(
      "an inline table with an unknown key",
      #"""
      [upstream]
      relay = { host = "smtp.example.com", prot = 465 }
      """#,
      #"""
      postern.toml:2:38: error: unknown key 'prot' in [upstream.relay]
        2 | relay = { host = "smtp.example.com", prot = 465 }
          |                                      ^^^^ did you mean 'port'?
      """#),
    WrongFile(
      "a table inside a table",
      #"""
      [listen.submission.extra]
      port = 25
      [message.queue]
      size = 1
      """#,
      #"""
      postern.toml:1:1: error: unknown table [listen.submission.extra]
        1 | [listen.submission.extra]
          | ^^^^^^^^^^^^^^^^^^^^^^^^^
      postern.toml:3:1: error: unknown table [message.queue]
        3 | [message.queue]
          | ^^^^^^^^^^^^^^^ did you mean [queue]?
      """#),
    WrongFile(
      "a table without a name",
      #"""
      [upstream]
      host = "smtp.example.com"
      """#,
      #"""
      postern.toml:2:1: error: unknown key 'host' in [upstream]
        2 | host = "smtp.example.com"
          | ^^^^ the table needs a name: [upstream.NAME]
      """#),
    WrongFile(
      "a name that cannot be a file's",
      #"""
      [upstream."../relay"]
      host = "smtp.example.com"
      """#,
      #"""
      postern.toml:1:1: error: '../relay' cannot be the name of a table in [upstream]
        1 | [upstream."../relay"]
          | ^^^^^^^^^^^^^^^^^^^^^ letters, digits, '-', '_' and '.', not '.' first, at most 64
      """#),
    WrongFile(
      "an array of tables where one table belongs",
      #"""
      [[listen.smtp]]
      port = 25
      """#,
      #"""
      postern.toml:1:1: error: [[listen.smtp]] must be one table
        1 | [[listen.smtp]]
          | ^^^^^^^^^^^^^^^ write [listen.smtp]
      """#),
    WrongFile(
      "one client that is no list",
      #"""
      [client]
      name = "printer"
      """#,
      #"""
      postern.toml:1:1: error: 'client' must be a list of tables
        1 | [client]
          | ^^^^^^^^ write [[client]]
      """#),
    WrongFile(
      "a table that is a value",
      #"""
      queue = 5
      log = [1]
      """#,
      #"""
      postern.toml:1:1: error: 'queue' must be a table
        1 | queue = 5
          | ^^^^^ write [queue] and its keys on lines of their own
      postern.toml:2:1: error: 'log' must be a table
        2 | log = [1]
          | ^^^ write [log] and its keys on lines of their own
      """#),
  ]
}
