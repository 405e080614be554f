// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#ifndef CSUPPORT_H
#define CSUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// CRC32C (Castagnoli, RFC 3720 appendix B.4). `crc` is 0 or the value of the octets before: calls chain.
// The first uses the processor's instruction where there is one; the second never does, and is what the first falls
// back to.
uint32_t csupport_crc32c(uint32_t crc, const void *octets, size_t count);
uint32_t csupport_crc32c_portable(uint32_t crc, const void *octets, size_t count);

// Index of the first of `count` octets, in steps of eight, where the four octets of `magic` stand in memory order;
// `count` if there is none.
size_t csupport_find_magic(const void *octets, size_t count, uint32_t magic);
bool csupport_is_zero(const void *octets, size_t count);

// How much of the beginning of `octets` is content with nothing to do or to say about, the first octet aside: no NUL, CR
// and LF only together, no dot at the beginning of a line. Ends behind no CR, whose LF may follow. 0 if that is not seen
// at once: a short stretch is not worth it.
size_t csupport_plain_prefix(const void *octets, size_t count);

// pread that answers -1 with EAGAIN instead of waiting for the disk (RWF_NOWAIT). Where the kernel or the file system
// does not know the flag, errno is EOPNOTSUPP or ENOSYS.
ssize_t csupport_pread_nowait(int file, void *octets, size_t count, off_t offset);
// Reserves disk space without the size in play (fallocate). 0, or an errno value.
int csupport_allocate(int file, off_t octets);

// Kind of the file system under a path, as statfs(2) numbers them; 0 if it cannot be asked.
uint32_t csupport_file_system_type(const char *path);

// Gives a file of the directory another name that must be free. 0, or an errno value.
int csupport_rename_new(int directory, const char *name, const char *new_name);

// Names the calling thread for ps and top; at most 15 octets are kept.
void csupport_name_thread(const char *name);

// A flag that one thread waits for and any thread raises. A signal given while nobody waits is kept, so none is lost.
typedef struct csupport_wakeup csupport_wakeup;
csupport_wakeup *csupport_wakeup_create(void);
void csupport_wakeup_destroy(csupport_wakeup *wakeup);
void csupport_wakeup_signal(csupport_wakeup *wakeup);
// Waits until the flag is up, then takes it down; `milliseconds` below 0 waits for ever. True if it was up. Adds the
// milliseconds that passed to `*elapsed` unless it is NULL.
bool csupport_wakeup_wait(csupport_wakeup *wakeup, int64_t milliseconds, int64_t *elapsed);

#endif
