// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// Preloaded into a program and all that it starts, counts their syncs. BENCH_SYNCS names the file of eight octets in
// which the count stands; everybody who is to count must be able to write it. With BENCH_NO_SYNC set syncs succeed at
// once without doing anything: what is left is the cost of the rest.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t uncounted;
static _Atomic uint64_t *syncs = &uncounted;
static bool is_off;
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_sync_file_range)(int, off64_t, off64_t, unsigned int);

__attribute__((constructor)) static void prepare(void) {
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_sync_file_range = dlsym(RTLD_NEXT, "sync_file_range");
  is_off = getenv("BENCH_NO_SYNC") != NULL;
  const char *path = getenv("BENCH_SYNCS");
  int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof *syncs, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared != MAP_FAILED) syncs = shared;
}

static bool is_counted_and_off(void) {
  atomic_fetch_add_explicit(syncs, 1, memory_order_relaxed);
  return is_off;
}

int fsync(int descriptor) { return is_counted_and_off() ? 0 : real_fsync(descriptor); }

int fdatasync(int descriptor) { return is_counted_and_off() ? 0 : real_fdatasync(descriptor); }

// It makes nothing durable by itself, so it does not count.
int sync_file_range(int descriptor, off64_t offset, off64_t length, unsigned int flags) {
  return is_off ? 0 : real_sync_file_range(descriptor, offset, length, flags);
}
