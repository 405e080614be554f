// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension KnownKeys {
  /// Of postern.toml and its drop-ins.
  package static let configuration = KnownKeys(
    tables: [
      (
        "",
        [
          "hostname", "postmaster", "upstream", "route", "listen", "access", "client", "sender", "message", "queue",
          "bounce",
          "tls", "control", "log",
        ]
      ),
      (
        "upstream.NAME",
        [
          "provider", "region", "host", "port", "tls", "allow_insecure", "tls_verify", "tls_pins", "ca_file",
          "client_certificate", "username", "auth", "credential", "oauth", "senders", "rewrite", "null_sender",
          "priority", "max_connections", "max_per_connection", "rate", "quota", "ip_version", "source_address", "helo",
          "capture_directory",
        ]
      ),
      ("upstream.NAME.oauth", ["tenant", "client_id", "token_url", "device_url", "scope"]),
      ("route", ["from", "to", "user", "client", "size", "via"]),
      ("listen.NAME", ["address", "port", "tls", "max_sessions", "max_sessions_per_client"]),
      ("access", ["trusted", "deny", "allow_public_trusted", "auth_failures", "users_file"]),
      ("client", ["name", "address", "allow", "allow_to", "rate"]),
      ("sender", ["policy", "allowed"]),
      ("message", ["max_size", "max_recipients"]),
      (
        "queue",
        ["directory", "retry", "lifetime", "warn_after", "history_keep", "dropped_keep", "min_free", "max_messages"]
      ),
      ("bounce", ["to"]),
      ("tls", ["certificate", "key", "minimum", "client_ca"]),
      ("control", ["directory"]),
      ("log", ["level"]),
    ],
    later: [
      "": ["archive", "aliases", "metrics", "alert"],
      "upstream.NAME": ["lookup"],
      "client": ["from"],
      "sender": ["received_header"],
      "tls": ["names"],
      "log": ["style", "addresses"],
    ],
    valuesAtTop: ["hostname", "postmaster"])
}
