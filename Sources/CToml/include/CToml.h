// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

// Walks a TOML document with toml++ and hands over every key and value with its place.

#ifndef CTOML_H
#define CTOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CTOML_TABLE,
  CTOML_ARRAY,
  CTOML_STRING,
  CTOML_INTEGER,
  CTOML_FLOAT,
  CTOML_BOOLEAN,
  CTOML_DATE_TIME,
} ctoml_kind;

// Lines and columns count from 1, columns in code points; the end is the place behind the last character.
typedef struct {
  uint32_t line, column, end_line, end_column;
} ctoml_region;

// Not terminated; may hold NUL. Lives as long as the call that hands it over.
typedef struct {
  const char *octets;
  size_t count;
} ctoml_text;

// One node, parents before children, so that `children` is enough to know each node's path.
typedef struct {
  ctoml_kind kind;
  size_t children;          // of a table or an array: the nodes that follow directly below it
  bool has_key;             // false: the root, or an element of an array
  ctoml_text key;
  ctoml_region key_region;
  ctoml_region region;      // of a table with a header: from that header's bracket
  ctoml_text string;        // CTOML_STRING
  int64_t integer;          // CTOML_INTEGER
  bool boolean;             // CTOML_BOOLEAN
} ctoml_node;

typedef struct {
  ctoml_text description;
  ctoml_region region;
} ctoml_failure;

typedef void (*ctoml_visit)(void *context, const ctoml_node *node);
typedef void (*ctoml_fail)(void *context, const ctoml_failure *failure);

// Calls `visit` once per node, the root first; or, where the document is not TOML, `fail` once and `visit` never.
// Tables come in the order of their keys, not of the document.
void ctoml_walk(const char *octets, size_t count, void *context, ctoml_visit visit, ctoml_fail fail);

#ifdef __cplusplus
}
#endif

#endif
