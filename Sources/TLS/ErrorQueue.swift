// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// OpenSSL's error queue of the current thread. It is emptied before each call whose result is examined: what an
/// earlier call left behind would be taken for the reason of the next failure.
enum ErrorQueue {
  struct Entry: Equatable {
    var library: Int32
    var code: Int32
    var text: String
  }

  static func clear() {
    ERR_clear_error()
  }

  /// Empties the queue and returns its oldest entry, which is the cause; later ones say where it passed.
  static func take() -> Entry? {
    let error = ERR_get_error()
    ERR_clear_error()
    guard error != 0 else { return nil }
    let text = ERR_reason_error_string(error).map { String(cString: $0) }
    return Entry(
      library: cossl_err_lib(error), code: cossl_err_reason(error), text: text ?? "error code \(error)")
  }

  /// The reason of the call that has just failed.
  static func reason() -> String {
    take()?.text ?? "no reason given"
  }
}
