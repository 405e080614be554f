// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit
import Testing

@Suite("A dialogue in which anything is said")
struct DialogueTests {
  @Test("gets from our side only replies that may stand there, and what it stores is what was sent")
  func server() {
    var commands = 0
    var seed: UInt64 = 1
    while commands < 20_000 {
      var dialogue = ServerDialogue(DialogueDice(seed: seed))
      dialogue.play(commandsMax: 1_200)
      #expect(dialogue.complaint == nil, "seed \(seed)")
      commands += dialogue.commands
      seed += 1
    }
  }

  @Test("hears from our side only commands that may stand there, and no result that was not said")
  func upstream() {
    var (replies, delivered) = (0, 0)
    var seed: UInt64 = 1
    while replies < 20_000 {
      var dialogue = UpstreamDialogue(DialogueDice(seed: seed))
      dialogue.play(messagesMax: 8)
      #expect(dialogue.complaint == nil, "seed \(seed)")
      replies += dialogue.replies
      delivered += dialogue.delivered
      seed += 1
    }
    #expect(delivered > 100)
  }
}
