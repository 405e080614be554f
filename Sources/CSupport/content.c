// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#include "CSupport.h"

// Sixteen octets side by side; compilers make of it what the processor has.
typedef uint8_t octets16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t words2 __attribute__((vector_size(16)));

// Not zero where an octet is a NUL, LF without CR before it, no LF behind CR, or a dot behind LF.
static inline octets16 odd(const uint8_t *p) {
  octets16 here = *(const octets16 *)p, before = *(const octets16 *)(p - 1);
  return (octets16)(((here == '\n') ^ (before == '\r')) | (here == 0) | ((here == '.') & (before == '\n')));
}

size_t csupport_plain_prefix(const void *octets, size_t count) {
  const uint8_t *p = octets;
  size_t end = 1;
  while (end + 64 <= count) {
    words2 found = (words2)(odd(p + end) | odd(p + end + 16) | odd(p + end + 32) | odd(p + end + 48));
    if (found[0] | found[1]) break;
    end += 64;
  }
  if (end == 1) return 0;
  return p[end - 1] == '\r' ? end - 1 : end;
}
