// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a TLS connection gives a login to hold on to, so that it is worth nothing to somebody in between who ended TLS
/// himself (RFC 5056). The handler takes it from TLS; `SCRAMClient` puts it into its
/// proof, and `SCRAMServer` compares.
package struct ChannelBindings: Sendable, Equatable {
  /// Exported keying material with the label `EXPORTER-Channel-Binding` (RFC 9266). Only of TLS 1.3.
  package var exporter: [UInt8]?
  /// Hash of the server's certificate (RFC 5929 section 4).
  package var serverEndPoint: [UInt8]?

  package init(exporter: [UInt8]? = nil, serverEndPoint: [UInt8]? = nil) {
    self.exporter = exporter
    self.serverEndPoint = serverEndPoint
  }

  /// By its registered name; nil: this connection has none of that name.
  subscript(name: String) -> [UInt8]? {
    switch name {
    case "tls-exporter": exporter
    case "tls-server-end-point": serverEndPoint
    default: nil
    }
  }

  /// The one to use: the exporter is of this connection alone, the certificate of every one with this server.
  var best: (name: String, data: [UInt8])? {
    if let exporter { return ("tls-exporter", exporter) }
    return serverEndPoint.map { ("tls-server-end-point", $0) }
  }
}
