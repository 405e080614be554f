// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Crypto
import SMTP
import Testing

@testable import OAuth

@Suite struct TokenFileTests {
  private var file: TokenFile {
    var file = TokenFile()
    file["m365"] = Samples.kept("0.AX8A-rotated")
    file["gmail"] = Samples.kept("1//09", upstream: "gmail")
    return file
  }

  @Test("what was written is read back, and equal files are equal octets")
  func roundTrip() {
    let text = file.text.octets
    #expect(TokenFile(parsing: text) == file)
    #expect(TokenFile(parsing: text).text == file.text)
    #expect(TokenFile(parsing: TokenFile().text.octets) == TokenFile())
    #expect(text.starts(with: "postern tokens 1\n".utf8))
  }

  @Test("a flipped bit anywhere costs the line that it is in, and no other")
  func flips() {
    let text = file.text.octets
    let lines = text.split(separator: UInt8(ascii: "\n"))
    let second = lines[0].count + 1 + lines[1].count + 1
    for index in text.indices {
      var damaged = text
      damaged[index] ^= 1
      let read = TokenFile(parsing: damaged)
      #expect(!read.damagedLines.isEmpty)
      for upstream in read.upstreams { #expect(read[upstream] == file[upstream]) }
      if index > lines[0].count, index < second - 1 { #expect(read.upstreams == ["m365"]) }
      if index >= second, index < text.count - 1 { #expect(read.upstreams == ["gmail"]) }
    }
  }

  @Test("a file that was cut is told from one that is whole, wherever it was cut")
  func cuts() {
    let text = file.text.octets
    for count in 0..<text.count {
      let read = TokenFile(parsing: Array(text.prefix(count)))
      for upstream in read.upstreams { #expect(read[upstream] == file[upstream]) }
      // Between two lines nobody can tell; the file is replaced whole, so it is never cut by us.
      #expect(!read.damagedLines.isEmpty || text[count - 1] == UInt8(ascii: "\n"))
    }
  }

  @Test("two lines for one upstream are one too many")
  func twice() {
    let text = file.text.octets
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let doubled = Array([lines[0], lines[1], lines[2], lines[1], []].joined(separator: [UInt8(ascii: "\n")]))
    let read = TokenFile(parsing: doubled)
    #expect(read.damagedLines == [4])
    #expect(read.upstreams == ["gmail", "m365"])
  }

  @Test("a sign-in is for one server and one application")
  func binding() {
    var other = Samples.microsoft
    #expect(Samples.kept("r").isFor(other))
    other.clientID = "another"
    #expect(!Samples.kept("r").isFor(other))
    other = Samples.microsoft
    other.tokenAddress = EndpointAddress("https://evil.test/token")!
    #expect(!Samples.kept("r").isFor(other))
  }
}
