// code: runs JavaScript of a workflow. QuickJS is the engine (scripts/build_code gets its sources).
//
// `prepare` runs when the component is built: it makes the engine, and the memory that it leaves becomes the module's
// initial memory. `_start` is one call.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "host.h"
#include "outcome.h"
#include "quickjs.h"

enum {
  MAX_HEAP = 48 * 1024 * 1024, // of 64 MiB, beside the input's text and a reply's
  MAX_STACK = 192 * 1024,      // the engine of WebAssembly has less for what each frame takes there
  MAX_REJECTIONS = 64,
  MAX_REQUESTS = 250, // refused ones cost the platform time too, in which it serves nobody else
  MAX_RANDOM = 1024 * 1024, // bytes of the host's randomness, which takes longer than its fuel says
};

#define EXPORTED(name) __attribute__((export_name(name)))

static const char PRELUDE[] = {
#embed "prelude.js"
    , 0};

static JSRuntime *runtime;
static JSContext *context;
static JSValue call_main; // of the prelude: (main, input) -> the promise of main's result
static bool has_ended;

// The promises that were rejected, and that nothing has handled yet.
static JSValue rejected[MAX_REJECTIONS], reasons[MAX_REJECTIONS];
static int rejections;

static JSValue native_log(JSContext *ctx, JSValueConst self, int count, JSValueConst *given) {
  (void)self, (void)count;
  size_t length;
  const char *text = JS_ToCStringLen(ctx, &length, given[0]);
  if (text == NULL) return JS_EXCEPTION;
  if (!has_ended) log_line(text, length);
  JS_FreeCString(ctx, text);
  return JS_UNDEFINED;
}

/// The reply that refuses a request.
static JSValue refuse(JSContext *ctx, const char *code, const char *message) {
  char reply[256];
  int length = snprintf(reply, sizeof reply,
                        "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"retriable\":false}}", code, message);
  return JS_ParseJSON(ctx, reply, (size_t)length, "reply");
}

static int requests;

static JSValue native_send(JSContext *ctx, JSValueConst self, int count, JSValueConst *given) {
  (void)self, (void)count;
  if (has_ended) return JS_ThrowTypeError(ctx, "the call has ended");
  if (requests == MAX_REQUESTS) return refuse(ctx, "TOO_MANY_REQUESTS", "A call sends at most 250 requests.");
  requests++;
  size_t length;
  const char *request = JS_ToCStringLen(ctx, &length, given[0]);
  if (request == NULL) return JS_EXCEPTION;
  Text reply = send_request(request, length);
  JS_FreeCString(ctx, request);
  if (reply.bytes == NULL && !reply_was_too_large) return JS_ThrowTypeError(ctx, "the host cannot read the request");
  if (reply.bytes == NULL) return refuse(ctx, "RESPONSE_TOO_LARGE", "The answer does not fit the memory.");
  JSValue value = JS_ParseJSON(ctx, reply.bytes, reply.length, "reply");
  heap_free(reply.bytes);
  return value;
}

static uint32_t drawn;

static JSValue native_fill_random(JSContext *ctx, JSValueConst self, int count, JSValueConst *given) {
  (void)self, (void)count;
  size_t size;
  uint8_t *bytes = JS_GetArrayBuffer(ctx, &size, given[0]);
  uint32_t offset, length;
  if (bytes == NULL || JS_ToUint32(ctx, &offset, given[1]) || JS_ToUint32(ctx, &length, given[2])) return JS_EXCEPTION;
  if (offset > size || length > size - offset) return JS_ThrowRangeError(ctx, "outside of the buffer");
  if (length > MAX_RANDOM - drawn) return JS_ThrowRangeError(ctx, "crypto gives at most %d bytes a call", MAX_RANDOM);
  drawn += length;
  fill_random(bytes + offset, length);
  return JS_UNDEFINED;
}

static JSValue native_random(JSContext *ctx, JSValueConst self, int count, JSValueConst *given) {
  (void)self, (void)count, (void)given;
  return JS_NewFloat64(ctx, draw_random());
}

static void track_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled, void *opaque) {
  (void)opaque;
  if (!is_handled) {
    if (rejections == MAX_REJECTIONS) return;
    rejected[rejections] = JS_DupValue(ctx, promise);
    reasons[rejections++] = JS_DupValue(ctx, reason);
    return;
  }
  for (int i = 0; i < rejections; i++) {
    if (!JS_IsStrictEqual(ctx, rejected[i], promise)) continue;
    memmove(rejected + i, rejected + i + 1, (size_t)(rejections - i - 1) * sizeof *rejected);
    memmove(reasons + i, reasons + i + 1, (size_t)(rejections - i - 1) * sizeof *reasons);
    rejections--;
    return;
  }
}

static JSModuleDef *refuse_import(JSContext *ctx, const char *name, void *opaque) {
  (void)opaque;
  JS_ThrowTypeError(ctx, "there is no module %.100s: code has no imports", name);
  return NULL;
}

static void *engine_calloc(void *opaque, size_t count, size_t size) { return (void)opaque, heap_calloc(count, size); }
static void *engine_malloc(void *opaque, size_t size) { return (void)opaque, heap_malloc(size); }
static void *engine_realloc(void *opaque, void *block, size_t size) { return (void)opaque, heap_realloc(block, size); }
static void engine_free(void *opaque, void *block) { (void)opaque, heap_free(block); }

static void define(JSValueConst object, const char *name, JSCFunction *function, int length) {
  JSValue value = JS_NewCFunction(context, function, name, length);
  JS_DefinePropertyValueStr(context, object, name, value, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
}

EXPORTED("prepare") void prepare(void) {
  static const JSMallocFunctions heap = {engine_calloc, engine_malloc, engine_free, engine_realloc, heap_size};
  runtime = JS_NewRuntime2(&heap, NULL);
  JS_SetMaxStackSize(runtime, MAX_STACK);
  JS_SetModuleLoaderFunc(runtime, NULL, refuse_import, NULL);
  JS_SetHostPromiseRejectionTracker(runtime, track_rejection, NULL);
  context = JS_NewContext(runtime);
  JSValue global = JS_GetGlobalObject(context), math = JS_GetPropertyStr(context, global, "Math");
  define(math, "random", native_random, 0);
  JSAtom performance = JS_NewAtom(context, "performance");
  JS_DeleteProperty(context, global, performance, 0);
  JSValue native = JS_NewObject(context);
  define(native, "log", native_log, 1);
  define(native, "send", native_send, 1);
  define(native, "fillRandom", native_fill_random, 3);
  JSValue prelude = JS_Eval(context, PRELUDE, sizeof PRELUDE - 1, "prelude.js", JS_EVAL_TYPE_GLOBAL);
  call_main = JS_Call(context, prelude, JS_UNDEFINED, 1, (JSValueConst *)&native);
  if (!JS_IsFunction(context, call_main)) abort();
}

typedef struct {
  const char *source; // as text, with a NUL after it
  size_t length;
  bool only_compiles;
  Place place;
} Request;

static int read_number(JSValueConst object, const char *name, int otherwise) {
  JSValue value = JS_GetPropertyStr(context, object, name);
  int32_t number = otherwise;
  if (JS_IsNumber(value)) JS_ToInt32(context, &number, value);
  return number;
}

/// Sets the clock and the random numbers as the call's `run` says, {now_ms, seed}; otherwise they are the host's.
static void set_run(JSValueConst input) {
  JSValue run = JS_GetPropertyStr(context, input, "run"), seed = JS_UNDEFINED;
  size_t length = 0;
  const char *text = NULL;
  if (JS_IsObject(run)) {
    JSValue now = JS_GetPropertyStr(context, run, "now_ms");
    double now_ms;
    if (JS_IsNumber(now) && JS_ToFloat64(context, &now_ms, now) == 0) set_clock(now_ms);
    seed = JS_GetPropertyStr(context, run, "seed");
    if (JS_IsString(seed)) text = JS_ToCStringLen(context, &length, seed);
  }
  seed_random(text, length);
}

static Place find_place(const Request *request, JSValueConst at) {
  Place place = {.line = 1};
  if (JS_IsObject(at)) place = (Place){.line = read_number(at, "line", 1), .indent = read_number(at, "indent", 0)};
  place.is_of_file = JS_IsObject(at);
  place.source = request->source;
  place.length = request->length;
  place.last_line = place.line;
  place.last_column = 1;
  for (size_t i = 0; i < request->length; i++) {
    place.last_column++;
    if (request->source[i] != '\n' || i + 1 == request->length) continue;
    place.last_line++;
    place.last_column = 1;
  }
  return place;
}

static JSValue compile(const char *text, size_t length, int line, int flags) {
  JSEvalOptions options = {
      .version = JS_EVAL_OPTIONS_VERSION,
      .eval_flags = flags | JS_EVAL_FLAG_STRICT | JS_EVAL_FLAG_COMPILE_ONLY,
      .filename = SOURCE_NAME,
      .line_num = line,
  };
  return JS_Eval2(context, text, length, &options);
}

/// The source as the body of an async function of (input, ctx), which begins on a line before it if the file has one.
static JSValue compile_body(Request *request) {
  static const char start[] = "(async function (input, ctx) {\n", end[] = "\n})";
  Place *place = &request->place;
  size_t before = sizeof start - (place->line > 1 ? 1 : 2), length = before + request->length + sizeof end - 1;
  char *text = heap_malloc(length + 1);
  if (text == NULL) return JS_ThrowOutOfMemory(context);
  memcpy(text, start, before);
  memcpy(text + before, request->source, request->length);
  memcpy(text + before + request->length, end, sizeof end);
  place->added = place->line > 1 ? 0 : (int)before;
  JSValue compiled = compile(text, length, place->line > 1 ? place->line - 1 : 1, JS_EVAL_TYPE_GLOBAL);
  heap_free(text);
  return compiled;
}

/// Whether a line begins with `export`: then the source is a module, if it is one at all.
static bool looks_like_module(const Request *request) {
  static const char word[] = "export";
  bool at_start = true;
  for (size_t i = 0; i < request->length; i++) {
    char c = request->source[i];
    if (at_start && strncmp(request->source + i, word, sizeof word - 1) == 0) return true;
    at_start = c == '\n' || c == ';' || c == '}' || (at_start && (c == ' ' || c == '\t' || c == '\r'));
  }
  return false;
}

/// The compiled source, a module or the body of a function; the exception of the form that it has if it is neither.
static JSValue compile_source(Request *request) {
  if (!looks_like_module(request)) return compile_body(request);
  JSValue module = compile(request->source, request->length, request->place.line, JS_EVAL_TYPE_MODULE);
  if (!JS_IsException(module)) return module;
  JSValue thrown = JS_GetException(context), body = compile_body(request);
  if (!JS_IsException(body)) return body;
  JS_FreeValue(context, JS_GetException(context));
  request->place.added = 0;
  return JS_Throw(context, thrown);
}

static void write_exception(const Request *request, const char *code, const char *before) {
  write_thrown(context, JS_GetException(context), code, before, request->place);
}

/// Runs the next job, of a promise or of queueMicrotask, which is the only one that can throw. Returns whether there was
/// one that has ended well. Otherwise `has_failed` says whether it threw, and the failure is written.
static bool run_job(const Request *request, bool *has_failed) {
  JSContext *where;
  int count = JS_ExecutePendingJob(runtime, &where);
  *has_failed = count < 0;
  if (*has_failed) write_exception(request, NULL, "");
  return count > 0;
}

static void write_pending(void) {
  write_failure("NEVER_SETTLES", "The code awaits a promise that nothing settles any more.");
}

/// The result of a promise that the code goes on with. Writes the failure, and returns an exception, if it has none.
static JSValue await(const Request *request, JSValue promise) {
  if (JS_IsException(promise)) {
    write_exception(request, NULL, "");
    return JS_EXCEPTION;
  }
  JS_PromiseMarkAsHandled(context, promise);
  while (JS_PromiseState(context, promise) == JS_PROMISE_PENDING) {
    bool has_failed;
    if (run_job(request, &has_failed)) continue;
    if (!has_failed) write_pending();
    return JS_EXCEPTION;
  }
  JSValue result = JS_PromiseResult(context, promise);
  if (JS_PromiseState(context, promise) == JS_PROMISE_FULFILLED) return result;
  write_thrown(context, result, NULL, "", request->place);
  return JS_EXCEPTION;
}

/// The function that the compiled source gives. Writes the failure, and returns an exception, if it gives none.
static JSValue find_main(const Request *request, JSValue compiled) {
  if (JS_VALUE_GET_TAG(compiled) != JS_TAG_MODULE) {
    JSValue main = JS_EvalFunction(context, compiled);
    if (JS_IsException(main)) write_exception(request, NULL, "");
    return main;
  }
  JSModuleDef *module = JS_VALUE_GET_PTR(compiled);
  if (JS_IsException(await(request, JS_EvalFunction(context, compiled)))) return JS_EXCEPTION;
  JSValue main = JS_GetPropertyStr(context, JS_GetModuleNamespace(context, module), "default");
  if (JS_IsFunction(context, main)) return main;
  write_failure("NO_FUNCTION", "The module has no function as its default export: export default (input, ctx) => ...");
  return JS_EXCEPTION;
}

static void answer(Request *request, JSValueConst input) {
  JSValue compiled = compile_source(request);
  bool is_module = JS_VALUE_GET_TAG(compiled) == JS_TAG_MODULE;
  if (JS_IsException(compiled) || (is_module && JS_ResolveModule(context, compiled) < 0)) {
    write_exception(request, "SYNTAX_ERROR", "");
    return;
  }
  if (request->only_compiles) {
    write_success(context, JS_TRUE, request->place);
    return;
  }
  JSValue main = find_main(request, compiled);
  if (JS_IsException(main)) return;
  JSValueConst arguments[] = {main, JS_GetPropertyStr(context, input, "input")};
  JSValue result = await(request, JS_Call(context, call_main, JS_UNDEFINED, 2, arguments));
  if (JS_IsException(result)) return;
  bool has_failed;
  while (run_job(request, &has_failed)) {} // what was started and not awaited
  has_ended = true;
  if (has_failed) return;
  if (rejections > 0) {
    write_thrown(context, reasons[0], "UNHANDLED_REJECTION", "A promise was rejected, and nothing awaits it. ",
                 request->place);
    return;
  }
  write_success(context, result, request->place);
}

EXPORTED("_start") void start(void) {
  JS_UpdateStackTop(runtime);
  Text text = read_input();
  if (text.bytes == NULL) {
    write_failure("OUT_OF_MEMORY", "The input does not fit the memory.");
    return;
  }
  JS_SetMemoryLimit(runtime, MAX_HEAP);
  JSValue input = JS_ParseJSON(context, text.bytes, text.length, "input");
  heap_free(text.bytes);
  Request request = {.place = {.line = 1, .last_line = 1}};
  if (JS_IsException(input)) {
    write_thrown(context, JS_GetException(context), NULL, "The input cannot be read. ", request.place);
    return;
  }
  JSValue source = JS_GetPropertyStr(context, input, "source");
  request.source = JS_IsString(source) ? JS_ToCStringLen(context, &request.length, source) : NULL;
  if (request.source == NULL) {
    write_failure("INVALID_INPUT", "`source` must be a string.");
    return;
  }
  JSValue at = JS_GetPropertyStr(context, input, "at");
  request.place = find_place(&request, at);
  JSValue check = JS_GetPropertyStr(context, input, "check");
  request.only_compiles = JS_IsBool(check) && JS_VALUE_GET_BOOL(check);
  set_run(input);
  answer(&request, input);
}
