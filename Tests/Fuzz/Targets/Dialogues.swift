// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

extension FuzzTarget {
  /// Whole sessions on our side, held to a reference model; each octet is a choice of the client.
  static let serverDialogue = FuzzTarget(name: "server-dialogue", octetsMax: 1_024) { octets in
    var dialogue = ServerDialogue(DialogueDice(octets: octets))
    dialogue.play(commandsMax: 150)
    check(dialogue.complaint == nil, dialogue.complaint ?? "")
  }

  /// Whole dialogues with an upstream that answers what it likes.
  static let upstreamDialogue = FuzzTarget(name: "upstream-dialogue", octetsMax: 1_024) { octets in
    var dialogue = UpstreamDialogue(DialogueDice(octets: octets))
    dialogue.play(messagesMax: 8)
    check(dialogue.complaint == nil, dialogue.complaint ?? "")
  }
}
