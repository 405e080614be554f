// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SMTP

@Suite struct TranscriptTests {
  @Test("each transcript plays against the pure session as written", arguments: Transcript.all)
  func plays(_ transcript: Transcript) throws {
    if transcript.isServer {
      var play = ServerPlay(transcript)
      try play.play()
    } else {
      var play = ClientPlay(transcript)
      try play.play()
    }
  }

  @Test("the transcripts are found")
  func found() {
    #expect(Transcript.all.count { $0.isServer } >= 6)
    #expect(Transcript.all.count { !$0.isServer } >= 6)
  }
}
