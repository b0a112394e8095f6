#include "outcome.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum {
  MAX_OUTPUT = 4 * 1024 * 1024, // MAX_STDOUT_BYTES of core/arcrun/limits.py
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

/// A part of a JSON string. The engine writes half a surrogate pair as UTF-8, which is none: it becomes an escape.
static void quote(const char *text, size_t length) {
  const unsigned char *bytes = (const unsigned char *)text;
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] == '"' || bytes[i] == '\\') sayf("\\%c", bytes[i]);
    else if (bytes[i] < 0x20) sayf("\\u%04x", bytes[i]);
    else if (bytes[i] == 0xed && i + 2 < length && bytes[i + 1] >= 0xa0) {
      sayf("\\u%04x", 0xd000 | (bytes[i + 1] & 0x3f) << 6 | (bytes[i + 2] & 0x3f));
      i += 2;
    } else append(text + i, 1);
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
    if (column < 1) column = 1;
    *frame = (Frame){(int)line, (int)column + place.indent, found, 0};
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
  if (strcmp(name, "RangeError") == 0 && strstr(message, "call stack size exceeded") != NULL) return "STACK_OVERFLOW";
  if (strcmp(name, "SyntaxError") == 0 && strcmp(message, "stack overflow") == 0) return "STACK_OVERFLOW";
  return NULL;
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
  bool is_error = JS_IsError(thrown), retriable = false;
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
  if (code == NULL) code = is_error ? name_limit(name, message) : NULL;
  else if (strcmp(code, "SYNTAX_ERROR") == 0 && is_behind(stack, place)) length = strlen(message = "unexpected end");
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
  if (is_placed) sayf(" (line %d, column %d)", first.line, first.column);
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

/// What a value is that JSON cannot hold; NULL if it can.
static const char *name_unfit(JSContext *context, JSValueConst value) {
  switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_FLOAT64: {
      double number = JS_VALUE_GET_FLOAT64(value);
      return isfinite(number) ? NULL : isnan(number) ? "NaN" : "infinite";
    }
    case JS_TAG_BIG_INT:
    case JS_TAG_SHORT_BIG_INT: return "a BigInt";
    case JS_TAG_SYMBOL: return "a symbol";
    case JS_TAG_OBJECT: break;
    default: return NULL;
  }
  if (JS_IsFunction(context, value)) return "a function";
  if (JS_IsPromise(value)) return "a promise (await it)";
  if (JS_IsMap(value)) return "a Map (use Object.fromEntries)";
  if (JS_IsSet(value)) return "a Set (use an array: [...set])";
  if (JS_IsError(value)) return "an error";
  if (JS_IsRegExp(value)) return "a regular expression";
  if (JS_IsArrayBuffer(value) || JS_GetTypedArrayType(value) >= 0) return "binary data";
  return NULL;
}

static JSValue check_part(JSContext *context, JSValueConst holder, int count, JSValueConst *given) {
  (void)holder, (void)count;
  const char *unfit = name_unfit(context, given[1]);
  if (unfit == NULL) return JS_DupValue(context, given[1]);
  const char *key = JS_ToCString(context, given[0]);
  if (key == NULL) return JS_EXCEPTION;
  JSValue thrown = *key == 0 ? JS_ThrowTypeError(context, "it is %s", unfit)
                             : JS_ThrowTypeError(context, "`%.100s` is %s", key, unfit);
  JS_FreeCString(context, key);
  return thrown;
}

void write_success(JSContext *context, JSValueConst value) {
  static const char start[] = "{\"success\":true,\"data\":", end[] = "}";
  JSValue checker = JS_NewCFunction(context, check_part, "check", 2);
  JSValue text = JS_IsUndefined(value) ? JS_NewString(context, "null")
                                       : JS_JSONStringify(context, value, checker, JS_UNDEFINED);
  size_t length = 0;
  const char *bytes = JS_IsString(text) ? JS_ToCStringLen(context, &length, text) : NULL;
  if (bytes == NULL) {
    JSValue thrown = JS_IsUndefined(text) ? JS_UNDEFINED : JS_GetException(context);
    if (JS_IsUndefined(thrown)) write_failure("RESULT_NOT_JSON", "The result is what its toJSON makes of it: nothing.");
    else write_thrown(context, thrown, "RESULT_NOT_JSON", "JSON cannot hold the result. ", (Place){0});
    return;
  }
  if (length + sizeof start + sizeof end > MAX_OUTPUT) {
    char message[128];
    snprintf(message, sizeof message, "The result has %zu bytes as JSON; it may have %d (4 MiB).", length, MAX_OUTPUT);
    write_failure("RESULT_TOO_LARGE", message);
    return;
  }
  write_output(start, sizeof start - 1);
  write_output(bytes, length);
  write_output(end, sizeof end - 1);
}
