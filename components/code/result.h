// The result of a call as JSON, as JSON.stringify has it. What that would leave out or change without a word, such as a
// function or NaN, is named instead, with its place in the result.

#pragma once

#include <stddef.h>

#include "quickjs.h"

enum { MAX_RESULT = 4 * 1024 * 1024 }; // MAX_STDOUT_BYTES of core/arcrun/limits.py, less the envelope

typedef enum {
  RESULT_WRITTEN,
  RESULT_UNFIT,        // JSON cannot hold a part of it
  RESULT_OF_NOTHING,   // its toJSON gives undefined
  RESULT_TOO_LARGE,
  RESULT_WITHOUT_ROOM, // the memory is full
  RESULT_THREW,        // a toJSON or a getter: the exception is the context's
} ResultEnd;

typedef struct {
  ResultEnd end;
  char *bytes;
  size_t length;
  const char *unfit; // what the part is
  char where[400];   // and where: `items[3].price`; empty for the whole
  size_t where_length;
} Result;

Result write_result(JSContext *context, JSValueConst value);

/// Finds what of a text, UTF-8 as the engine has it, stands for itself in a JSON string: `plain` bytes. Returns how many
/// bytes after them are written as `escape`; 0 at the end, or if there is none. Half a surrogate pair, which is no UTF-8,
/// becomes an escape.
size_t escape_json(const char *text, size_t length, char escape[8], size_t *plain);
