// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#ifndef LATENCIES_H
#define LATENCIES_H

#include <stddef.h>
#include <stdint.h>

// Every single one is kept, so percentiles are exact.
struct latencies {
  uint32_t *microseconds;
  size_t count, room;
};

void latencies_add(struct latencies *latencies, uint64_t nanoseconds);
// `,"NAME": {"p50": …, "p99": …, "max": …}` in ms, or null if there are none.
void latencies_print(struct latencies *latencies, const char *name);

#endif
