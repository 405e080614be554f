// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Gateway

@Suite("Files that posternd keeps beside the segments of its queue")
struct SpoolReserveTests {
  /// A directory of its own for one test.
  private final class Place {
    let path: String

    init() {
      var template = Array("/tmp/postern-spool-XXXXXX".utf8CString)
      path = String(cString: mkdtemp(&template))
    }

    deinit {
      for name in ["pid", "reserve"] { unlink("\(path)/\(name)") }
      rmdir(path)
    }

    func size(_ name: String) -> Int64? {
      var status = stat()
      return stat("\(path)/\(name)", &status) == 0 ? Int64(status.st_size) : nil
    }

    func write(_ text: String, to name: String) {
      let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
      close(file)
    }
  }

  @Test("the reserve grows when segments do, stays when they become smaller, and comes back after it was given up")
  func size() {
    let place = Place()
    let small = SpoolReserve(directory: place.path, octets: 1 << 20)
    #expect(!small.exists && small.make() && small.exists && place.size("reserve") == 1 << 20)
    let large = SpoolReserve(directory: place.path, octets: 3 << 20)
    #expect(!large.exists, "half a segment is no room for one")
    #expect(large.make() && large.exists && place.size("reserve") == 3 << 20)
    #expect(small.exists && small.make() && place.size("reserve") == 3 << 20)
    large.giveUp()
    #expect(!small.exists && place.size("reserve") == nil)
    large.giveUp()
    #expect(large.make() && large.exists)
  }

  @Test("one whose making was cut short is none")
  func cutShort() {
    let place = Place()
    place.write("a part", to: "reserve")
    let reserve = SpoolReserve(directory: place.path, octets: 1 << 20)
    #expect(!reserve.exists && reserve.make() && reserve.exists)
  }

  @Test(
    "a file system that cannot reserve is not asked again, a full one is; neither is left with an empty file",
    arguments: [(EOPNOTSUPP, false), (ENOSYS, false), (ENOSPC, true), (EDQUOT, true), (EIO, true)])
  func refusal(code: Int32, mayTryAgain: Bool) {
    let place = Place()
    let reserve = SpoolReserve(directory: place.path, octets: 1 << 20) { _, _ in code }
    #expect(reserve.make() == mayTryAgain)
    #expect(!reserve.exists && place.size("reserve") == nil)
  }

  @Test("the number of a daemon that was killed stays behind; one that ended well takes it away")
  func killMark() {
    let place = Place()
    #expect(!SpoolPlace.wasLeftBehind(place.path), "nobody was here")
    place.write("", to: "pid")
    #expect(!SpoolPlace.wasLeftBehind(place.path), "nobody has said that he is here")
    place.write("4711\n", to: "pid")
    #expect(SpoolPlace.wasLeftBehind(place.path))
    SpoolPlace.leave(place.path)
    #expect(!SpoolPlace.wasLeftBehind(place.path) && place.size("pid") == nil)
    SpoolPlace.leave(place.path)
  }
}
