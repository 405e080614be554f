// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing

@testable import Systemd

/// A service manager reduced to its socket. The environment belongs to the whole process, hence one test at a time.
@Suite(.serialized)
struct NotifierTests {
  @Test("each turn of life arrives as the assignments that sd_notify(3) names")
  func messages() throws {
    let manager = try ServiceManager()
    let notifier = Notifier()
    notifier.ready(status: "3 waiting, gmail ok")
    #expect(try manager.receive() == "READY=1\nSTATUS=3 waiting, gmail ok")
    notifier.status("draining")
    #expect(try manager.receive() == "STATUS=draining")
    notifier.reloading(monotonicMicroseconds: 1_234_567)
    #expect(try manager.receive() == "RELOADING=1\nMONOTONIC_USEC=1234567")
    notifier.extendTimeout(seconds: 30, status: "reading the queue: 7 messages")
    #expect(try manager.receive() == "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reading the queue: 7 messages")
    notifier.ping()
    #expect(try manager.receive() == "WATCHDOG=1")
    notifier.stopping()
    #expect(try manager.receive() == "STOPPING=1")
  }

  @Test("a watchdog counts for the process that it names, and for none without a time")
  func watchdog() {
    defer {
      unsetenv("WATCHDOG_USEC")
      unsetenv("WATCHDOG_PID")
    }
    #expect(Notifier.watchdogMilliseconds() == nil)
    setenv("WATCHDOG_USEC", "30000000", 1)
    #expect(Notifier.watchdogMilliseconds() == 30_000)
    setenv("WATCHDOG_PID", "\(getpid())", 1)
    #expect(Notifier.watchdogMilliseconds() == 30_000)
    setenv("WATCHDOG_PID", "\(getpid() + 1)", 1)
    #expect(Notifier.watchdogMilliseconds() == nil)
  }

  @Test("status text cannot smuggle in another assignment")
  func injection() throws {
    let manager = try ServiceManager()
    Notifier().status("paused\nMAINPID=1\rREADY=1\u{1B}[2J")
    #expect(try manager.receive() == "STATUS=paused MAINPID=1 READY=1 [2J")
  }

  @Test("without a service manager nothing happens")
  func silent() {
    unsetenv("NOTIFY_SOCKET")
    Notifier { Issue.record("unexpected: \($0)") }.ready(status: "listening")
  }

  @Test("a manager that went away is reported, with what it should have heard")
  func unreachable() throws {
    let manager = try ServiceManager()
    manager.leave()
    let seen = Mutex<SystemdError?>(nil)
    let notifier = Notifier { error in seen.withLock { $0 = error } }
    notifier.stopping()
    #expect(seen.withLock { $0 } == .notificationFailed(state: "STOPPING=1", errno: ENOENT))
  }
}

/// Receiver of the datagrams, bound to a path of its own and named in the environment.
private final class ServiceManager {
  private let descriptor: Int32
  private let path: String

  init() throws {
    path = "/tmp/postern-notify-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    try #require(bound == 0)
    setenv("NOTIFY_SOCKET", path, 1)
  }

  /// sd_notify has put the datagram into our buffer when it returns, so there is nothing to wait for.
  func receive() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    try #require(count >= 0)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  func leave() { unlink(path) }

  deinit {
    unsetenv("NOTIFY_SOCKET")
    close(descriptor)
    unlink(path)
  }
}
