// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration

extension Configuration {
  /// What the file asks for and this gateway cannot do; nil if it does all. Whoever asked must not believe that it
  /// happens, so a gateway does not start with it.
  var beyondThisVersion: String? {
    upstreams.lazy.compactMap(\.beyondThisVersion).first
  }
}

extension Configuration.Upstream {
  fileprivate var beyondThisVersion: String? {
    func refusal(_ what: String) -> String { "[upstream.\(name)]: \(what) is not in this version" }
    if mechanism == .external { return refusal("auth = \"\(mechanism.rawValue)\"") }
    if verification == .pin { return refusal("tls_verify = \"pin\"") }
    if clientCertificate != nil { return refusal("'client_certificate'") }
    return nil
  }
}
