// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Systemd

struct InheritedSocketsTests {
  @Test("a name gives every socket of that name, as often as it is asked for")
  func taking() throws {
    let sockets = InheritedSockets(adopting: [
      ("submission", listening()), ("admin", listening()), ("submission", listening()),
    ])
    #expect(sockets.names == ["submission", "admin"])
    for _ in 0..<2 {
      let taken = try sockets.take("submission")
      #expect(Set(taken).count == 2)
      for descriptor in taken { close(descriptor) }
    }
    #expect(try sockets.take("smtp") == [])
  }

  @Test("what is taken leads to the same socket and is closed in children")
  func duplicates() throws {
    let descriptor = listening()
    let sockets = InheritedSockets(adopting: [("submission", descriptor)])
    let taken = try #require(try sockets.take("submission").first)
    #expect(taken != descriptor)
    #expect(inode(taken) == inode(descriptor))
    #expect(fcntl(taken, F_GETFD) & FD_CLOEXEC != 0)
    close(taken)
    #expect(fcntl(descriptor, F_GETFD) >= 0)
  }

  @Test("what nobody can accept from is named and not handed out")
  func unusable() throws {
    let datagram = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    let unconnected = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let sockets = InheritedSockets(adopting: [("syslog", datagram), ("submission", unconnected)])
    #expect(sockets.unusableNames == ["syslog", "submission"])
    #expect(sockets.names.isEmpty)
    #expect(try sockets.take("submission") == [])
  }

  private func listening() -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    // The kernel chooses a port.
    #expect(listen(descriptor, 1) == 0)
    return descriptor
  }

  private func inode(_ descriptor: Int32) -> ino_t {
    var facts = stat()
    #expect(fstat(descriptor, &facts) == 0)
    return facts.st_ino
  }
}
