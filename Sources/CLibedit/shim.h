// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
//
// libedit as Swift can import it: variadic calls and the stdio streams become functions of one line.
// No _GNU_SOURCE here: two Clang modules would then see different glibc structures.
#ifndef CLIBEDIT_SHIM_H
#define CLIBEDIT_SHIM_H
#include <histedit.h>
#include <stdio.h>
#include <wchar.h>

/* As in <wchar.h>, which shows it only under _XOPEN_SOURCE: the columns of a character on a terminal. */
extern int wcwidth(wchar_t character);

typedef char *(*cedit_prompt)(EditLine *);
typedef unsigned char (*cedit_function)(EditLine *, int);

static inline EditLine *cedit_init(const char *program) { return el_init(program, stdin, stdout, stderr); }
static inline int cedit_set_prompt(EditLine *edit, cedit_prompt prompt, char escape) {
  return el_set(edit, EL_PROMPT_ESC, prompt, escape);
}
static inline int cedit_set_editor(EditLine *edit, const char *mode) { return el_set(edit, EL_EDITOR, mode); }
static inline int cedit_handle_signals(EditLine *edit) { return el_set(edit, EL_SIGNAL, 1); }
static inline int cedit_keep_signals_off_keys(EditLine *edit) { return el_set(edit, EL_SETTY, "-d", "-isig", NULL); }
static inline int cedit_take_terminal(EditLine *edit) { return el_set(edit, EL_PREP_TERM, 1); }
static inline int cedit_set_client_data(EditLine *edit, void *data) { return el_set(edit, EL_CLIENTDATA, data); }
static inline void *cedit_client_data(EditLine *edit) {
  void *data = NULL;
  el_get(edit, EL_CLIENTDATA, &data);
  return data;
}
static inline int cedit_add_function(EditLine *edit, const char *name, const char *help, cedit_function function) {
  return el_set(edit, EL_ADDFN, name, help, function);
}
static inline int cedit_bind(EditLine *edit, const char *key, const char *function) {
  return el_set(edit, EL_BIND, key, function, NULL);
}
static inline int cedit_redraw(EditLine *edit) { return el_set(edit, EL_REFRESH); }
static inline int cedit_set_history(EditLine *edit, History *lines) { return el_set(edit, EL_HIST, history, lines); }
static inline int cedit_history_set_size(History *lines, int count) {
  HistEvent event;
  return history(lines, &event, H_SETSIZE, count);
}
static inline int cedit_history_clear(History *lines) {
  HistEvent event;
  return history(lines, &event, H_CLEAR);
}
static inline int cedit_history_enter(History *lines, const char *line) {
  HistEvent event;
  return history(lines, &event, H_ENTER, line);
}
#endif
