// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
#include "CSupport.h"

#include <pthread.h>
#include <string.h>

// Eight tables: octet k of a word of eight passes through tables[7 - k] ("slicing by 8").
static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
  for (uint32_t octet = 0; octet < 256; octet++) {
    uint32_t crc = octet;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0x82f63b78u ^ (crc >> 1) : crc >> 1;
    tables[0][octet] = crc;
  }
  for (uint32_t octet = 0; octet < 256; octet++)
    for (int k = 1; k < 8; k++) tables[k][octet] = tables[0][tables[k - 1][octet] & 255] ^ (tables[k - 1][octet] >> 8);
}

uint32_t csupport_crc32c_portable(uint32_t crc, const void *octets, size_t count) {
  pthread_once(&tables_once, make_tables);
  const uint8_t *p = octets;
  uint32_t c = ~crc;
  while (count >= 8) {
    c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    c = tables[7][c & 255] ^ tables[6][(c >> 8) & 255] ^ tables[5][(c >> 16) & 255] ^ tables[4][c >> 24] ^
        tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
    p += 8;
    count -= 8;
  }
  while (count--) c = tables[0][(c ^ *p++) & 255] ^ (c >> 8);
  return ~c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

#define HAS_INSTRUCTION __attribute__((target("sse4.2")))
#define TAKE_WORD(crc, word) (uint32_t)_mm_crc32_u64(crc, word)
#define TAKE_OCTET(crc, octet) _mm_crc32_u8(crc, octet)

static bool has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>

#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

#define HAS_INSTRUCTION __attribute__((target("crc")))
#define TAKE_WORD(crc, word) __crc32cd(crc, word)
#define TAKE_OCTET(crc, octet) __crc32cb(crc, octet)

static bool has_hardware(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#endif

#ifdef HAS_INSTRUCTION
// The instruction takes three cycles, and the next one may begin in each. So octets are read as three stretches beside
// each other, and what the first two give is then carried over those that follow: multiplied, as polynomials whose bits
// are in reverse order, by x^(8 n) modulo that of the checksum, for one stretch and for two.
#define STRETCH_OCTETS 2720
#define OVER_ONE 0x4672c7f2u
#define OVER_TWO 0xaca00c83u

static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; bit--) {
    product ^= b & -(a >> bit & 1);
    b = b >> 1 ^ (0x82f63b78u & -(b & 1));
  }
  return product;
}

static uint64_t word_at(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

HAS_INSTRUCTION static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *p, size_t count) {
  uint32_t c = ~crc;
  while (count >= 3 * STRETCH_OCTETS) {
    uint32_t second = 0, third = 0;
    for (size_t index = 0; index < STRETCH_OCTETS; index += 8) {
      c = TAKE_WORD(c, word_at(p + index));
      second = TAKE_WORD(second, word_at(p + STRETCH_OCTETS + index));
      third = TAKE_WORD(third, word_at(p + 2 * STRETCH_OCTETS + index));
    }
    c = multiply(OVER_TWO, c) ^ multiply(OVER_ONE, second) ^ third;
    p += 3 * STRETCH_OCTETS;
    count -= 3 * STRETCH_OCTETS;
  }
  while (count >= 8) {
    c = TAKE_WORD(c, word_at(p));
    p += 8;
    count -= 8;
  }
  while (count--) c = TAKE_OCTET(c, *p++);
  return ~c;
}

#else
static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *p, size_t count) {
  return csupport_crc32c_portable(crc, p, count);
}
static bool has_hardware(void) { return false; }
#endif

uint32_t csupport_crc32c(uint32_t crc, const void *octets, size_t count) {
  return has_hardware() ? crc32c_hardware(crc, octets, count) : csupport_crc32c_portable(crc, octets, count);
}

size_t csupport_find_magic(const void *octets, size_t count, uint32_t magic) {
  const uint8_t *p = octets;
  for (size_t index = 0; index + 4 <= count; index += 8)
    if (memcmp(p + index, &magic, 4) == 0) return index;
  return count;
}

bool csupport_is_zero(const void *octets, size_t count) {
  const uint8_t *p = octets;
  return count == 0 || (p[0] == 0 && memcmp(p, p + 1, count - 1) == 0);
}
