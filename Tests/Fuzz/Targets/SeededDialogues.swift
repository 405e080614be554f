// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

/// Many dialogues by seed, without libFuzzer: seed after seed until so many commands were said to our side, and as many
/// replies to it as an upstream. The first that breaks a promise is named.
struct SeededDialogues {
  let commands: Int
  let first: UInt64

  /// The exit status.
  func run() -> Int32 {
    var (seed, said, heard, messages, delivered, replies) = (first, 0, 0, 0, 0, 0)
    while said < commands {
      var server = ServerDialogue(DialogueDice(seed: seed))
      server.play(commandsMax: Self.commandsMax)
      if let complaint = server.complaint { return tell("server", seed, complaint) }
      (said, heard) = (said + server.commands, heard + server.replies)
      while replies < said {
        seed += 1
        var upstream = UpstreamDialogue(DialogueDice(seed: seed))
        upstream.play(messagesMax: 8)
        if let complaint = upstream.complaint { return tell("upstream", seed, complaint) }
        replies += upstream.replies
        (messages, delivered) = (messages + upstream.messages, delivered + upstream.delivered)
      }
      seed += 1
    }
    print("\(said) commands and \(heard) replies to them; \(replies) replies, \(messages) messages, ", terminator: "")
    print("\(delivered) recipients that an upstream took; seeds \(first) to \(seed - 1): all as the models have it")
    return 0
  }

  /// More than an impatient server allows without mail.
  private static let commandsMax = 1_200

  private func tell(_ side: String, _ seed: UInt64, _ complaint: String) -> Int32 {
    print("\(side) dialogue, seed \(seed): \(complaint)")
    print("play it again: postern-fuzz --dialogues 1 \(seed)")
    return 1
  }
}
