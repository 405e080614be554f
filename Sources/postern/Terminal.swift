// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The controlling terminal, for questions: their answers come from a person, whatever standard input and output are.
/// Its settings are ours only while a line is read; signals from the keyboard are off meanwhile, so that no key leaves
/// the terminal mute or ends us in the middle.
struct Terminal: ~Copyable {
  enum Answer {
    case line(String)
    /// Ctrl-C.
    case cancelled
    /// Ctrl-D, or the terminal is gone.
    case end
  }

  private let descriptor: Int32
  private let settings: termios

  private static let octetsMax = 8192
  private static let interrupt: UInt8 = 0x03
  private static let end: UInt8 = 0x04

  /// nil if the process has no terminal.
  init?() {
    descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    var settings = termios()
    guard tcgetattr(descriptor, &settings) == 0 else {
      close(descriptor)
      return nil
    }
    self.settings = settings
  }

  deinit { close(descriptor) }

  /// A line that is shown as it is typed; the kernel edits it.
  func readLine(prompt: String) -> Answer {
    var settings = settings
    settings.c_lflag |= tcflag_t(ECHO | ICANON)
    settings.c_lflag &= ~tcflag_t(ISIG)
    // Ctrl-C ends the line, and stands at its end.
    withUnsafeMutableBytes(of: &settings.c_cc) { $0[Int(VEOL)] = Self.interrupt }
    return during(settings, TCSADRAIN) {
      write(prompt)
      var line: [UInt8] = []
      while let octet = next() {
        switch octet {
        case UInt8(ascii: "\n"): return .line(String(decoding: line, as: UTF8.self))
        case Self.interrupt:
          write("\n")
          return .cancelled
        default: if line.count < Self.octetsMax { line.append(octet) }
        }
      }
      write("\n")
      return line.isEmpty ? .end : .line(String(decoding: line, as: UTF8.self))
    }
  }

  /// A line that is not shown; nil if the user gave up (Ctrl-C, Ctrl-D).
  func readHiddenLine(prompt: String) -> [UInt8]? {
    var settings = settings
    settings.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    return during(settings, TCSAFLUSH) {
      write(prompt)
      defer { write("\n") }
      var line: [UInt8] = []
      while line.count < Self.octetsMax, let octet = next() {
        switch octet {
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return line
        case Self.interrupt, Self.end: return nil
        case 0x08, 0x7F: _ = line.popLast()
        case 0x15: line = []
        default: line.append(octet)
        }
      }
      return nil
    }
  }

  func write(_ text: String) {
    _ = Glibc.write(descriptor, text, text.utf8.count)
  }

  /// How many characters a line of standard output shows; nil if nobody knows.
  static var columns: Int? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  private func during<Result>(_ settings: termios, _ when: Int32, _ body: () -> Result) -> Result {
    var settings = settings
    tcsetattr(descriptor, when, &settings)
    defer {
      var old = self.settings
      tcsetattr(descriptor, when, &old)
    }
    return body()
  }

  private func next() -> UInt8? {
    var octet: UInt8 = 0
    while true {
      let count = read(descriptor, &octet, 1)
      if count < 0, errno == EINTR { continue }
      return count == 1 ? octet : nil
    }
  }
}
