// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void buffer_append(struct buffer *buffer, const void *octets, size_t count) {
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
  if (buffer->end + count > buffer->room) {
    buffer->room = 2 * (buffer->end + count);
    buffer->octets = realloc(buffer->octets, buffer->room);
    if (buffer->octets == NULL) die("realloc");
  }
  memcpy(buffer->octets + buffer->end, octets, count);
  buffer->end += count;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->octets);
  *buffer = (struct buffer){0};
}

void wire_open(struct wire *wire, int fd, int epoll, void *owner) {
  *wire = (struct wire){.fd = fd, .out = wire->out};
  wire->out.start = wire->out.end = 0;
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = owner};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

void wire_close(struct wire *wire) {
  if (wire->fd < 0) return;
  close(wire->fd);
  wire->fd = -1;
  SSL_free(wire->ssl);
  wire->ssl = NULL;
  wire->is_handshaking = false;
}

void wire_begin_tls(struct wire *wire, SSL_CTX *context, bool is_server) {
  wire->ssl = SSL_new(context);
  // What comes is read from the socket; what goes is kept in memory, so that it may leave later.
  BIO *in = BIO_new_socket(wire->fd, BIO_NOCLOSE), *out = BIO_new(BIO_s_mem());
  if (wire->ssl == NULL || in == NULL || out == NULL) die("SSL_new");
  SSL_set_bio(wire->ssl, in, out);
  if (is_server) SSL_set_accept_state(wire->ssl);
  else SSL_set_connect_state(wire->ssl);
  wire->is_handshaking = true;
}

static void take_encrypted(struct wire *wire) {
  char *octets;
  long count = BIO_get_mem_data(SSL_get_wbio(wire->ssl), &octets);
  if (count <= 0) return;
  buffer_append(&wire->out, octets, (size_t)count);
  (void)BIO_reset(SSL_get_wbio(wire->ssl));
}

// Whether the last call only wants more from the peer.
static bool wants_more(struct wire *wire, int result) {
  int error = SSL_get_error(wire->ssl, result);
  ERR_clear_error();
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int wire_shake_hands(struct wire *wire) {
  int result = SSL_do_handshake(wire->ssl);
  take_encrypted(wire);
  if (result == 1) {
    wire->is_handshaking = false;
    return 1;
  }
  return wants_more(wire, result) ? 0 : -1;
}

ssize_t wire_read(struct wire *wire, void *octets, size_t room) {
  if (wire->ssl != NULL) {
    int count = SSL_read(wire->ssl, octets, (int)room);
    if (count > 0) return count;
    return wants_more(wire, count) ? 0 : -1;
  }
  ssize_t count = recv(wire->fd, octets, room, 0);
  if (count > 0) return count;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

void wire_put(struct wire *wire, const void *octets, size_t count) {
  if (wire->ssl == NULL) {
    buffer_append(&wire->out, octets, count);
  } else {
    // Memory takes all of it.
    SSL_write(wire->ssl, octets, (int)count);
    take_encrypted(wire);
  }
}

bool wire_flush(struct wire *wire) {
  while (buffer_count(&wire->out) > 0) {
    ssize_t count = send(wire->fd, wire->out.octets + wire->out.start, buffer_count(&wire->out), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    wire->out.start += (size_t)count;
  }
  return true;
}

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void die(const char *what) {
  perror(what);
  exit(3);
}

void raise_file_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}
