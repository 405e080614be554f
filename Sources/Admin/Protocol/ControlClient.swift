// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The daemon, as seen through its control socket: blocking, one command at a time, for programs that have nothing else
/// to do meanwhile. It owns the descriptor and never runs in the daemon.
package struct ControlClient: ~Copyable {
  package let greeting: Greeting
  /// For whoever ends a wait from outside, with shutdown(2); everything else is ours.
  package let descriptor: Int32
  private let path: String
  private var framer = LineFramer()
  private var lastID = 0

  /// Longest silence of the daemon while we wait for it. A reload derives and checks; nothing else takes seconds.
  package static let silenceSecondsMax = 60

  /// Through the strongest of the directory's sockets that this user may open. One that is not there or not for us leaves
  /// the next one; if none is left, the error is about the weakest that there is. `command` is what the user typed, for
  /// the hint.
  package static func strongest(in directory: String, command: String) throws(AdminError) -> ControlClient {
    var reason: AdminError?
    for level in Command.Level.allCases.reversed() {
      do throws(AdminError) {
        return try ControlClient(path: ControlAccess.path(of: level, in: directory), command: command)
      } catch {
        switch error.code {
        case "daemon.permission": reason = error
        case "daemon.not_running": reason = reason ?? error
        default: throw error
        }
      }
    }
    // The loop has run: there are levels.
    throw reason!
  }

  /// `command` is what the user typed, for the hint of the error.
  package init(path: String, command: String) throws(AdminError) {
    self.path = path
    descriptor = UnixAddress.makeSocket()
    guard descriptor >= 0 else {
      throw Unreachable(path: path, command: command).error(SystemCallError(errno: errno))
    }
    Self.limitSilence(of: descriptor, to: Self.silenceSecondsMax)
    do {
      let descriptor = descriptor
      _ = try UnixAddress.call(path: path) { connect(descriptor, $0, $1) }.get()
    } catch {
      close(descriptor)
      throw Unreachable(path: path, command: command).error(error)
    }
    do throws(AdminError) {
      let line = try Self.line(from: descriptor, path: path, &framer)
      // A daemon that does not want to talk to us says why in the place of the greeting.
      if case .failure(_, let error)? = try? ControlLine.decode(AdminReply.self, from: line) { throw error }
      greeting = try ControlLine.decode(Greeting.self, from: line)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// False if the daemon has hung up since the last answer: nothing that is sent now would arrive.
  package var isOpen: Bool {
    var look = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&look, 1, 0) > 0 else { return true }
    var octet: UInt8 = 0
    return recv(descriptor, &octet, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
  }

  /// Sends one command and hands each part of the answer to `receive`; a message arrives whole.
  package mutating func perform(
    silenceSecondsMax: Int = Self.silenceSecondsMax, _ makeRequest: (_ id: Int) -> AdminRequest,
    receive: (AdminReply.Payload) -> Void
  ) throws(AdminError) -> ExitCode {
    Self.limitSilence(of: descriptor, to: silenceSecondsMax)
    lastID += 1
    let request = makeRequest(lastID)
    guard greeting.caps.contains(request.cmd) else { throw notOffered(request) }
    let octets = ControlLine.encode(request)
    guard octets.count <= ControlLine.octetsMax else {
      throw .usage("line_too_long", "a command has at most \(ControlLine.octetsMax) octets, not \(octets.count)")
    }
    try send(octets)
    var message: MessageReply?
    while true {
      let line = try Self.line(from: descriptor, path: path, &framer)
      switch try ControlLine.decode(AdminReply.self, from: line) {
      case .data(request.id, .message(let part)):
        if message?.id == part.id { message?.append(part) } else { message = part }
        guard let whole = message, whole.continues != true else { continue }
        message = nil
        receive(.message(whole))
      case .data(request.id, let payload): receive(payload)
      case .end(request.id, let exit): return exit
      case .failure(_, let error): throw error
      case .data, .end: throw Self.broken(path, "the answer bears the number of another request")
      }
    }
  }

  private func notOffered(_ request: AdminRequest) -> AdminError {
    guard let command = CommandTable.commands.first(where: { $0.wireName == request.cmd }),
      command.level > greeting.level
    else {
      return .usage("not_offered", "this posternd does not know '\(request.cmd)'", hint: "postern version")
    }
    // What the daemon would say, with what only this side knows: who asks, and whose the files are.
    let access = ControlAccess(directory: path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".")
    var error = AdminError.level(command, has: greeting.level, typed: request.typed)
    error.context = [access.sentence]
    error.hint = access.hint(command: request.typed, level: command.level)
    return error
  }

  private static func limitSilence(of descriptor: Int32, to seconds: Int) {
    var patience = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
  }

  private func send(_ octets: [UInt8]) throws(AdminError) {
    var sent = 0
    while sent < octets.count {
      let count = octets.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        sent += count
      } else if errno != EINTR {
        throw Self.failure(path, errno)
      }
    }
  }

  private static func line(
    from descriptor: Int32, path: String, _ framer: inout LineFramer
  ) throws(AdminError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      if let line = try framer.next() { return line }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 {
        framer.append(buffer[..<count])
      } else if count == 0 {
        throw broken(path, "posternd closed the connection")
      } else if errno != EINTR {
        throw failure(path, errno)
      }
    }
  }

  private static func failure(_ path: String, _ errno: Int32) -> AdminError {
    guard errno == EAGAIN else { return broken(path, SystemCallError(errno: errno).description) }
    return AdminError(
      "daemon.silent", "posternd has not answered in time: \(path)",
      context: ["what was asked may still happen"], hint: "postern status", exit: .temporary)
  }

  private static func broken(_ path: String, _ what: String) -> AdminError {
    AdminError(
      "daemon.connection_lost", "lost posternd: \(path): \(what)", context: ["what was asked may have happened or not"],
      hint: "postern status", exit: .unavailable)
  }
}
