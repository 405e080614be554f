// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Why a command did not do what it was asked: one sentence, what stands around it, and what to type next. Both sides make
/// them, the protocol carries them, and the exit code is part of the answer.
package struct AdminError: Error, Sendable, Equatable, Codable, CustomStringConvertible {
  /// Stable name for programs: `AREA.CASE`, as `usage.no_selector`.
  package var code: String
  /// What was attempted, on what, what was seen; lower case, no full stop.
  package var message: String
  /// Lines that stand under the message, one in most cases.
  package var context: [String]
  /// A command to type.
  package var hint: String?
  package var exit: ExitCode

  package init(
    _ code: String, _ message: String, context: [String] = [], hint: String? = nil, exit: ExitCode
  ) {
    self.code = code
    self.message = message
    self.context = context
    self.hint = hint
    self.exit = exit
  }

  package static func usage(
    _ code: String, _ message: String, context: [String] = [], hint: String? = nil
  ) -> AdminError {
    AdminError("usage.\(code)", message, context: context, hint: hint, exit: .usage)
  }

  package var description: String { message }

  private enum CodingKeys: CodingKey { case code, message, context, hint, exit }

  package init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    code = try members.decode(String.self, forKey: .code)
    message = try members.decode(String.self, forKey: .message)
    context = try members.decodeIfPresent([String].self, forKey: .context) ?? []
    hint = try members.decodeIfPresent(String.self, forKey: .hint)
    exit = try members.decode(ExitCode.self, forKey: .exit)
  }

  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(code, forKey: .code)
    try members.encode(message, forKey: .message)
    if !context.isEmpty { try members.encode(context, forKey: .context) }
    try members.encodeIfPresent(hint, forKey: .hint)
    try members.encode(exit, forKey: .exit)
  }
}
