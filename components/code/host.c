#include "host.h"

#include <string.h>
#include <sys/time.h>
#include <wasi/api.h>

#include "heap.h"

#define IMPORTED(name) __attribute__((import_module("arcrun"), import_name(#name)))

IMPORTED(http_request) int32_t arcrun_http_request(const char *request, size_t length);
IMPORTED(log) int32_t arcrun_log(const char *message, size_t length);
IMPORTED(read_reply) int32_t arcrun_read_reply(char *target, size_t capacity);

enum { STDIN = 0, STDOUT = 1, CHUNK = 64 * 1024 };

bool reply_was_too_large;

Text read_input(void) {
  Text text = {heap_malloc(CHUNK + 1), 0};
  size_t capacity = CHUNK;
  while (text.bytes != NULL) {
    if (text.length == capacity) {
      capacity += capacity / 4; // mostly in its place
      char *larger = heap_realloc(text.bytes, capacity + 1);
      if (larger == NULL) heap_free(text.bytes);
      text.bytes = larger;
      continue;
    }
    __wasi_iovec_t vector = {(uint8_t *)text.bytes + text.length, capacity - text.length};
    size_t count = 0;
    if (__wasi_fd_read(STDIN, &vector, 1, &count) != 0 || count == 0) {
      text.bytes[text.length] = 0;
      return text;
    }
    text.length += count;
  }
  return text;
}

void write_output(const char *bytes, size_t length) {
  while (length > 0) {
    __wasi_ciovec_t vector = {(const uint8_t *)bytes, length};
    size_t count = 0;
    if (__wasi_fd_write(STDOUT, &vector, 1, &count) != 0) return;
    bytes += count;
    length -= count;
  }
}

void log_line(const char *bytes, size_t length) { arcrun_log(bytes, length); }

Text send_request(const char *bytes, size_t length) {
  Text reply = {NULL, 0};
  int32_t size = arcrun_http_request(bytes, length);
  reply_was_too_large = size == -2;
  if (size < 0) return reply;
  reply.bytes = heap_malloc((size_t)size + 1);
  if (reply.bytes == NULL) {
    reply_was_too_large = true;
    return reply;
  }
  reply.length = (size_t)arcrun_read_reply(reply.bytes, (size_t)size);
  reply.bytes[reply.length] = 0;
  return reply;
}

static double clock_offset_ms;

static double host_now_ms(void) {
  __wasi_timestamp_t now = 0;
  if (__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 0, &now) != 0) return 0;
  return (double)now / 1e6;
}

void set_clock(double now_ms) { clock_offset_ms = now_ms - host_now_ms(); }

/// The engine's clock: it is compiled with `gettimeofday` renamed to this.
int code_gettimeofday(struct timeval *time, void *zone) {
  (void)zone;
  int64_t now_us = (int64_t)((host_now_ms() + clock_offset_ms) * 1000);
  time->tv_sec = now_us / 1000000;
  time->tv_usec = (suseconds_t)(now_us % 1000000);
  return 0;
}

// xoshiro256** by Blackman and Vigna (https://prng.di.unimi.it), its state filled by splitmix64.
static uint64_t state[4];

static uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

void seed_random(const char *seed, size_t length) {
  if (seed == NULL) {
    fill_random((uint8_t *)state, sizeof state);
    return;
  }
  uint64_t sum = length + 1;
  for (size_t i = 0; i < length; i++) sum = mix(sum ^ (uint8_t)seed[i]) + 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 4; i++) state[i] = mix(sum += 0x9e3779b97f4a7c15u);
}

static uint64_t rotate(uint64_t value, int count) { return (value << count) | (value >> (64 - count)); }

double draw_random(void) {
  uint64_t drawn = rotate(state[1] * 5, 7) * 9, shifted = state[1] << 17;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotate(state[3], 45);
  return (double)(drawn >> 11) * 0x1p-53;
}

void fill_random(uint8_t *bytes, size_t length) { (void)__wasi_random_get(bytes, length); }
