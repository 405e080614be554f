// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One spool directory: the real one (`PosixDisk`), or a simulated one that lies. Nothing else in `WAL` or `Queue`
/// touches a file.
package protocol Disk: AnyObject, Sendable {
  /// Takes the directory for this process until the value goes away. Throws `LogError.inUse` if another has it.
  func lock() throws(LogError)
  /// Names of all regular files, in no order.
  func list() throws(LogError) -> [String]
  /// A new file with `octets` zeros; fails if the name exists. Durable only after `sync` and `syncDirectory`.
  func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile
  func open(_ name: String) throws(LogError) -> any DiskFile
  func remove(_ name: String) throws(LogError)
  /// Gives a file another name; fails if that exists. Durable only after `syncDirectory`.
  func rename(_ name: String, to newName: String) throws(LogError)
  func syncDirectory() throws(LogError)
  /// Octets that this process may still use.
  func freeOctets() throws(LogError) -> Int64
}

/// An open file of a `Disk`; closed when the value goes away.
package protocol DiskFile: AnyObject, Sendable {
  /// Size when it was opened or created; segments never change theirs.
  var octets: Int { get }
  /// One attempt, which may be short; returns the octets written. Throws EINTR as it comes.
  func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int
  /// fdatasync. After an error nothing about the octets written since the last success is known, and asking again
  /// would answer for pages that the system has already given up.
  func sync() throws(LogError)
  /// From now on reads show what the platter has. Pages of a failed sync are clean and stay in memory, perhaps of a
  /// process before this one: whoever trusts them, and asks for a sync, hears yes.
  func forgetCached()
  /// One attempt, which may be short; returns the octets read, 0 at the end of the file. nil if `mayBlock` is false
  /// and the octets are not in memory.
  func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int?
}

extension DiskFile {
  /// Writes all of it, whatever the system takes at once.
  func writeAll(_ octets: UnsafeRawBufferPointer, at offset: Int, name: String) throws(LogError) {
    var written = 0
    while written < octets.count {
      do throws(LogError) {
        let count = try write(UnsafeRawBufferPointer(rebasing: octets[written...]), at: offset + written)
        // A write that takes nothing and names no error would be asked for ever.
        guard count > 0 else { throw LogError.disk(attempt: "write", name: name, code: LogError.ioError) }
        written += count
      } catch {
        guard error.isInterruption else { throw error }
      }
    }
  }

  /// Reads until the buffer is full or the file ends; returns the octets read. nil as `read`.
  func readAll(
    into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool = true
  ) throws(LogError) -> Int? {
    var done = 0
    while done < octets.count {
      do throws(LogError) {
        let rest = UnsafeMutableRawBufferPointer(rebasing: octets[done...])
        guard let count = try read(into: rest, at: offset + done, mayBlock: mayBlock) else { return nil }
        if count == 0 { break }
        done += count
      } catch {
        guard error.isInterruption else { throw error }
      }
    }
    return done
  }
}
