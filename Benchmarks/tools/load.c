// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// Hands in messages over so many sessions at once: one thread, to 127.0.0.1 alone, each session as fast as it is
// answered. A message that has begun is brought to its end, so what is counted as accepted is exact.
//
//   --port N                    of 127.0.0.1
//   --sessions N                at once (1)
//   --messages N                in all; without it as many as go in
//   --seconds S                 within which messages begin (60)
//   --per-session N             messages, then QUIT and a new connection; 0: it is kept (0)
//   --size N                    octets of a message with its header (1024)
//   --recipients N              of each message (1)
//   --tls starttls|implicit     certificates are not verified, sessions are not resumed
//   --login USER:PASSWORD       AUTH PLAIN
//   --pipelining                MAIL, RCPT and DATA in one batch
//   --chunking                  the whole transaction in one batch, with BDAT LAST
//   --ids FILE                  gets a line with the X-Bench-Id of each message that was answered 250
//   --prefix TEXT               of these ids (m)
//   --hold                      no messages: the sessions are opened and stay idle until standard input ends
//
// Prints one line of JSON; with --hold "ready N" before it, when all sessions stand or the seconds are over.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "latencies.h"
#include "wire.h"

enum { INPUT_OCTETS = 8192, EVENTS = 256, OPENED_AT_ONCE = 64, ERRORS_MAX = 200, GRACE_SECONDS = 20 };

enum tls { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };

// What the next reply answers.
enum stage { BANNER, EHLO, STARTTLS, EHLO_UNDER_TLS, LOGIN, IDLE, MAIL, RECIPIENT, DATA, CONTENT, GOODBYE };
static const char *const stage_names[] = {"banner", "EHLO", "STARTTLS", "EHLO", "AUTH", "idle",
                                          "MAIL",   "RCPT", "DATA",     "content", "QUIT"};

struct session {
  struct wire wire;
  enum stage stage;
  char input[INPUT_OCTETS];
  size_t input_count;
  long number; // of the message under way
  int recipients_left;
  long messages; // over this connection
  uint64_t dot_ns; // when the last octets of the content were written; 0: not yet
};

static enum tls tls = TLS_NONE;
static long session_count = 1, message_limit, per_session;
static size_t message_octets = 1024;
static int recipient_count = 1, port;
static double seconds = 60;
static bool pipelines, chunks, holds;
static const char *prefix = "m";
static char *login_line;
static FILE *ids;

static SSL_CTX *context;
static int epoll = -1;
static char *body;
static size_t body_octets;
static uint64_t began_ns, deadline_ns, ended_ns;
static long begun, accepted, refused, unknown, connections, handshakes, errors, open_now, ready, greeted;
static struct latencies answers, banners;
static char first_error[256];

static bool is_time_over(void) { return now_ns() >= deadline_ns; }
static bool may_begin(void) { return (message_limit == 0 || begun < message_limit) && !is_time_over(); }

// Messages

static int write_header(char *header, size_t room, long number) {
  return snprintf(header, room,
                  "From: <alice@example.org>\r\nTo: <bob@example.net>\r\nSubject: message %08ld\r\n"
                  "Date: Sat, 21 Nov 2026 04:00:00 +0000\r\nMessage-ID: <%.40s-%08ld@client.test>\r\n"
                  "X-Bench-Id: %.40s-%08ld\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n",
                  number, prefix, number, prefix, number);
}

// Lines of 76 octets; none begins with a dot, the last one is whole.
static void make_body(void) {
  char header[1024];
  size_t header_octets = (size_t)write_header(header, sizeof header, 0);
  body_octets = message_octets > header_octets + 4 ? message_octets - header_octets : 4;
  body = malloc(body_octets);
  if (body == NULL) die("malloc");
  for (size_t i = 0; i < body_octets; i++) body[i] = (char)('a' + (i * 7 + i / 78) % 26);
  for (size_t i = 77; i < body_octets; i += 78) memcpy(body + i - 1, "\r\n", 2);
  // Neither half of a line end may stand alone in front of the last one.
  if (body[body_octets - 3] == '\r') body[body_octets - 3] = 'x';
  memcpy(body + body_octets - 2, "\r\n", 2);
}

static void say(struct session *session, const char *text) { wire_put(&session->wire, text, strlen(text)); }

static void say_recipients(struct session *session, int count) {
  char line[100];
  for (int i = 0; i < count; i++) {
    int index = session->recipients_left - 1 - i;
    wire_put(&session->wire, line,
             (size_t)snprintf(line, sizeof line, "RCPT TO:<bob%d@example.net>\r\n", index));
  }
}

static void say_content(struct session *session) {
  char header[1024], line[64];
  size_t count = (size_t)write_header(header, sizeof header, session->number);
  if (chunks)
    wire_put(&session->wire, line, (size_t)snprintf(line, sizeof line, "BDAT %zu LAST\r\n", count + body_octets));
  // As one record under TLS while it fits into one.
  struct buffer message = {0};
  buffer_append(&message, header, count);
  buffer_append(&message, body, body_octets);
  if (!chunks) buffer_append(&message, ".\r\n", 3);
  wire_put(&session->wire, message.octets, buffer_count(&message));
  buffer_free(&message);
  session->dot_ns = 0;
}

static void begin_message(struct session *session) {
  session->number = begun++;
  session->recipients_left = recipient_count;
  session->stage = MAIL;
  say(session, "MAIL FROM:<alice@example.org>\r\n");
  if (!pipelines) return;
  say_recipients(session, recipient_count);
  if (chunks) say_content(session);
  else say(session, "DATA\r\n");
}

static void end_message(struct session *session) {
  uint64_t now = now_ns();
  accepted++;
  ended_ns = now;
  latencies_add(&answers, now - session->dot_ns);
  if (ids != NULL) fprintf(ids, "%.40s-%08ld\n", prefix, session->number);
  session->messages++;
}

// Sessions

static void close_session(struct session *session) {
  wire_close(&session->wire);
  open_now--;
}

// Not as it should be: whatever was under way is counted, and the connection is not used any more.
static void give_up(struct session *session, const char *what) {
  if (session->stage == CONTENT) unknown++;
  else if (session->stage >= MAIL && session->stage < CONTENT) refused++;
  if (session->stage != GOODBYE) {
    errors++;
    if (first_error[0] == 0)
      snprintf(first_error, sizeof first_error, "%s: %.200s", stage_names[session->stage], what);
  }
  close_session(session);
}

static void open_session(struct session *session) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  wire_open(&session->wire, fd, epoll, session);
  session->stage = BANNER;
  session->input_count = 0;
  session->messages = 0;
  // When it began to connect.
  session->dot_ns = now_ns();
  connections++;
  open_now++;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
    return give_up(session, strerror(errno));
  if (tls == TLS_IMPLICIT) wire_begin_tls(&session->wire, context, false);
}

static void go_on(struct session *session) {
  if (holds) {
    session->stage = IDLE;
    ready++;
  } else if (may_begin() && (per_session == 0 || session->messages < per_session)) {
    begin_message(session);
  } else {
    session->stage = GOODBYE;
    say(session, "QUIT\r\n");
  }
}

static void log_in(struct session *session) {
  if (login_line == NULL) return go_on(session);
  session->stage = LOGIN;
  say(session, login_line);
}

static void take_recipient(struct session *session) {
  session->recipients_left--;
  if (session->recipients_left > 0) {
    if (!pipelines) say_recipients(session, 1);
  } else if (chunks) {
    session->stage = CONTENT;
    if (!pipelines) say_content(session);
  } else {
    session->stage = DATA;
    if (!pipelines) say(session, "DATA\r\n");
  }
}

static int wanted_code(enum stage stage) {
  switch (stage) {
  case BANNER: case STARTTLS: return 220;
  case LOGIN: return 235;
  case DATA: return 354;
  case GOODBYE: return 221;
  default: return 250;
  }
}

static void take_reply(struct session *session, const char *line) {
  if (session->stage == IDLE || atoi(line) != wanted_code(session->stage)) return give_up(session, line);
  switch (session->stage) {
  case BANNER:
    greeted++;
    latencies_add(&banners, now_ns() - session->dot_ns);
    session->stage = EHLO;
    return say(session, "EHLO client.test\r\n");
  case EHLO:
    if (tls != TLS_STARTTLS) return log_in(session);
    session->stage = STARTTLS;
    return say(session, "STARTTLS\r\n");
  case STARTTLS:
    session->stage = EHLO_UNDER_TLS;
    return wire_begin_tls(&session->wire, context, false);
  case EHLO_UNDER_TLS: return log_in(session);
  case LOGIN: return go_on(session);
  case MAIL:
    session->stage = RECIPIENT;
    if (!pipelines) say_recipients(session, 1);
    return;
  case RECIPIENT: return take_recipient(session);
  case DATA:
    session->stage = CONTENT;
    return say_content(session);
  case CONTENT:
    end_message(session);
    return go_on(session);
  default: return close_session(session);
  }
}

// Replies of several lines count once, with their last.
static void take_lines(struct session *session) {
  char *from = session->input, *end;
  size_t left = session->input_count;
  while (session->wire.fd >= 0 && (end = memchr(from, '\n', left)) != NULL) {
    *(end > from && end[-1] == '\r' ? end - 1 : end) = 0;
    left -= (size_t)(end - from) + 1;
    if (strnlen(from, 4) < 4 || from[3] != '-') take_reply(session, from);
    from = end + 1;
  }
  memmove(session->input, from, left);
  session->input_count = left;
  if (left == INPUT_OCTETS && session->wire.fd >= 0) give_up(session, "an endless line");
}

static void flush(struct session *session) {
  if (session->wire.fd < 0) return;
  // The clock starts with the write that takes the last octet along.
  uint64_t before = now_ns();
  if (!wire_flush(&session->wire)) return give_up(session, strerror(errno));
  bool is_content_out = session->stage == CONTENT || (chunks && session->stage >= MAIL && session->stage < CONTENT);
  if (is_content_out && session->dot_ns == 0 && buffer_count(&session->wire.out) == 0) session->dot_ns = before;
}

// Behind the handshake the server speaks first if TLS is implicit, else we do.
static bool shake_hands(struct session *session) {
  int result = wire_shake_hands(&session->wire);
  if (result < 0) give_up(session, "TLS handshake");
  if (result <= 0) return false;
  handshakes++;
  if (session->stage == EHLO_UNDER_TLS) say(session, "EHLO client.test\r\n");
  return true;
}

static void read_all(struct session *session, bool is_ending) {
  while (session->wire.fd >= 0) {
    if (session->wire.is_handshaking && !shake_hands(session)) return;
    size_t room = INPUT_OCTETS - session->input_count;
    ssize_t count = wire_read(&session->wire, session->input + session->input_count, room);
    if (count < 0) return give_up(session, "the server hung up");
    if (count == 0) return;
    bool is_all = session->wire.ssl == NULL && (size_t)count < room && !is_ending;
    session->input_count += (size_t)count;
    take_lines(session);
    if (is_all && !session->wire.is_handshaking) return;
  }
}

static void serve(struct session *session, uint32_t events) {
  // A connection that does not stand yet only says whether it can.
  int error = 0;
  socklen_t size = sizeof error;
  if (session->stage == BANNER && getsockopt(session->wire.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
    return give_up(session, strerror(error));
  read_all(session, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
  flush(session);
}

// The program

static void make_login(char *account) {
  char plain[512], encoded[1024];
  char *name = strsep(&account, ":");
  if (account == NULL || strlen(name) + strlen(account) > 400) {
    fputs("load: --login is USER:PASSWORD\n", stderr);
    exit(2);
  }
  int count = snprintf(plain, sizeof plain, "%c%s%c%s", 0, name, 0, account);
  EVP_EncodeBlock((unsigned char *)encoded, (unsigned char *)plain, count);
  if (asprintf(&login_line, "AUTH PLAIN %s\r\n", encoded) < 0) die("asprintf");
}

static void read_options(int count, char **arguments) {
  static const struct option options[] = {
      {"port", required_argument, NULL, 'p'},        {"sessions", required_argument, NULL, 's'},
      {"messages", required_argument, NULL, 'm'},    {"seconds", required_argument, NULL, 'S'},
      {"per-session", required_argument, NULL, 'k'}, {"size", required_argument, NULL, 'z'},
      {"recipients", required_argument, NULL, 'r'},  {"tls", required_argument, NULL, 't'},
      {"login", required_argument, NULL, 'l'},       {"pipelining", no_argument, NULL, 'P'},
      {"chunking", no_argument, NULL, 'C'},          {"ids", required_argument, NULL, 'i'},
      {"prefix", required_argument, NULL, 'x'},      {"hold", no_argument, NULL, 'H'},
      {0}};
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    switch (option) {
    case 'p': port = atoi(optarg); break;
    case 's': session_count = atol(optarg); break;
    case 'm': message_limit = atol(optarg); break;
    case 'S': seconds = atof(optarg); break;
    case 'k': per_session = atol(optarg); break;
    case 'z': message_octets = (size_t)atol(optarg); break;
    case 'r': recipient_count = atoi(optarg); break;
    case 't': tls = strcmp(optarg, "implicit") == 0 ? TLS_IMPLICIT : TLS_STARTTLS; break;
    case 'l': make_login(optarg); break;
    case 'C': chunks = true; // fall through
    case 'P': pipelines = true; break;
    case 'i':
      if ((ids = fopen(optarg, "w")) == NULL) die(optarg);
      break;
    case 'x': prefix = optarg; break;
    case 'H': holds = true; break;
    default: exit(2);
    }
  }
  if (port == 0 || session_count < 1 || recipient_count < 1) {
    fputs("load: --port is needed, --sessions and --recipients are at least 1\n", stderr);
    exit(2);
  }
}

static void print_result(void) {
  double taken = (double)((ended_ns > began_ns ? ended_ns : now_ns()) - began_ns) / 1e9;
  for (char *text = first_error; *text != 0; text++)
    if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ') *text = '\'';
  printf("{\"accepted\": %ld, \"refused\": %ld, \"unknown\": %ld, \"errors\": %ld, \"first_error\": \"%s\", "
         "\"connections\": %ld, \"greeted\": %ld, \"handshakes\": %ld, \"ready\": %ld, "
         "\"began\": %.6f, \"seconds\": %.6f, \"rate\": %.3f",
         accepted, refused, unknown, errors, first_error, connections, greeted, handshakes, ready,
         (double)began_ns / 1e9, taken, (double)accepted / taken);
  latencies_print(&answers, "answer_ms");
  latencies_print(&banners, "banner_ms");
  puts("}");
}

static bool has_input_ended(void) {
  char octets[64];
  struct timeval now = {0};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(STDIN_FILENO, &set);
  return select(STDIN_FILENO + 1, &set, NULL, NULL, &now) == 1 && read(STDIN_FILENO, octets, sizeof octets) <= 0;
}

static void wait_for_events(int milliseconds) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(epoll, events, EVENTS, milliseconds);
  if (count < 0 && errno != EINTR) die("epoll_wait");
  for (int i = 0; i < count; i++) serve(events[i].data.ptr, events[i].events);
}

// Opens what is closed as long as there is something to do for it; a few at a time, so that no listener overflows.
static void open_sessions(struct session *sessions) {
  bool has_work = holds ? connections < session_count : may_begin();
  int opened = 0;
  for (long i = 0; has_work && open_now < session_count && i < session_count && opened < OPENED_AT_ONCE; i++) {
    if (sessions[i].wire.fd >= 0) continue;
    open_session(&sessions[i]);
    opened++;
  }
}

// When no message begins any more: those that have begun are answered, and the others do not count.
static bool is_over(struct session *sessions) {
  static uint64_t since_ns;
  if (since_ns == 0) since_ns = now_ns();
  bool is_too_late = now_ns() > since_ns + GRACE_SECONDS * 1000000000ull;
  for (long i = 0; i < session_count; i++) {
    if (sessions[i].wire.fd < 0) continue;
    if (sessions[i].stage < MAIL) close_session(&sessions[i]);
    else if (is_too_late) give_up(&sessions[i], "no answer");
  }
  return open_now == 0;
}

static bool is_held_enough(void) {
  static bool is_said;
  if (!is_said && (ready == session_count || is_time_over())) {
    is_said = true;
    printf("ready %ld\n", ready);
    fflush(stdout);
  }
  return is_said && has_input_ended();
}

static void run(struct session *sessions) {
  while (errors < ERRORS_MAX) {
    open_sessions(sessions);
    if (holds ? is_held_enough() : !may_begin() && is_over(sessions)) return;
    wait_for_events(open_now < session_count ? 1 : 20);
  }
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  raise_file_limit();
  make_body();
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_read_ahead(context, 1);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct session *sessions = calloc((size_t)session_count, sizeof *sessions);
  if (sessions == NULL) die("calloc");
  for (long i = 0; i < session_count; i++) sessions[i].wire.fd = -1;
  began_ns = now_ns();
  deadline_ns = began_ns + (uint64_t)(seconds * 1e9);
  run(sessions);
  if (ids != NULL) fclose(ids);
  print_result();
  return accepted > 0 || holds ? 0 : 1;
}
