// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// What this machine can do at best: syncs of a log, with one record or many behind each; turns over loopback;
// handshakes of OpenSSL with nothing around them.
//
//   phys DIRECTORY CERTIFICATE KEY SECONDS     DIRECTORY on the disk of the queue, SECONDS for each measurement
//
// Prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { FILE_OCTETS = 64 << 20, RECORD_OCTETS = 1024, TURN_OCTETS = 32 };

static const char *directory, *certificate, *key;
static uint64_t limit_ns;
static char octets[1 << 20];

static double cpu_microseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

// The disk

static int open_file(bool is_written) {
  // Without a name, so that nothing is left behind.
  int file = open(directory, O_TMPFILE | O_RDWR, 0600);
  if (file < 0) die(directory);
  for (off_t at = 0; is_written && at < FILE_OCTETS; at += (off_t)sizeof octets)
    if (pwrite(file, octets, sizeof octets, at) < 0) die("pwrite");
  fsync(file);
  return file;
}

// So many octets and a sync behind them, again and again: at the end of a file that grows, or over a file
// that is there.
static double syncs_per_second(size_t count, bool is_overwriting) {
  int file = open_file(is_overwriting);
  uint64_t began = now_ns();
  off_t at = 0;
  long syncs = 0;
  while (now_ns() - began < limit_ns) {
    if (at + (off_t)count > FILE_OCTETS) {
      at = 0;
      if (!is_overwriting && ftruncate(file, 0) != 0) die("ftruncate");
    }
    if (pwrite(file, octets, count, at) < 0 || fdatasync(file) != 0) die("write and sync");
    at += (off_t)count;
    syncs++;
  }
  double seconds = (double)(now_ns() - began) / 1e9;
  close(file);
  return (double)syncs / seconds;
}

// Loopback

static void echo(int socket) {
  char input[TURN_OCTETS];
  ssize_t count;
  while ((count = recv(socket, input, sizeof input, 0)) > 0)
    if (send(socket, input, (size_t)count, MSG_NOSIGNAL) < 0) _exit(1);
  _exit(0);
}

static int connect_to_echo(pid_t *child) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  *child = fork();
  if (*child == 0) {
    int socket = accept(listener, NULL, NULL);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    echo(socket);
  }
  int client = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(client, (struct sockaddr *)&address, size) != 0) die("connect");
  close(listener);
  return client;
}

// One connection, a question and an answer at a time.
static double turns_per_second(double *server_microseconds) {
  pid_t child;
  int client = connect_to_echo(&child);
  uint64_t began = now_ns();
  long turns = 0;
  while (now_ns() - began < limit_ns) {
    char input[TURN_OCTETS];
    if (send(client, octets, TURN_OCTETS, MSG_NOSIGNAL) < 0 || recv(client, input, sizeof input, 0) <= 0) die("turn");
    turns++;
  }
  double seconds = (double)(now_ns() - began) / 1e9;
  close(client);
  struct rusage used;
  wait4(child, NULL, 0, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  *server_microseconds = cpu / (double)turns;
  return (double)turns / seconds;
}

// TLS

// A whole handshake between two that share memory; returns what the server's half costs.
static double handshake(SSL_CTX *server_context, SSL_CTX *client_context) {
  SSL *server = SSL_new(server_context), *client = SSL_new(client_context);
  BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
  BIO_up_ref(to_server);
  BIO_up_ref(to_client);
  SSL_set_bio(server, to_server, to_client);
  SSL_set_bio(client, to_client, to_server);
  SSL_set_accept_state(server);
  SSL_set_connect_state(client);
  double used = 0;
  bool is_done = false;
  while (!is_done) {
    int at_client = SSL_do_handshake(client);
    double before = cpu_microseconds(CLOCK_THREAD_CPUTIME_ID);
    int at_server = SSL_do_handshake(server);
    used += cpu_microseconds(CLOCK_THREAD_CPUTIME_ID) - before;
    is_done = at_client == 1 && at_server == 1;
    if (SSL_get_error(server, at_server) == SSL_ERROR_SSL) die("handshake");
  }
  SSL_free(server);
  SSL_free(client);
  return used;
}

static double handshake_microseconds(void) {
  SSL_CTX *server = SSL_CTX_new(TLS_server_method()), *client = SSL_CTX_new(TLS_client_method());
  if (SSL_CTX_use_certificate_chain_file(server, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(server, key, SSL_FILETYPE_PEM) != 1)
    die(certificate);
  uint64_t began = now_ns();
  double used = 0;
  long count = 0;
  for (; now_ns() - began < limit_ns; count++) used += handshake(server, client);
  SSL_CTX_free(server);
  SSL_CTX_free(client);
  return used / (double)count;
}

int main(int count, char **arguments) {
  if (count != 5) {
    fputs("usage: phys DIRECTORY CERTIFICATE KEY SECONDS\n", stderr);
    return 2;
  }
  directory = arguments[1], certificate = arguments[2], key = arguments[3];
  limit_ns = (uint64_t)(atof(arguments[4]) * 1e9);
  for (size_t i = 0; i < sizeof octets; i++) octets[i] = (char)(i * 31);
  double turn_microseconds, turns = turns_per_second(&turn_microseconds);
  printf("{\"append\": %.1f, ", syncs_per_second(RECORD_OCTETS, false));
  printf("\"append_16\": %.1f, ", syncs_per_second(16 * RECORD_OCTETS, false));
  printf("\"append_64\": %.1f, ", syncs_per_second(64 * RECORD_OCTETS, false));
  printf("\"append_1m\": %.1f, ", syncs_per_second(sizeof octets, false));
  printf("\"overwrite\": %.1f, ", syncs_per_second(RECORD_OCTETS, true));
  printf("\"overwrite_64\": %.1f, ", syncs_per_second(64 * RECORD_OCTETS, true));
  printf("\"overwrite_1m\": %.1f, ", syncs_per_second(sizeof octets, true));
  printf("\"turns\": %.1f, \"turn_us\": %.2f, ", turns, turn_microseconds);
  printf("\"handshake_us\": %.1f}\n", handshake_microseconds());
  return 0;
}
