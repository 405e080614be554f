// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension WrongFile {
  /// What is no TOML, and how lines are shown.
  static let form: [WrongFile] = [
    WrongFile(
      "a syntax error",
      #"""
      [upstream.relay
      host = "smtp.example.com"
      """#,
      #"""
      postern.toml:1:16: error: syntax error: table header: expected ']', saw '\n'
        1 | [upstream.relay
          |                ^
      """#),
    WrongFile(
      "a key twice",
      #"""
      [upstream.relay]
      host = "smtp.example.com"
      host = "smtp.example.net"
      """#,
      #"""
      postern.toml:3:8: error: syntax error: key-value pair: cannot redefine existing string 'host'
        3 | host = "smtp.example.net"
          |        ^
      """#),
    WrongFile(
      "numbers without quotes",
      #"""
      [queue]
      lifetime = 5d
      """#,
      #"""
      postern.toml:2:13: error: syntax error: decimal integer: expected digit, saw 'd'
        2 | lifetime = 5d
          |             ^ all values but whole numbers, true and false stand in quotes: "5m", "25M"
      """#),
    WrongFile(
      "more dots than a key can have",
      #"""
      a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.b = 1
      """#,
      #"""
      postern.toml:1:1: error: syntax error: too many dots on one line
        1 | a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.b = 1
          | ^
      """#),
    WrongFile(
      "characters before the caret that are not ASCII",
      #"""
      # ä
      hostname = "gäte"
      """#,
      #"""
      postern.toml:2:12: error: 'hostname' must be a domain name, or "auto", not "gäte"
        2 | hostname = "gäte"
          |            ^^^^^^
      """#),
    WrongFile(
      "a tab before the value",
      #"""
      [log]
      \#tlevel =\#t"loud"\#t# not too loud
      """#,
      #"""
      postern.toml:2:10: error: 'level' must be "error", "warning", "notice", "info" or "debug", not "loud"
        2 |  level = "loud" # not too loud
          |          ^^^^^^
      """#),
    WrongFile(
      "a value over two lines",
      #"""
      [log]
      level = """
      loud
      """
      """#,
      #"""
      postern.toml:2:9: error: 'level' must be "error", "warning", "notice", "info" or "debug", not """
        2 | level = """
          |         ^^^
      """#),
    WrongFile(
      "line ends of DOS",
      #"""
      [log]\#r
      level = "loud"\#r
      """#,
      #"""
      postern.toml:2:9: error: 'level' must be "error", "warning", "notice", "info" or "debug", not "loud"
        2 | level = "loud"
          |         ^^^^^^
      """#),
    WrongFile(
      "text for the terminal",
      #"""
      [log]
      level = "\u001b]0;x\#u{202E}evil\u0007"
      """#,
      #"""
      postern.toml:2:9: error: 'level' must be "error", "warning", "notice", "info" or "debug", not \#
      "\u001b]0;x?evil\u0007"
        2 | level = "\u001b]0;x?evil\u0007"
          |         ^^^^^^^^^^^^^^^^^^^^^^^
      """#),
    WrongFile(
      "a long line",
      #"""
      [access]
      trusted = ["192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24", "192.168.4.0/24", "192.168.5.0/24", \#
      "192.168.6.0/24", "192.168.7.0/24", "192.168.8.0/24", "192.168.9.0/244", "192.168.10.0/24", \#
      "192.168.11.0/24"]
      """#,
      #"""
      postern.toml:2:156: error: 192.168.9.0/244 is not a network (IPv4 prefix is 0-32)
        2 | …0/24", "192.168.5.0/24", "192.168.6.0/24", "192.168.7.0/24", "192.168.8.0/24", \#
      "192.168.9.0/244", "192.168.10.0/24", "192.168.11.0/24"]
          |                                                                                 ^^^^^^^^^^^^^^^^^
      """#),
  ]
}
