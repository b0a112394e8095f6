// What the platform lends: the streams of WASI preview1, its clock and randomness, and the functions of `arcrun`.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  char *bytes; // with a NUL after the last; NULL if the memory was too small
  size_t length;
} Text;

Text read_input(void);
void write_output(const char *bytes, size_t length);
void log_line(const char *bytes, size_t length);

/// Sends one HTTP request as JSON and waits for the reply, whose bytes are NULL if the host gave none.
Text send_request(const char *bytes, size_t length);

/// Whether the last request failed for want of memory for its reply, which the host has.
extern bool reply_was_too_large;

/// Makes the clock show `now_ms` at this moment. It goes on from there.
void set_clock(double now_ms);

/// Random numbers from 0 to 1 that are determined by a seed; without one they are drawn from the host.
void seed_random(const char *seed, size_t length);
double draw_random(void);

/// Fills with the host's own randomness.
void fill_random(uint8_t *bytes, size_t length);
