#include "result.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "heap.h"

enum {
  FIRST_CAPACITY = 64 * 1024,
  MAX_DEPTH = 127,    // MAX_JSON_DEPTH of core/arcrun/limits.py, less the envelope
  MAX_SHOWN_KEY = 80, // a longer one is not shown: a part of a secret would not be recognised
};

typedef struct {
  JSAtom key; // JS_ATOM_NULL for an element of an array
  uint32_t index;
  void *holder;
} Step;

typedef struct {
  JSContext *context;
  Result *result;
  size_t capacity;
  JSClassID plain; // the class of ordinary objects
  JSAtom to_json;
  Step path[MAX_DEPTH + 1];
  int depth;
} Writer;

typedef enum { WRITTEN, LEFT_OUT, FAILED } Status;

static Status write_value(Writer *writer, JSValue value);

static void show(Result *result, const char *text, size_t length) {
  size_t room = sizeof result->where - 1 - result->where_length;
  if (length > room) length = 0;
  memcpy(result->where + result->where_length, text, length);
  result->where[result->where_length += length] = 0;
}

static bool is_name(const char *text) {
  if (text[0] == 0 || (text[0] >= '0' && text[0] <= '9')) return false;
  for (; *text != 0; text++) {
    char c = *text;
    if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '$')) return false;
  }
  return true;
}

static void show_key(Writer *writer, JSAtom key, bool is_first) {
  size_t length;
  const char *text = JS_AtomToCStringLen(writer->context, &length, key);
  if (text == NULL) return;
  Result *result = writer->result;
  if (is_name(text) && length <= MAX_SHOWN_KEY) {
    if (!is_first) show(result, ".", 1);
    show(result, text, length);
  } else if (length <= MAX_SHOWN_KEY) {
    show(result, "[\"", 2);
    show(result, text, length);
    show(result, "\"]", 2);
  } else {
    show(result, "[...]", 5);
  }
  JS_FreeCString(writer->context, text);
}

/// Notes why the result cannot be written, and where in it: `items[3].price`.
static Status fail(Writer *writer, ResultEnd end) {
  writer->result->end = end;
  for (int i = 0; i < writer->depth && end == RESULT_UNFIT; i++) {
    const Step *step = &writer->path[i];
    char index[16];
    if (step->key != JS_ATOM_NULL) show_key(writer, step->key, i == 0);
    else show(writer->result, index, (size_t)snprintf(index, sizeof index, "[%u]", (unsigned)step->index));
  }
  return FAILED;
}

static bool has_room(Writer *writer, size_t length) {
  Result *result = writer->result;
  if (length > MAX_RESULT - result->length) return fail(writer, RESULT_TOO_LARGE), false;
  if (result->length + length <= writer->capacity) return true;
  size_t capacity = writer->capacity == 0 ? FIRST_CAPACITY : writer->capacity;
  while (capacity < result->length + length) capacity *= 2;
  char *larger = heap_realloc(result->bytes, capacity);
  if (larger == NULL) return fail(writer, RESULT_WITHOUT_ROOM), false;
  result->bytes = larger;
  writer->capacity = capacity;
  return true;
}

static bool put(Writer *writer, const char *bytes, size_t length) {
  if (!has_room(writer, length)) return false;
  memcpy(writer->result->bytes + writer->result->length, bytes, length);
  writer->result->length += length;
  return true;
}

static bool put_text(Writer *writer, const char *text) { return put(writer, text, strlen(text)); }

/// Whether a byte of UTF-8 does not stand for itself in a JSON string. 0xed may begin half a surrogate pair.
static bool is_special(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0xed; }

/// Writes \uXXXX.
static void escape_unit(char escape[8], unsigned unit) {
  static const char digits[] = "0123456789abcdef";
  memcpy(escape, "\\u", 2);
  for (int i = 0; i < 4; i++) escape[2 + i] = digits[unit >> (12 - 4 * i) & 15];
  escape[6] = 0;
}

size_t escape_json(const char *text, size_t length, char escape[8], size_t *plain) {
  static const char letters[] = "btn\0fr"; // of \b to \r
  const unsigned char *bytes = (const unsigned char *)text;
  size_t at = 0;
  while (at < length && !is_special(bytes[at])) at++;
  *plain = at;
  escape[0] = 0;
  if (at == length) return 0;
  unsigned char byte = bytes[at];
  if (byte == 0xed) {
    bool is_half = at + 2 < length && bytes[at + 1] >= 0xa0;
    if (is_half) escape_unit(escape, 0xd000u | (bytes[at + 1] & 0x3fu) << 6 | (bytes[at + 2] & 0x3fu));
    else *plain = at + 1; // an ordinary character
    return is_half ? 3 : 0;
  }
  char letter = byte >= 0x20 ? (char)byte : byte >= '\b' && byte <= '\r' ? letters[byte - '\b'] : 0;
  if (letter == 0) escape_unit(escape, byte);
  else memcpy(escape, (char[]){'\\', letter, 0}, 3);
  return 1;
}

static bool put_string(Writer *writer, const char *text, size_t length) {
  if (!put(writer, "\"", 1)) return false;
  while (length > 0) {
    char escape[8];
    size_t plain, read = escape_json(text, length, escape, &plain);
    if (!put(writer, text, plain) || (read > 0 && !put_text(writer, escape))) return false;
    text += plain + read;
    length -= plain + read;
  }
  return put(writer, "\"", 1);
}

/// Writes a C string of the engine, as a JSON string or as it is, and frees it.
static Status write_text(Writer *writer, const char *text, size_t length, bool is_quoted) {
  if (text == NULL) return fail(writer, RESULT_THREW);
  bool is_put = is_quoted ? put_string(writer, text, length) : put(writer, text, length);
  JS_FreeCString(writer->context, text);
  return is_put ? WRITTEN : FAILED;
}

static Status write_as_text(Writer *writer, JSValueConst value, bool is_quoted) {
  size_t length;
  const char *text = JS_ToCStringLen(writer->context, &length, value);
  return write_text(writer, text, length, is_quoted);
}

static Status refuse(Writer *writer, const char *what) {
  writer->result->unfit = what;
  return fail(writer, RESULT_UNFIT);
}

static Status write_number(Writer *writer, JSValueConst value) {
  if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) {
    char digits[16];
    return put(writer, digits, (size_t)snprintf(digits, sizeof digits, "%d", JS_VALUE_GET_INT(value))) ? WRITTEN : FAILED;
  }
  double number = JS_VALUE_GET_FLOAT64(value);
  if (!isfinite(number)) return refuse(writer, isnan(number) ? "NaN" : "infinite");
  return write_as_text(writer, value, false);
}

/// What an object is that JSON cannot hold, by its class; NULL if it can.
static const char *name_unfit(const char *name) {
  static const struct {
    const char *class_name, *what;
  } unfit[] = {
      {"Map", "a Map (use Object.fromEntries)"},
      {"Set", "a Set (use an array: [...set])"},
      {"Error", "an error"},
      {"DOMException", "an error"},
      {"RegExp", "a regular expression"},
      {"Symbol", "a symbol"},
      {"BigInt", "a BigInt"},
      {"Promise", "a promise (await it)"},
  };
  static const char *const fit[] = {"Array", "Arguments", "Date", "Proxy"};
  for (size_t i = 0; i < sizeof fit / sizeof *fit; i++) {
    if (strcmp(name, fit[i]) == 0) return NULL;
  }
  for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
    if (strcmp(name, unfit[i].class_name) == 0) return unfit[i].what;
  }
  if (strstr(name, "Iterator") != NULL || strstr(name, "Generator") != NULL) {
    return "an iterator (use an array: [...iterator])";
  }
  return strstr(name, "Array") != NULL || strcmp(name, "DataView") == 0 ? "binary data" : "an object without JSON";
}

/// Whether an object that is no ordinary one is written as the value in it: new Number(1); JSON.rawJSON("1"), an Object.
static bool is_wrapper(const char *name) {
  static const char *const wrappers[] = {"Boolean", "Number", "String", "Object"};
  for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
    if (strcmp(name, wrappers[i]) == 0) return true;
  }
  return false;
}

static bool is_array(JSContext *context, JSValueConst value) {
  if (!JS_IsProxy(value)) return JS_IsArray(value);
  JSValue target = JS_GetProxyTarget(context, value);
  bool found = JS_IsObject(target) && is_array(context, target);
  JS_FreeValue(context, target);
  return found;
}

/// What `toJSON` of a value makes of it; the value itself without one. Consumes it.
static JSValue apply_to_json(Writer *writer, JSValue value) {
  JSContext *context = writer->context;
  JSValue function = JS_GetProperty(context, value, writer->to_json);
  if (!JS_IsFunction(context, function)) {
    if (!JS_IsException(function)) return JS_FreeValue(context, function), value;
    JS_FreeValue(context, value);
    return JS_EXCEPTION;
  }
  const Step *step = writer->depth > 0 ? &writer->path[writer->depth - 1] : NULL;
  char digits[16];
  snprintf(digits, sizeof digits, "%u", step == NULL ? 0 : (unsigned)step->index);
  JSValue key = step == NULL                ? JS_NewString(context, "")
                : step->key == JS_ATOM_NULL ? JS_NewString(context, digits)
                                            : JS_AtomToString(context, step->key);
  JSValue made = JS_Call(context, function, value, 1, (JSValueConst *)&key);
  JS_FreeValue(context, key);
  JS_FreeValue(context, function);
  JS_FreeValue(context, value);
  return made;
}

static Status write_array(Writer *writer, JSValueConst value, Step *step) {
  int64_t count;
  if (JS_GetLength(writer->context, value, &count) < 0) return fail(writer, RESULT_THREW);
  step->key = JS_ATOM_NULL;
  for (int64_t i = 0; i < count; i++) {
    step->index = (uint32_t)i;
    if (!put(writer, i == 0 ? "[" : ",", 1)) return FAILED;
    Status status = write_value(writer, JS_GetPropertyInt64(writer->context, value, i));
    if (status == FAILED || (status == LEFT_OUT && !put_text(writer, "null"))) return FAILED;
  }
  return put_text(writer, count == 0 ? "[]" : "]") ? WRITTEN : FAILED;
}

static Status write_property(Writer *writer, JSValueConst value, JSAtom key, Step *step, bool is_first) {
  size_t before = writer->result->length, length;
  step->key = key;
  if (!put(writer, is_first ? "{" : ",", 1)) return FAILED;
  const char *text = JS_AtomToCStringLen(writer->context, &length, key);
  if (write_text(writer, text, length, true) == FAILED || !put(writer, ":", 1)) return FAILED;
  Status status = write_value(writer, JS_GetProperty(writer->context, value, key));
  if (status == LEFT_OUT) writer->result->length = before;
  return status;
}

static Status write_object(Writer *writer, JSValueConst value, Step *step) {
  JSPropertyEnum *properties;
  uint32_t count;
  int flags = JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY;
  if (JS_GetOwnPropertyNames(writer->context, &properties, &count, value, flags) < 0) return fail(writer, RESULT_THREW);
  bool is_empty = true;
  Status status = WRITTEN;
  for (uint32_t i = 0; i < count && status != FAILED; i++) {
    status = write_property(writer, value, properties[i].atom, step, is_empty);
    if (status == WRITTEN) is_empty = false;
  }
  JS_FreePropertyEnum(writer->context, properties, count);
  if (status == FAILED) return FAILED;
  return put_text(writer, is_empty ? "{}" : "}") ? WRITTEN : FAILED;
}

static Status write_wrapped(Writer *writer, JSValueConst value) {
  JSValue text = JS_JSONStringify(writer->context, value, JS_UNDEFINED, JS_UNDEFINED);
  if (JS_IsException(text)) return fail(writer, RESULT_THREW);
  Status status = write_as_text(writer, text, false);
  JS_FreeValue(writer->context, text);
  return status;
}

static Status write_container(Writer *writer, JSValueConst value) {
  void *holder = JS_VALUE_GET_PTR(value);
  for (int i = 0; i < writer->depth; i++) {
    if (writer->path[i].holder == holder) return refuse(writer, "a value that contains itself");
  }
  if (writer->depth == MAX_DEPTH) return refuse(writer, "nested too deep: more than 127 levels");
  Step *step = &writer->path[writer->depth++];
  *step = (Step){.key = JS_ATOM_NULL, .holder = holder};
  Status status = is_array(writer->context, value) ? write_array(writer, value, step) : write_object(writer, value, step);
  writer->depth--;
  return status;
}

static Status write_by_class(Writer *writer, JSValueConst value) {
  JSClassID class_id = JS_GetClassID(value);
  if (class_id == writer->plain) return write_container(writer, value);
  if (JS_IsFunction(writer->context, value)) return refuse(writer, "a function");
  JSAtom class_name = JS_GetClassName(JS_GetRuntime(writer->context), class_id);
  const char *name = JS_AtomToCString(writer->context, class_name);
  JS_FreeAtom(writer->context, class_name);
  if (name == NULL) return fail(writer, RESULT_THREW);
  bool wraps = is_wrapper(name);
  const char *unfit = wraps ? NULL : name_unfit(name);
  JS_FreeCString(writer->context, name);
  if (unfit != NULL) return refuse(writer, unfit);
  return wraps ? write_wrapped(writer, value) : write_container(writer, value);
}

static Status write_plain(Writer *writer, JSValueConst value) {
  switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_INT:
    case JS_TAG_FLOAT64: return write_number(writer, value);
    case JS_TAG_BOOL: return put_text(writer, JS_VALUE_GET_BOOL(value) ? "true" : "false") ? WRITTEN : FAILED;
    case JS_TAG_NULL: return put_text(writer, "null") ? WRITTEN : FAILED;
    case JS_TAG_UNDEFINED: return LEFT_OUT;
    case JS_TAG_BIG_INT:
    case JS_TAG_SHORT_BIG_INT: return refuse(writer, "a BigInt");
    case JS_TAG_SYMBOL: return refuse(writer, "a symbol");
    case JS_TAG_OBJECT: return write_by_class(writer, value);
    default: return write_as_text(writer, value, true);
  }
}

/// Writes a value, and frees it.
static Status write_value(Writer *writer, JSValue value) {
  if (JS_IsObject(value) || JS_IsBigInt(value)) value = apply_to_json(writer, value);
  if (JS_IsException(value)) return fail(writer, RESULT_THREW);
  Status status = write_plain(writer, value);
  JS_FreeValue(writer->context, value);
  return status;
}

Result write_result(JSContext *context, JSValueConst value) {
  Result result = {.end = RESULT_WRITTEN};
  JSValue plain = JS_NewObject(context);
  Writer writer = {
      .context = context, .result = &result, .plain = JS_GetClassID(plain), .to_json = JS_NewAtom(context, "toJSON")};
  bool is_nothing = JS_IsUndefined(value);
  Status status = write_value(&writer, is_nothing ? JS_NULL : JS_DupValue(context, value));
  if (status == LEFT_OUT) fail(&writer, RESULT_OF_NOTHING);
  JS_FreeAtom(context, writer.to_json);
  JS_FreeValue(context, plain);
  return result;
}
