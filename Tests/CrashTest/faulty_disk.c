// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// Preloaded into posternd, lets calls on its segments (*.wal) fail as the file named by FAULTY_DISK says, which is read
// before each call. One line a call:
//
//     CALL PER_THOUSAND ERRNO [CALLS]
//
// CALL is sync, write, short (half of it is written), allocate, rename, or slow: a sync that takes as many milliseconds as
// ERRNO says before it succeeds. That many of a thousand calls begin a row of 1
// to CALLS failures; with 0 for CALLS the first failure is the last, because it removes the file. Of the syncs that fail,
// half have written nothing, half everything.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum call { SYNC, WRITE, SHORT, ALLOCATE, RENAME, SLOW, CALLS };
static const char *const names[CALLS] = {"sync", "write", "short", "allocate", "rename", "slow"};
static atomic_int left[CALLS];

static unsigned draw(unsigned below) {
  static _Atomic uint64_t state;
  struct timespec now;
  if (atomic_load(&state) == 0) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store(&state, (uint64_t)now.tv_nsec << 20 | 1);
  }
  uint64_t next = atomic_fetch_add(&state, 0x9E3779B97F4A7C15u);
  next = (next ^ next >> 30) * 0xBF58476D1CE4E5B9u;
  next = (next ^ next >> 27) * 0x94D049BB133111EBu;
  return (unsigned)((next ^ next >> 31) % below);
}

static int is_segment(const char *name) {
  size_t length = strlen(name);
  return length > 4 && strcmp(name + length - 4, ".wal") == 0;
}

// The errno value with which this call fails; 0 if it does not.
static int failure(enum call call, int file, const char *name) {
  const char *path = getenv("FAULTY_DISK");
  if (path == NULL) return 0;
  char target[PATH_MAX] = "";
  if (name == NULL) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, target, sizeof target - 1) < 0) return 0;
    name = target;
  }
  if (!is_segment(name)) return 0;
  FILE *rules = fopen(path, "re");
  if (rules == NULL) return 0;
  char wanted[16];
  int rate, code, most, result = 0;
  char line[128];
  while (result == 0 && fgets(line, sizeof line, rules) != NULL) {
    int fields = sscanf(line, "%15s %d %d %d", wanted, &rate, &code, &most);
    if (fields < 3 || strcmp(wanted, names[call]) != 0) continue;
    if (atomic_load(&left[call]) > 0) {
      atomic_fetch_sub(&left[call], 1);
      result = code;
    } else if (draw(1000) < (unsigned)rate) {
      if (fields == 4 && most == 0) unlink(path);
      if (fields == 4 && most > 1) atomic_store(&left[call], (int)draw((unsigned)most));
      result = code;
    }
  }
  fclose(rules);
  return result;
}

static int fail(int code) {
  errno = code;
  return -1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fdatasync(int file) {
  int code = failure(SYNC, file, NULL);
  if (code != 0 && draw(2) == 0) return fail(code);
  usleep((useconds_t)failure(SLOW, file, NULL) * 1000);
  int result = NEXT(fdatasync)(file);
  return code != 0 ? fail(code) : result;
}

ssize_t pwrite(int file, const void *octets, size_t count, off_t offset) {
  int code = failure(WRITE, file, NULL);
  if (code != 0) return fail(code);
  if (count > 1 && failure(SHORT, file, NULL) != 0) count /= 2;
  return NEXT(pwrite)(file, octets, count, offset);
}

ssize_t pwrite64(int file, const void *octets, size_t count, off64_t offset) {
  return pwrite(file, octets, count, (off_t)offset);
}

int fallocate(int file, int mode, off_t offset, off_t length) {
  int code = failure(ALLOCATE, file, NULL);
  return code != 0 ? fail(code) : NEXT(fallocate)(file, mode, offset, length);
}

int fallocate64(int file, int mode, off64_t offset, off64_t length) {
  return fallocate(file, mode, (off_t)offset, (off_t)length);
}

int renameat2(int old, const char *name, int new, const char *new_name, unsigned flags) {
  int code = failure(RENAME, old, name);
  return code != 0 ? fail(code) : NEXT(renameat2)(old, name, new, new_name, flags);
}
