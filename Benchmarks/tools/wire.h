// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#ifndef WIRE_H
#define WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Octets that wait: written at the end, taken from the start.
struct buffer {
  char *octets;
  size_t start, end, room;
};

void buffer_append(struct buffer *buffer, const void *octets, size_t count);
void buffer_free(struct buffer *buffer);

static inline size_t buffer_count(const struct buffer *buffer) { return buffer->end - buffer->start; }

// One non-blocking connection, in clear or under TLS. `out` holds what its socket has not taken yet, encrypted if it
// has to be. Whoever puts something in flushes, at once or later.
struct wire {
  int fd; // -1: closed
  SSL *ssl; // NULL: in clear
  bool is_handshaking;
  struct buffer out;
};

// Watches the socket for both directions, edge-triggered: read until nothing is there, flush until nothing waits.
void wire_open(struct wire *wire, int fd, int epoll, void *owner);
void wire_close(struct wire *wire);

void wire_begin_tls(struct wire *wire, SSL_CTX *context, bool is_server);
// 1: done, 0: not yet, -1: failed. What it has to send is in `out`.
int wire_shake_hands(struct wire *wire);

// Octets read; 0: none now; -1: the peer is gone.
ssize_t wire_read(struct wire *wire, void *octets, size_t room);
void wire_put(struct wire *wire, const void *octets, size_t count);
// false: the peer is gone.
bool wire_flush(struct wire *wire);

uint64_t now_ns(void);
_Noreturn void die(const char *what);
// As many open files as the system allows this process.
void raise_file_limit(void);

#endif
