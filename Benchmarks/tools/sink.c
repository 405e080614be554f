// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// A relayhost that takes every message and counts exactly: one thread, on 127.0.0.1 alone. It can want STARTTLS or TLS
// and a login, and be far away: then whatever it sends, each flight of a TLS handshake too, leaves it so many ms late.
//
//   --port N                    of 127.0.0.1
//   --tls starttls|implicit     with --certificate FILE and --key FILE (PEM)
//   --login USER:PASSWORD       AUTH PLAIN or LOGIN before MAIL, under TLS only if there is TLS
//   --no-pipelining, --no-chunking   are not offered
//   --delay MS                  of every batch of replies
//   --ids FILE                  gets a line with the X-Bench-Id of each message taken, "?" if it has none
//
// Says "listening" on standard output, what it has seen as a line of JSON at each SIGUSR1, and ends at SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { INPUT_OCTETS = 65536, LINE_OCTETS_MAX = 4096, HEAD_OCTETS = 4096, ID_OCTETS = 64, EVENTS = 256 };

enum tls { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };

enum reading { COMMAND, CONTENT, CHUNK, PLAIN_ANSWER, LOGIN_USER, LOGIN_PASSWORD };

struct session {
  struct wire wire;
  struct buffer replies; // of this turn
  struct buffer kept; // input that is no whole line yet, or may begin the end of the content
  enum reading reading;
  bool is_logged_in, is_user_right, has_sender, wants_tls, is_closing;
  bool is_at_content_start, is_last_chunk;
  int recipients;
  uint64_t chunk_left;
  char head[HEAD_OCTETS]; // of the message that comes in
  size_t head_count;
  unsigned on_its_way; // batches that have not left yet
  uint64_t turns, turns_before, messages;
};

// Octets that leave when their time has come.
struct batch {
  struct batch *next;
  struct session *session;
  uint64_t due;
  size_t count;
  char octets[];
};

static struct {
  uint64_t connections, open_now, open_most, messages, octets, in_chunks, handshakes, resumed;
  uint64_t turns, warm_turns, warm_messages, wrong_commands, began_ns, ended_ns;
} seen;

static enum tls tls = TLS_NONE;
static bool offers_pipelining = true, offers_chunking = true;
static uint64_t delay_ns;
static const char *user, *password, *certificate, *key;
static SSL_CTX *context;
static int epoll = -1;
static FILE *ids;
static struct batch *first_batch, **last_batch = &first_batch;
static volatile sig_atomic_t is_asked, is_ended;

// Sending

static void close_session(struct session *session) {
  if (session->wire.fd >= 0) {
    wire_close(&session->wire);
    seen.open_now--;
  }
  // Batches on their way name the session.
  if (session->on_its_way > 0) return;
  buffer_free(&session->wire.out);
  buffer_free(&session->replies);
  buffer_free(&session->kept);
  free(session);
}

// Sends what is in `out`, now or when its time has come. A turn is a batch of replies with nothing in front of it. The
// session may be gone behind this.
static void send_batch(struct session *session) {
  struct buffer *out = &session->wire.out;
  size_t count = buffer_count(out);
  if (count > 0 && session->on_its_way == 0) {
    session->turns++;
    seen.turns++;
  }
  if (delay_ns > 0 && count > 0) {
    struct batch *batch = malloc(sizeof *batch + count);
    if (batch == NULL) die("malloc");
    *batch = (struct batch){.session = session, .due = now_ns() + delay_ns, .count = count};
    memcpy(batch->octets, out->octets + out->start, count);
    out->start = out->end = 0;
    session->on_its_way++;
    *last_batch = batch;
    last_batch = &batch->next;
  } else if (!wire_flush(&session->wire) ||
             (session->is_closing && session->on_its_way == 0 && buffer_count(out) == 0)) {
    close_session(session);
  }
}

static void send_due_batches(void) {
  uint64_t now = now_ns();
  while (first_batch != NULL && first_batch->due <= now) {
    struct batch *batch = first_batch;
    struct session *session = batch->session;
    first_batch = batch->next;
    if (first_batch == NULL) last_batch = &first_batch;
    session->on_its_way--;
    bool is_over = session->wire.fd < 0;
    if (!is_over) {
      buffer_append(&session->wire.out, batch->octets, batch->count);
      is_over = !wire_flush(&session->wire) || (session->is_closing && session->on_its_way == 0);
    }
    if (is_over) close_session(session);
    free(batch);
  }
}

static void reply(struct session *session, const char *text) {
  buffer_append(&session->replies, text, strlen(text));
  buffer_append(&session->replies, "\r\n", 2);
}

static void send_replies(struct session *session) {
  size_t count = buffer_count(&session->replies);
  if (count > 0) wire_put(&session->wire, session->replies.octets + session->replies.start, count);
  session->replies.start = session->replies.end = 0;
  send_batch(session);
}

// Messages

static void begin_message(struct session *session) {
  session->has_sender = true;
  session->recipients = 0;
  session->head_count = 0;
}

static void end_transaction(struct session *session) {
  session->has_sender = false;
  session->recipients = 0;
  session->reading = COMMAND;
}

static void keep_content(struct session *session, const char *octets, size_t count) {
  seen.octets += count;
  size_t room = HEAD_OCTETS - 1 - session->head_count;
  if (count > room) count = room;
  memcpy(session->head + session->head_count, octets, count);
  session->head_count += count;
}

static void write_id(struct session *session) {
  static const char field[] = "\nX-Bench-Id: ";
  session->head[session->head_count] = 0;
  const char *id = strstr(session->head, field);
  if (id == NULL) fputs("?\n", ids);
  else fprintf(ids, "%.*s\n", (int)strcspn(id + strlen(field), "\r\n"), id + strlen(field));
}

static void take_message(struct session *session) {
  seen.messages++;
  seen.ended_ns = now_ns();
  session->messages++;
  if (ids != NULL) write_id(session);
  // The turn that brings this reply is counted when it is sent, so it is the next one's; the sum is the same.
  if (session->messages > 1) {
    seen.warm_messages++;
    seen.warm_turns += session->turns - session->turns_before;
  }
  session->turns_before = session->turns;
  end_transaction(session);
  reply(session, "250 2.0.0 taken");
}

static void end_chunk(struct session *session) {
  session->reading = COMMAND;
  if (session->recipients == 0) {
    end_transaction(session);
    reply(session, "503 5.5.1 no recipients");
  } else if (session->is_last_chunk) {
    seen.in_chunks++;
    take_message(session);
  } else {
    reply(session, "250 2.0.0 go on");
  }
}

// Logins

static bool decode(const char *text, char *decoded, size_t room, size_t *count) {
  size_t length = strlen(text);
  if (length % 4 != 0 || length / 4 * 3 + 1 > room) return false;
  int octets = EVP_DecodeBlock((unsigned char *)decoded, (const unsigned char *)text, (int)length);
  if (octets < 0) return false;
  while (length > 0 && text[length - 1] == '=') length--, octets--;
  decoded[octets] = 0;
  *count = (size_t)octets;
  return true;
}

static void end_login(struct session *session, bool is_right) {
  session->reading = COMMAND;
  session->is_logged_in = is_right;
  reply(session, is_right ? "235 2.7.0 welcome" : "535 5.7.8 who are you");
}

static void read_plain(struct session *session, const char *answer) {
  char decoded[512], wanted[512];
  size_t count;
  int length = snprintf(wanted, sizeof wanted, "%c%s%c%s", 0, user, 0, password);
  bool is_right = decode(answer, decoded, sizeof decoded, &count) && count == (size_t)length;
  end_login(session, is_right && memcmp(decoded, wanted, count) == 0);
}

static void read_user(struct session *session, const char *answer) {
  char decoded[512];
  size_t count;
  session->is_user_right = decode(answer, decoded, sizeof decoded, &count) && strcmp(decoded, user) == 0;
  session->reading = LOGIN_PASSWORD;
  reply(session, "334 UGFzc3dvcmQ6");
}

static void read_password(struct session *session, const char *answer) {
  char decoded[512];
  size_t count;
  bool is_right = decode(answer, decoded, sizeof decoded, &count) && strcmp(decoded, password) == 0;
  end_login(session, is_right && session->is_user_right);
}

static void log_in(struct session *session, const char *arguments) {
  bool has_answer = strlen(arguments) > 6;
  if (strncasecmp(arguments, "PLAIN", 5) == 0) {
    if (has_answer) return read_plain(session, arguments + 6);
    session->reading = PLAIN_ANSWER;
    reply(session, "334 ");
  } else if (strncasecmp(arguments, "LOGIN", 5) == 0) {
    if (has_answer) return read_user(session, arguments + 6);
    session->reading = LOGIN_USER;
    reply(session, "334 VXNlcm5hbWU6");
  } else {
    reply(session, "504 5.5.4 not that mechanism");
  }
}

// Commands

static void greet(struct session *session) {
  bool is_secure = tls == TLS_NONE || session->wire.ssl != NULL;
  end_transaction(session);
  reply(session, "250-sink.test");
  if (offers_pipelining) reply(session, "250-PIPELINING");
  if (offers_chunking) reply(session, "250-CHUNKING");
  if (!is_secure) reply(session, "250-STARTTLS");
  if (user != NULL && is_secure) reply(session, "250-AUTH PLAIN LOGIN");
  reply(session, "250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600");
}

static void begin_chunk(struct session *session, const char *arguments) {
  char *rest;
  session->chunk_left = strtoull(arguments, &rest, 10);
  session->is_last_chunk = strcasecmp(rest, " LAST") == 0;
  session->reading = CHUNK;
  if (session->chunk_left == 0) end_chunk(session);
}

static void refuse(struct session *session, const char *text) {
  seen.wrong_commands++;
  reply(session, text);
}

static bool is_verb(const char *line, const char *verb) { return strncasecmp(line, verb, strlen(verb)) == 0; }

static void obey(struct session *session, const char *line) {
  if (is_verb(line, "EHLO ")) {
    greet(session);
  } else if (is_verb(line, "STARTTLS") && tls == TLS_STARTTLS && session->wire.ssl == NULL) {
    session->wants_tls = true;
    reply(session, "220 2.0.0 go on");
  } else if (is_verb(line, "AUTH ") && user != NULL) {
    log_in(session, line + 5);
  } else if (is_verb(line, "MAIL FROM:")) {
    if (user != NULL && !session->is_logged_in) return refuse(session, "530 5.7.0 log in first");
    if (session->has_sender) return refuse(session, "503 5.5.1 one at a time");
    begin_message(session);
    reply(session, "250 2.1.0 sender");
  } else if (is_verb(line, "RCPT TO:")) {
    if (!session->has_sender) return refuse(session, "503 5.5.1 no sender");
    session->recipients++;
    reply(session, "250 2.1.5 recipient");
  } else if (is_verb(line, "DATA")) {
    if (session->recipients == 0) return refuse(session, "503 5.5.1 no recipients");
    session->reading = CONTENT;
    session->is_at_content_start = true;
    reply(session, "354 go on");
  } else if (is_verb(line, "BDAT ")) {
    begin_chunk(session, line + 5);
  } else if (is_verb(line, "RSET")) {
    end_transaction(session);
    reply(session, "250 2.0.0 fine");
  } else if (is_verb(line, "NOOP")) {
    reply(session, "250 2.0.0 fine");
  } else if (is_verb(line, "QUIT")) {
    session->is_closing = true;
    reply(session, "221 2.0.0 bye");
  } else {
    refuse(session, "500 5.5.2 what");
  }
}

static void read_line(struct session *session, const char *line) {
  switch (session->reading) {
  case PLAIN_ANSWER: return read_plain(session, line);
  case LOGIN_USER: return read_user(session, line);
  case LOGIN_PASSWORD: return read_password(session, line);
  default: return obey(session, line);
  }
}

// Input: each of these takes what it can from the front of so many octets, and says how many that were; 0: needs more.

static size_t consume_line(struct session *session, char *octets, size_t count) {
  char *end = memchr(octets, '\n', count);
  if (end == NULL) {
    if (count > LINE_OCTETS_MAX) session->is_closing = true;
    return 0;
  }
  size_t length = (size_t)(end - octets) + 1;
  *(end > octets && end[-1] == '\r' ? end - 1 : end) = 0;
  read_line(session, octets);
  return length;
}

static size_t consume_chunk(struct session *session, const char *octets, size_t count) {
  if (count > session->chunk_left) count = session->chunk_left;
  keep_content(session, octets, count);
  session->chunk_left -= count;
  if (session->chunk_left == 0) end_chunk(session);
  return count;
}

static size_t consume_content(struct session *session, const char *octets, size_t count) {
  // Behind DATA the end may come at once.
  if (session->is_at_content_start && count >= 3 && memcmp(octets, ".\r\n", 3) == 0) {
    take_message(session);
    return 3;
  }
  const char *end = memmem(octets, count, "\r\n.\r\n", 5);
  if (end != NULL) {
    keep_content(session, octets, (size_t)(end - octets) + 2);
    take_message(session);
    return (size_t)(end - octets) + 5;
  }
  // The last four may begin the end.
  if (count <= 4) return 0;
  session->is_at_content_start = false;
  keep_content(session, octets, count - 4);
  return count - 4;
}

static size_t consume(struct session *session, char *octets, size_t count) {
  size_t done = 0, taken = 1;
  while (done < count && taken > 0 && !session->is_closing && !session->wants_tls) {
    switch (session->reading) {
    case CONTENT: taken = consume_content(session, octets + done, count - done); break;
    case CHUNK: taken = consume_chunk(session, octets + done, count - done); break;
    default: taken = consume_line(session, octets + done, count - done);
    }
    done += taken;
  }
  // Behind QUIT and STARTTLS (RFC 3207 section 4.2) whatever came along is forgotten.
  return session->is_closing || session->wants_tls ? count : done;
}

static void end_handshake(struct session *session) {
  seen.handshakes++;
  if (SSL_session_reused(session->wire.ssl)) seen.resumed++;
  if (tls == TLS_IMPLICIT) reply(session, "220 sink.test ESMTP");
}

// Reads behind what was kept, and keeps what is left.
static ssize_t read_some(struct session *session, size_t *room) {
  // One for all, so that a thousand idle sessions need little.
  static char input[INPUT_OCTETS];
  size_t count = buffer_count(&session->kept);
  *room = INPUT_OCTETS - count;
  ssize_t added = wire_read(&session->wire, input + count, *room);
  if (added <= 0) return added;
  if (count > 0) memcpy(input, session->kept.octets + session->kept.start, count);
  session->kept.start = session->kept.end = 0;
  count += (size_t)added;
  size_t done = consume(session, input, count);
  if (done < count) buffer_append(&session->kept, input + done, count - done);
  return added;
}

// false: the session is over. Its end comes with an event of its own, unless that is this one.
static bool read_all(struct session *session, bool is_ending) {
  for (;;) {
    if (session->wire.is_handshaking) {
      int result = wire_shake_hands(&session->wire);
      if (result <= 0) return result == 0;
      end_handshake(session);
    }
    size_t room;
    ssize_t count = read_some(session, &room);
    if (count <= 0) return count == 0;
    bool is_all = session->wire.ssl == NULL && (size_t)count < room && !is_ending;
    if (is_all || session->wants_tls) return true;
  }
}

static void serve(struct session *session, uint32_t events) {
  if (!read_all(session, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return close_session(session);
  if (session->wants_tls) {
    // Its reply is the last in clear.
    session->wants_tls = session->is_logged_in = false;
    wire_put(&session->wire, session->replies.octets, buffer_count(&session->replies));
    session->replies.start = session->replies.end = 0;
    wire_begin_tls(&session->wire, context, true);
  }
  send_replies(session);
}

static void accept_session(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL) die("calloc");
  seen.connections++;
  if (++seen.open_now > seen.open_most) seen.open_most = seen.open_now;
  if (seen.began_ns == 0) seen.began_ns = now_ns();
  wire_open(&session->wire, fd, epoll, session);
  if (tls == TLS_IMPLICIT) wire_begin_tls(&session->wire, context, true);
  else reply(session, "220 sink.test ESMTP");
  send_replies(session);
}

// The program

static void print_seen(void) {
  is_asked = 0;
  if (ids != NULL) fflush(ids);
#define FIELD(name) printf("\"" #name "\": %llu, ", (unsigned long long)seen.name)
  printf("{");
  FIELD(connections), FIELD(open_now), FIELD(open_most), FIELD(messages), FIELD(octets), FIELD(in_chunks);
  FIELD(handshakes), FIELD(resumed), FIELD(turns), FIELD(warm_turns), FIELD(warm_messages), FIELD(wrong_commands);
#undef FIELD
  printf("\"began\": %.6f, \"ended\": %.6f}\n", (double)seen.began_ns / 1e9, (double)seen.ended_ns / 1e9);
  fflush(stdout);
}

static void on_signal(int number) {
  if (number == SIGUSR1) is_asked = 1;
  else is_ended = 1;
}

static void make_context(void) {
  context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(2);
  }
  SSL_CTX_set_session_id_context(context, (const unsigned char *)"sink", 4);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

static int listen_on(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) die("listen");
  return listener;
}

static int read_options(int count, char **arguments) {
  static const struct option options[] = {
      {"port", required_argument, NULL, 'p'},        {"tls", required_argument, NULL, 't'},
      {"certificate", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
      {"login", required_argument, NULL, 'l'},       {"no-pipelining", no_argument, NULL, 'P'},
      {"no-chunking", no_argument, NULL, 'C'},       {"delay", required_argument, NULL, 'd'},
      {"ids", required_argument, NULL, 'i'},         {0}};
  int port = 0;
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    switch (option) {
    case 'p': port = atoi(optarg); break;
    case 't': tls = strcmp(optarg, "implicit") == 0 ? TLS_IMPLICIT : TLS_STARTTLS; break;
    case 'c': certificate = optarg; break;
    case 'k': key = optarg; break;
    case 'l':
      user = strsep(&optarg, ":");
      password = optarg;
      break;
    case 'P': offers_pipelining = false; break;
    case 'C': offers_chunking = false; break;
    case 'd': delay_ns = (uint64_t)(atof(optarg) * 1e6); break;
    case 'i':
      if ((ids = fopen(optarg, "w")) == NULL) die(optarg);
      break;
    default: exit(2);
    }
  }
  if (port == 0 || (user != NULL && password == NULL) || (tls != TLS_NONE && (certificate == NULL || key == NULL))) {
    fputs("sink: --port is needed, --login has a colon, --tls needs --certificate and --key\n", stderr);
    exit(2);
  }
  return port;
}

// Signals arrive only while it waits, so that none is missed.
static sigset_t catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t caught, before;
  sigemptyset(&caught);
  for (const int *number = (const int[]){SIGUSR1, SIGTERM, SIGINT, 0}; *number != 0; number++) {
    sigaction(*number, &action, NULL);
    sigaddset(&caught, *number);
  }
  sigprocmask(SIG_BLOCK, &caught, &before);
  return before;
}

static int milliseconds_until_due(void) {
  if (first_batch == NULL) return -1;
  uint64_t now = now_ns();
  return first_batch->due <= now ? 0 : (int)((first_batch->due - now + 999999) / 1000000);
}

int main(int count, char **arguments) {
  int port = read_options(count, arguments);
  sigset_t open_mask = catch_signals();
  // So that it survives nobody.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  raise_file_limit();
  if (tls != TLS_NONE) make_context();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  int listener = listen_on(port);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  puts("listening");
  fflush(stdout);
  while (!is_ended) {
    int ready = epoll_pwait(epoll, events, EVENTS, milliseconds_until_due(), &open_mask);
    if (ready < 0 && errno != EINTR) die("epoll_pwait");
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr == NULL) accept_session(listener);
      else serve(events[i].data.ptr, events[i].events);
    }
    send_due_batches();
    if (is_asked) print_seen();
  }
  if (ids != NULL) fclose(ids);
  return 0;
}
