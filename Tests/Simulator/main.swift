// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit

/// Plays many seeds of the simulation, on as many processors as there are, or one with all that happens in it.
guard let arguments = SimulatorArguments(CommandLine.arguments.dropFirst()) else {
  Output.say(SimulatorArguments.usage, to: STDERR_FILENO)
  exit(2)
}
if let fault = arguments.fault {
  guard SimulatedFault.make(fault) else {
    Output.say("cannot make a fault in this build: it needs -D SEEDED_FAULTS", to: STDERR_FILENO)
    exit(2)
  }
}
switch arguments.mode {
case .flips(let count): exit(SimulatorFlips(random: count).run())
case .calls: exit(SimulatorCalls().run())
case .one(let seed): exit(SimulatorSeed(seed).play(isTold: !arguments.isBrief))
case .worker(let place, let places): SimulatorWorker(arguments, place: place, of: places).run()
case .many: exit(SimulatorCrew(arguments).run())
}
