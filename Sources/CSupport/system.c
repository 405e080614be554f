// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSupport.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ssize_t csupport_pread_nowait(int file, void *octets, size_t count, off_t offset) {
  struct iovec vector = {.iov_base = octets, .iov_len = count};
  return preadv2(file, &vector, 1, offset, RWF_NOWAIT);
}

int csupport_allocate(int file, off_t octets) {
  int result;
  do result = fallocate(file, 0, 0, octets);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

uint32_t csupport_file_system_type(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 ? (uint32_t)status.f_type : 0;
}

int csupport_rename_new(int directory, const char *name, const char *new_name) {
  if (renameat2(directory, name, directory, new_name, RENAME_NOREPLACE) == 0) return 0;
  // A file system without the flag: the caller holds the directory's lock, so nobody takes the name in between.
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (faccessat(directory, new_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return renameat(directory, name, directory, new_name) == 0 ? 0 : errno;
}

void csupport_name_thread(const char *name) {
  char cut[16];
  strncpy(cut, name, sizeof cut - 1);
  cut[sizeof cut - 1] = 0;
  pthread_setname_np(pthread_self(), cut);
}

struct csupport_wakeup {
  pthread_mutex_t mutex;
  pthread_cond_t raised;
  bool is_up;
};

csupport_wakeup *csupport_wakeup_create(void) {
  csupport_wakeup *wakeup = malloc(sizeof *wakeup);
  if (wakeup == NULL) abort();
  pthread_mutex_init(&wakeup->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  // A jump of the wall clock must neither cut a wait short nor make it last.
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&wakeup->raised, &attributes);
  pthread_condattr_destroy(&attributes);
  wakeup->is_up = false;
  return wakeup;
}

void csupport_wakeup_destroy(csupport_wakeup *wakeup) {
  pthread_cond_destroy(&wakeup->raised);
  pthread_mutex_destroy(&wakeup->mutex);
  free(wakeup);
}

void csupport_wakeup_signal(csupport_wakeup *wakeup) {
  pthread_mutex_lock(&wakeup->mutex);
  bool was_up = wakeup->is_up;
  wakeup->is_up = true;
  pthread_mutex_unlock(&wakeup->mutex);
  if (!was_up) pthread_cond_signal(&wakeup->raised);
}

static int64_t milliseconds_of(const struct timespec *time) {
  return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

bool csupport_wakeup_wait(csupport_wakeup *wakeup, int64_t milliseconds, int64_t *elapsed) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  end = begin;
  if (milliseconds >= 0) {
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (milliseconds % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
      end.tv_sec += 1;
      end.tv_nsec -= 1000000000;
    }
  }
  pthread_mutex_lock(&wakeup->mutex);
  int result = 0;
  while (!wakeup->is_up && result != ETIMEDOUT)
    result = milliseconds < 0 ? pthread_cond_wait(&wakeup->raised, &wakeup->mutex)
                              : pthread_cond_timedwait(&wakeup->raised, &wakeup->mutex, &end);
  bool was_up = wakeup->is_up;
  wakeup->is_up = false;
  pthread_mutex_unlock(&wakeup->mutex);
  if (elapsed != NULL) {
    clock_gettime(CLOCK_MONOTONIC, &end);
    *elapsed += milliseconds_of(&end) - milliseconds_of(&begin);
  }
  return was_up;
}
