// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

extension UsersFile {
  /// nil where there is no file.
  package static func read(_ path: String) throws(ConfigurationErrors) -> UsersFile? {
    let source: SourceFile?
    do {
      source = try SourceFile.read(path, order: 0)
    } catch {
      throw ConfigurationErrors([error])
    }
    guard let source else { return nil }
    return try UsersFile(parsing: source.text, path: path)
  }

  /// Replaces the file whole: whoever reads it sees the old or the new one, also after a power loss.
  package func write(to path: String) throws(ConfigurationErrors) {
    let octets = Array(text.utf8)
    guard octets.count <= ConfigurationLimits.fileOctetsMax else {
      let max = ConfigurationLimits.fileOctetsMax >> 20
      throw ConfigurationErrors([
        ConfigurationError(file: path, message: "cannot write the file: it would be larger than \(max) MiB")
      ])
    }
    do {
      try FileReplacement.replace(path, with: octets)
    } catch {
      throw ConfigurationErrors([
        ConfigurationError(file: path, message: "cannot write the file: \(error)")
      ])
    }
  }

  /// Reads, changes and writes the file, with others who do the same kept out; a file that is absent is made.
  /// Nothing is written where `change` throws or leaves everything as it was.
  package static func edit<Outcome>(
    _ path: String, _ change: (inout UsersFile) throws -> Outcome
  ) throws -> Outcome {
    let directory = FileReplacement.directory(of: path)
    // The file itself is replaced, so the lock is on what stays.
    let lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0 else {
      throw ConfigurationErrors([
        ConfigurationError(file: directory, message: "cannot open the directory: \(systemReason(errno))")
      ])
    }
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0 {
      guard errno == EINTR else {
        throw ConfigurationErrors([
          ConfigurationError(file: directory, message: "cannot lock the directory: \(systemReason(errno))")
        ])
      }
    }
    let old = try read(path)
    var users = old ?? UsersFile()
    let outcome = try change(&users)
    if users != old { try users.write(to: path) }
    return outcome
  }
}
