// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The controlling terminal, for input that must not be seen. Its settings are ours only while a line is read.
struct HiddenInput: ~Copyable {
  private let descriptor: Int32
  private let settings: termios

  private static let octetsMax = 1024

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

  /// A line without its end; nil if the user gave up (Ctrl-C, Ctrl-D). Signals from the keyboard are off meanwhile, so
  /// that no key leaves the terminal mute.
  func readLine(prompt: String) -> [UInt8]? {
    var mute = settings
    mute.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    tcsetattr(descriptor, TCSAFLUSH, &mute)
    defer {
      var old = settings
      write("\n")
      tcsetattr(descriptor, TCSAFLUSH, &old)
    }
    write(prompt)
    var line: [UInt8] = []
    while line.count < Self.octetsMax {
      var octet: UInt8 = 0
      let count = read(descriptor, &octet, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return nil }
      switch octet {
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return line
      case 0x03, 0x04: return nil
      case 0x08, 0x7F: _ = line.popLast()
      case 0x15: line = []
      default: line.append(octet)
      }
    }
    return line
  }

  private func write(_ text: String) {
    _ = Glibc.write(descriptor, text, text.utf8.count)
  }
}
