// What a call came to, as the envelope of a component on stdout.

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "quickjs.h"

/// The source, and where it is in its file: its first and its last line, the columns that the file has before each of its lines,
/// the last one of its last line, and the columns that the engine saw before its first line.
typedef struct {
  const char *source;
  size_t length;
  bool is_of_file; // or the lines are the source's own
  int line, last_line;
  int indent, last_column;
  int added;
} Place;

/// The name of the source in what the engine says of its frames.
#define SOURCE_NAME "code.js"

/// Writes a success with `value` as its data, or the failure why JSON cannot hold it.
void write_success(JSContext *context, JSValueConst value, Place place);

/// Writes the failure of what was thrown; with a `code` that one, otherwise that of the error. `before` comes before the
/// error's own message.
void write_thrown(JSContext *context, JSValueConst thrown, const char *code, const char *before, Place place);

/// Writes a failure that has no place in the source.
void write_failure(const char *code, const char *message);
