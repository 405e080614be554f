// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
// libFuzzer as a library (https://llvm.org/docs/LibFuzzer.html): it comes with the compiler and has no header.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *octets, size_t count));
