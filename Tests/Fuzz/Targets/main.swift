// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CFuzzer
import Glibc

/// `postern-fuzz TARGET ARGUMENT…`: libFuzzer, with its own arguments, on one target. `postern-fuzz --dialogues COMMANDS
/// [SEED]`: that many commands of dialogues that seeds decide. Without arguments: the names of the targets, a line each.
if CommandLine.argc > 2, CommandLine.arguments[1] == "--dialogues", let commands = Int(CommandLine.arguments[2]) {
  let seed = CommandLine.arguments.dropFirst(3).first.flatMap { UInt64($0) } ?? 1
  exit(SeededDialogues(commands: commands, first: seed).run())
}
guard let chosen = FuzzTarget.chosen else {
  FuzzTarget.all.forEach { print($0.name) }
  exit(CommandLine.argc > 1 ? 2 : 0)
}
var arguments = [CommandLine.arguments[0], "-max_len=\(chosen.octetsMax)"] + CommandLine.arguments.dropFirst(2)
var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
var count = CInt(arguments.count)
let status = pointers.withUnsafeMutableBufferPointer { words in
  var start = words.baseAddress
  return LLVMFuzzerRunDriver(&count, &start) { octets, count in
    FuzzTarget.chosen!.run(Array(UnsafeBufferPointer(start: octets, count: count)))
    return 0
  }
}
exit(status)
