// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// What the steps of a message's way cost by themselves, without socket and disk: nanoseconds for each and for each octet.
// Each is done with inputs that grow: a cost for each octet that grows with them would be quadratic.
//
//   micro-bench [NAME]     only operations with this in their name

let wanted = CommandLine.arguments.dropFirst().first ?? ""

print("operation".padded(to: 44), "octets".leading(9), "ns each".leading(13), "ns/octet".leading(10))
for operation in dialogueOperations() + mailOperations() + queueOperations() where operation.name.contains(wanted) {
  operation.printMeasured()
}
