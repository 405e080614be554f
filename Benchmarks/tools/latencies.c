// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#include "latencies.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire.h"

void latencies_add(struct latencies *latencies, uint64_t nanoseconds) {
  if (latencies->count == latencies->room) {
    latencies->room = 2 * latencies->room + 1024;
    latencies->microseconds = realloc(latencies->microseconds, latencies->room * sizeof *latencies->microseconds);
    if (latencies->microseconds == NULL) die("realloc");
  }
  uint64_t microseconds = nanoseconds / 1000;
  latencies->microseconds[latencies->count++] = microseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)microseconds;
}

static int compare(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

// The smallest one that so many of a hundred do not exceed.
static double percentile(const struct latencies *latencies, size_t percent) {
  size_t rank = (latencies->count * percent + 99) / 100;
  return latencies->microseconds[rank > 0 ? rank - 1 : 0] / 1000.0;
}

void latencies_print(struct latencies *latencies, const char *name) {
  if (latencies->count == 0) {
    printf(", \"%s\": null", name);
    return;
  }
  qsort(latencies->microseconds, latencies->count, sizeof *latencies->microseconds, compare);
  printf(", \"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name, percentile(latencies, 50),
         percentile(latencies, 99), percentile(latencies, 100));
}
