#include "outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "result.h"

enum {
  MAX_MESSAGE = 3500,           // MAX_ERROR_MESSAGE_CHARACTERS, less what is added
  MAX_CODE = 64,
  MAX_FRAMES = 10,
  MAX_NAME = 80,
  SPARE = 64 * 1024, // there is so much memory unless it is full
};

// The text of a failure, which must not need the memory that may have run out.
static char envelope[32 * 1024];
static size_t used;

static void append(const char *text, size_t length) {
  if (used + length > sizeof envelope) length = sizeof envelope - used;
  memcpy(envelope + used, text, length);
  used += length;
}

static void say(const char *text) { append(text, strlen(text)); }

static void sayf(const char *format, ...) {
  char text[128];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(text, sizeof text, format, values);
  va_end(values);
  if (length > 0) append(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

/// A part of a JSON string.
static void quote(const char *text, size_t length) {
  while (length > 0) {
    char escape[8];
    size_t plain, read = escape_json(text, length, escape, &plain);
    append(text, plain);
    say(escape);
    text += plain + read;
    length -= plain + read;
  }
}

/// The length of `text` within `limit` bytes, without a part of a character.
static size_t shorten(const char *text, size_t length, size_t limit) {
  if (length <= limit) return length;
  while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80) limit--;
  return limit;
}

static void begin_failure(const char *code, size_t length) {
  used = 0;
  say("{\"success\":false,\"error\":{\"code\":\"");
  append(code, length);
  say("\",\"message\":\"");
}

static void end_failure(bool retriable) {
  say(retriable ? ",\"retriable\":true}}" : ",\"retriable\":false}}");
  write_output(envelope, used);
}

void write_failure(const char *code, const char *message) {
  begin_failure(code, strlen(code));
  quote(message, strlen(message));
  say("\"");
  end_failure(false);
}

/// A property that is a string, or NULL. Getters of the error run, and what they throw is dropped.
static const char *read_text(JSContext *context, JSValueConst object, const char *name, size_t *length) {
  JSValue value = JS_GetPropertyStr(context, object, name);
  const char *text = JS_IsString(value) ? JS_ToCStringLen(context, length, value) : NULL;
  if (JS_HasException(context)) JS_FreeValue(context, JS_GetException(context));
  JS_FreeValue(context, value);
  return text;
}

static bool is_code(const char *code, size_t length) {
  if (code == NULL || length == 0 || length > MAX_CODE || code[0] < 'A' || code[0] > 'Z') return false;
  for (size_t i = 0; i < length; i++) {
    if (!((code[i] >= 'A' && code[i] <= 'Z') || (code[i] >= '0' && code[i] <= '9') || code[i] == '_')) return false;
  }
  return true;
}

typedef struct {
  int line, column; // in the file; 0 if unknown
  const char *name;
  size_t length;
} Frame;

/// The column in characters, of one in bytes of UTF-8, as the engine counts.
static int count_columns(Place place, long line, long column) {
  const char *at = place.source, *end = place.source + place.length;
  for (long i = place.line; i < line && at < end; i++) {
    const char *next = memchr(at, '\n', (size_t)(end - at));
    at = next == NULL ? end : next + 1;
  }
  int count = 1;
  for (; column > 1; column--, at++) {
    if (at >= end || ((unsigned char)*at & 0xc0) != 0x80) count++;
  }
  return count;
}

/// Reads the next frame of the source from a backtrace, whose lines are `    at NAME (code.js:LINE:COLUMN)`, or what the
/// code has put in its place.
static bool read_frame(const char **stack, Place place, Frame *frame) {
  const char *begin = *stack, *found;
  while ((found = strstr(*stack, SOURCE_NAME ":")) != NULL) {
    *stack = found + strlen(SOURCE_NAME ":");
    char *rest;
    long line = strtol(*stack, &rest, 10);
    if (*rest != ':') continue;
    long column = strtol(rest + 1, NULL, 10);
    if (line < place.line) continue;
    if (line > place.last_line) { // what was added behind the source
      line = place.last_line;
      column = place.last_column;
    } else if (line == place.line) {
      column -= place.added;
    }
    *frame = (Frame){(int)line, count_columns(place, line, column) + place.indent, found, 0};
    if (found > begin && found[-1] == '(') {
      const char *end_of_name = found - 1;
      while (end_of_name > begin && end_of_name[-1] == ' ') end_of_name--;
      const char *start = end_of_name;
      while (start > begin && start[-1] != '\n' && (start - begin < 3 || strncmp(start - 3, "at ", 3) != 0)) start--;
      frame->name = start;
      frame->length = (size_t)(end_of_name - start);
    }
    return true;
  }
  return false;
}

/// Whether the place of an error is in what was added behind the source.
static bool is_behind(const char *stack, Place place) {
  const char *found = stack == NULL ? NULL : strstr(stack, SOURCE_NAME ":");
  return found != NULL && strtol(found + strlen(SOURCE_NAME ":"), NULL, 10) > place.last_line;
}

static void say_frames(const char *stack, Place place) {
  say(",\"stack\":[");
  Frame frame;
  for (int count = 0; count < MAX_FRAMES && read_frame(&stack, place, &frame); count++) {
    if (count > 0) say(",");
    say("\"");
    quote(frame.name, shorten(frame.name, frame.length, MAX_NAME));
    sayf("%s%d:%d\"", frame.length > 0 ? " " : "", frame.line, frame.column);
  }
  say("]");
}

/// The code of what the engine throws when a limit is reached; NULL for any other error.
static const char *name_limit(const char *name, const char *message) {
  if (name == NULL || message == NULL) return NULL;
  if (strcmp(name, "InternalError") == 0 && strcmp(message, "out of memory") == 0) return "OUT_OF_MEMORY";
  if (strcmp(name, "InternalError") == 0 && strcmp(message, "string too long") == 0) return "OUT_OF_MEMORY";
  if (strcmp(name, "RangeError") == 0 && strcmp(message, "invalid string length") == 0) return "OUT_OF_MEMORY";
  if (strcmp(name, "RangeError") == 0 && strstr(message, "call stack size exceeded") != NULL) return "STACK_OVERFLOW";
  if (strcmp(name, "SyntaxError") == 0 && strcmp(message, "stack overflow") == 0) return "STACK_OVERFLOW";
  return NULL;
}

/// What `atob` and `btoa` throw.
static bool is_dom_exception(JSContext *context, JSValueConst thrown) {
  if (!JS_IsObject(thrown)) return false;
  JSAtom class_name = JS_GetClassName(JS_GetRuntime(context), JS_GetClassID(thrown));
  const char *name = JS_AtomToCString(context, class_name);
  bool is_one = name != NULL && strcmp(name, "DOMException") == 0;
  JS_FreeCString(context, name);
  JS_FreeAtom(context, class_name);
  return is_one;
}

static bool has_room(JSContext *context) {
  void *block = js_malloc(context, SPARE);
  js_free(context, block);
  return block != NULL;
}

void write_thrown(JSContext *context, JSValueConst thrown, const char *code, const char *before, Place place) {
  if (JS_IsNull(thrown)) { // the code threw null; or the engine did, which had no memory left for an error
    bool is_full = !has_room(context);
    write_failure(is_full ? "OUT_OF_MEMORY" : "CODE_FAILED", is_full ? "The memory is full." : "The code threw null.");
    return;
  }
  size_t code_length = 0, name_length = 0, length = 0, stack_length = 0;
  const char *own = NULL, *name = NULL, *message = NULL, *stack = NULL;
  bool is_error = JS_IsError(thrown) || is_dom_exception(context, thrown), retriable = false;
  if (JS_IsObject(thrown)) {
    own = read_text(context, thrown, "code", &code_length);
    name = read_text(context, thrown, "name", &name_length);
    message = read_text(context, thrown, "message", &length);
    stack = is_error ? read_text(context, thrown, "stack", &stack_length) : NULL;
    JSValue flag = JS_GetPropertyStr(context, thrown, "retriable");
    retriable = JS_IsBool(flag) && JS_VALUE_GET_BOOL(flag);
    if (JS_IsException(flag)) JS_FreeValue(context, JS_GetException(context));
  }
  if (message == NULL) {
    JSValue shown = JS_IsObject(thrown) ? JS_JSONStringify(context, thrown, JS_UNDEFINED, JS_UNDEFINED)
                                        : JS_DupValue(context, thrown);
    message = JS_IsException(shown) ? NULL : JS_ToCStringLen(context, &length, shown);
    if (message == NULL) {
      JS_FreeValue(context, JS_GetException(context));
      length = strlen(message = "something that has no text");
    }
  }
  const char *limit = is_error ? name_limit(name, message) : NULL;
  if (limit != NULL) code = limit;
  else if (code != NULL && strcmp(code, "SYNTAX_ERROR") == 0 && is_behind(stack, place)) {
    length = strlen(message = "unexpected end");
  }
  if (code != NULL) code_length = strlen(code);
  else if (is_code(own, code_length)) code = own;
  else code_length = strlen(code = "CODE_FAILED");

  Frame first = {0};
  const char *rest = stack;
  bool is_placed = stack != NULL && read_frame(&rest, place, &first);
  begin_failure(code, code_length);
  say(before);
  if (is_error && name != NULL) {
    quote(name, shorten(name, name_length, MAX_NAME));
    say(": ");
  } else if (!is_error) {
    say("The code threw ");
  }
  if (length <= MAX_MESSAGE) quote(message, length);
  else sayf("a message of %zu bytes", length); // a part of a secret would not be recognised
  if (is_placed) sayf(" (line %d, column %d%s)", first.line, first.column, place.is_of_file ? "" : " of the source");
  say("\"");
  if (is_error && name != NULL) {
    say(",\"name\":\"");
    quote(name, shorten(name, name_length, MAX_NAME));
    say("\"");
  }
  if (is_placed) {
    sayf(",\"line\":%d,\"column\":%d", first.line, first.column);
    say_frames(stack, place);
  }
  end_failure(retriable);
}

static void write_unfit(const Result *result) {
  begin_failure("RESULT_NOT_JSON", strlen("RESULT_NOT_JSON"));
  say("JSON cannot hold the result: ");
  if (result->where_length > 0) say("`");
  quote(result->where_length > 0 ? result->where : "it", result->where_length > 0 ? result->where_length : 2);
  sayf(result->where_length > 0 ? "` is %s.\"" : " is %s.\"", result->unfit);
  end_failure(false);
}

void write_success(JSContext *context, JSValueConst value, Place place) {
  static const char start[] = "{\"success\":true,\"data\":", end[] = "}";
  Result result = write_result(context, value);
  switch (result.end) {
    case RESULT_WRITTEN:
      write_output(start, sizeof start - 1);
      write_output(result.bytes, result.length);
      write_output(end, sizeof end - 1);
      return;
    case RESULT_UNFIT: write_unfit(&result); return;
    case RESULT_OF_NOTHING:
      write_failure("RESULT_NOT_JSON", "The result is what its toJSON makes of it: nothing.");
      return;
    case RESULT_TOO_LARGE:
      write_failure("RESULT_TOO_LARGE", "The result has more than 4194304 bytes (4 MiB) as JSON.");
      return;
    case RESULT_WITHOUT_ROOM: write_failure("OUT_OF_MEMORY", "The memory is full."); return;
    case RESULT_THREW:
      write_thrown(context, JS_GetException(context), "RESULT_NOT_JSON", "JSON cannot hold the result. ", place);
      return;
  }
}
