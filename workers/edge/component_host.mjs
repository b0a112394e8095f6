// Runs one call of a WebAssembly component: a complete WASI preview1 host plus the `arcrun` host functions.
//
// Used by both tiers: the executor calls `run` on modules in its own bundle, and the sandbox (sandbox.mjs) calls it in
// the isolate that the Worker Loader made. JavaScript, because a host in Python costs ten times the component.
// It only passes bytes: permissions to call host functions are checked by `callHost`.
// cli/acr/bench/component_call.py is the same host under wasmtime: it answers and charges alike.
//
// Source of the functions, constants and layouts: WASI snapshot preview1 (witx).

const SUCCESS = 0, BADF = 8, FAULT = 21, INVAL = 28, NOSYS = 52, NOTDIR = 54, NOTSOCK = 57, SPIPE = 70;
const STDIN = 0, STDOUT = 1, STDERR = 2;
const FILETYPE_CHARACTER_DEVICE = 2;
const EVENTTYPE_CLOCK = 0, EVENTTYPE_FD_WRITE = 2, SUBSCRIPTION_SIZE = 48, EVENT_SIZE = 32, ABSTIME = 1;
const LAST_CLOCK = 3;
const REPLY_TOO_LARGE = -2, BAD_REQUEST = -1;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const PROGRAM_NAME = "component\0"; // argv[0]

// The fuel that a host call costs, charged before the work is done: core/arcrun/wasm/host_functions.py explains it.
const CALL_COST = 2_000, VECTOR_COST = 300, SUBSCRIPTION_COST = 750, ASK_COST = 1_000_000;
const COPIED_BYTES_PER_UNIT = 2, PRINTED_BYTE_COST = 2, RANDOM_BYTE_COST = 32;
const REQUEST_BYTE_COST = 50, REPLY_BYTE_COST = 10;
// The fuel of an ended instance: the module's next check traps, and catch_all does not catch a trap.
const DRAINED = -(2n ** 62n);

// Functions that answer with a promise; the instance is suspended meanwhile.
const SUSPENDING = ["http_request", "sleep", "ai_run", "store", "blob", "poll_oneoff"];

const LARGE_CHARACTERS = 64 * 1024; // of output; longer output is not copied again

const MOST_ENDED_BYTES = 32 * 1024 * 1024;
const LONG_NAME = "x".repeat(160 * 1024); // more than a page of V8's heap

// The marks that core/arcrun/wasm/instance_reuse.py adds to a module whose entire state is its memory and its exported globals.
const STATE_MARK = "arcrun.state", STATE_PREFIX = "arcrun_state_";
const EMPTY = new Uint8Array();

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder();

// Thrown for a range outside the component's memory; never leaves this file.
const BAD_POINTER = Symbol("bad pointer");

/** Ends an instance from inside a host function. */
class Ended extends Error {
  constructor(kind, code, message, fuelUsed, memoryBytes) {
    super(message);
    Object.assign(this, { kind, code, fuelUsed, memoryBytes });
  }
}

/**
 * Run `module` once, with `stdin` (a string, or its bytes, whose memory is freed) as its input, in a fresh instance or
 * in one that was reset to a fresh one's state (for which modules: core/arcrun/wasm/instance_reuse.py).
 *
 * options: {maxStdoutBytes, maxStderrBytes, maxRequestBytes, maxReplyBytes, maxVectors, maxSubscriptions,
 * maxIdleInstances, fuel}; maxIdleInstances is the number of instances of a module that are kept for later calls, fuel
 * the budget of a metered module (core/arcrun/wasm/metering.py), by default the module's own. seed: 32 bytes as a hex
 * string, used if the module `draws`; nowMs: the wall clock. callHost(name, requestText, memoryBytes) answers the
 * asynchronous host functions with a promise of [replyText, nowMs]; memoryBytes is the size of the instance's memory.
 *
 * If the call ended with exit code 0, an empty stderr and little output, returns one string, which is cheaper to pass:
 * the fuel used in digits (none without metering), a line feed, stdout. Otherwise returns [kind, exitCode, message,
 * stdout, stderr, memoryBytes, fuel]; kind is "exited", "trapped", "fuel_exhausted", "stdout_limit", "not_utf8" or
 * "not_loaded", and fuel is null without metering. If the module `waits`, returns a promise of that.
 */
export function run(...args) {
  const outcome = runOnce(...args);
  if (outcome instanceof Promise) return outcome.finally(collectWhatHasEnded);
  collectWhatHasEnded();
  return outcome;
}

function runOnce(module, stdin, options, seed, nowMs, callHost) {
  const outline = outlineOf(module);
  const idle = outline.idle.pop();
  const call = idle ?? new Call(outline);
  call.open(stdin, options, seed, nowMs, callHost);
  const fault = idle ? undefined : instantiate(module, outline, call);
  if (fault) return fault;
  call.begin();
  return outline.waits ? call.outcomeAsync() : call.outcome();
}

/** Give the call an instance. Returns the outcome if the module cannot be instantiated. */
function instantiate(module, outline, call) {
  let exports;
  try {
    ({ exports } = new WebAssembly.Instance(module, outline.link(call)));
  } catch (error) {
    return isOfStartFunction(error) ? call.failure(error) : notLoaded(String(error.message ?? error));
  }
  const { memory, _start: start } = exports;
  if (typeof start !== "function" || !(memory instanceof WebAssembly.Memory)) {
    return notLoaded("it does not export `memory` and the function `_start`");
  }
  call.attach(exports);
  return undefined;
}

/** Whether the module imports a function that can suspend it. Other modules run without promises, which is cheaper. */
export function waits(module) {
  return outlineOf(module).waits;
}

/** Whether the module draws randomness. Other modules need no seed. */
export function draws(module) {
  return outlineOf(module).draws;
}

function notLoaded(message) {
  return ["not_loaded", -1, message, "", "", 0, null];
}

/** Whether an error during instantiation was thrown by the module's start function, and not by linking. */
function isOfStartFunction(error) {
  if (error instanceof RangeError) return error.message.includes("call stack"); // other RangeErrors: out of memory
  return !(error instanceof WebAssembly.LinkError || error instanceof TypeError);
}

const outlines = new WeakMap();

/** Facts about a module, computed once; `link(call)` makes the functions that it imports, and no others. */
function outlineOf(module) {
  let outline = outlines.get(module);
  if (outline === undefined) {
    const wanted = WebAssembly.Module.imports(module).filter(({ module: from, name }) => HOST_MODULES[from]?.[name]);
    outline = {
      isReusable: WebAssembly.Module.customSections(module, STATE_MARK).length > 0,
      pristine: undefined, // the initial content of its memory, set when the first instance has been made
      idle: [], // calls whose instances have been reset
      waits: wanted.some(({ name }) => SUSPENDING.includes(name)),
      draws: wanted.some(({ name }) => name === "random_get"),
      link: (call) => {
        const imports = { wasi_snapshot_preview1: {}, arcrun: {} };
        for (const { module: from, name } of wanted) {
          const answerToBadPointers = from === "arcrun" ? BAD_REQUEST : FAULT;
          const implementation = lend(call, HOST_MODULES[from][name](call), answerToBadPointers);
          imports[from][name] = SUSPENDING.includes(name) ? new WebAssembly.Suspending(implementation) : implementation;
        }
        return imports;
      },
    };
    outlines.set(module, outline);
  }
  return outline;
}

/**
 * A host function as an instance imports it. For a pointer outside its memory a component gets `answer` and continues.
 * Any other error ends the call: a component could repeat an error that it can catch without end.
 */
function lend(call, implementation, answer) {
  return (...args) => {
    call.enter();
    try {
      return implementation(...args);
    } catch (error) {
      if (error === BAD_POINTER) return answer;
      if (error instanceof Ended) throw error;
      return call.stop("trapped", -1, String(error.message ?? error));
    }
  };
}

/**
 * An instance, the functions that it imports, and the state of its current call. `open` clears the state of the call
 * before.
 */
class Call {
  #outline;
  #start;
  #globals = []; // [global, initial value] for each global that the module exports as state
  #memory;
  #fuel;
  #budget;
  #callHost;
  #options;
  #seed;
  #nowMs;
  #startMs;
  #stdin;
  #stdinOffset;
  #stdout;
  #stderr;
  #streams; // by descriptor; undefined if closed
  #reply;
  #random;
  #ended;

  constructor(outline) {
    this.#outline = outline;
  }

  open(stdin, options, seed, nowMs, callHost) {
    this.#stdin = typeof stdin === "string" ? encoder.encode(stdin) : stdin;
    this.#stdinOffset = 0;
    this.#stdout = new Capture();
    this.#stderr = new Capture();
    this.#streams = [STDIN, STDOUT, STDERR];
    this.#reply = EMPTY;
    this.#random = this.#ended = undefined;
    this.#options = options;
    this.#seed = seed;
    this.#nowMs = this.#startMs = nowMs;
    this.#callHost = callHost;
  }

  /** Take the exports of the call's new instance. */
  attach(exports) {
    this.#memory = exports.memory;
    this.#fuel = exports.arcrun_fuel; // undefined if the module is not metered
    this.#start = this.#outline.waits ? WebAssembly.promising(exports._start) : exports._start;
    if (!this.#outline.isReusable || !this.#options.maxIdleInstances) return;
    this.#outline.pristine ??= copyPristine(this.#memory);
    for (const [name, exported] of Object.entries(exports)) {
      if (name.startsWith(STATE_PREFIX)) this.#globals.push([exported, exported.value]);
    }
  }

  begin() {
    if (this.#fuel === undefined) return;
    if (this.#options.fuel !== undefined) this.#fuel.value = BigInt(this.#options.fuel);
    this.#budget = this.#fuel.value;
  }

  outcome() {
    try {
      this.#start();
    } catch (error) {
      return this.failure(error);
    }
    return this.#end("exited", 0, "");
  }

  async outcomeAsync() {
    try {
      await this.#start();
    } catch (error) {
      return this.failure(error);
    }
    return this.#end("exited", 0, "");
  }

  failure(error) {
    return this.#end("trapped", -1, String(error.message ?? error));
  }

  /** The outcome: as the host ended the call, or else as the code did. A call that overdrew its fuel has failed. */
  #end(kind, code, message) {
    let { fuelUsed, memoryBytes } = this.#ended ?? this.#measure();
    const isClean = kind === "exited" && this.#ended === undefined && fuelUsed <= this.#budget;
    if (this.#ended) ({ kind, code, message } = this.#ended);
    else if (fuelUsed > this.#budget) [kind, code, message] = ["fuel_exhausted", -1, USED_UP];
    fuelUsed = fuelUsed === null ? null : Number(fuelUsed);
    const stderr = lenientDecoder.decode(this.#stderr.bytes());
    let stdout = "";
    try {
      stdout = strictDecoder.decode(this.#stdout.bytes());
    } catch {
      if (kind === "exited" && code === 0) kind = "not_utf8";
    }
    for (const bytes of [this.#stdin, this.#stdout.bytes()]) release(bytes);
    if (!(isClean && this.#putBack())) endedBytes += memoryBytes;
    const isPlain = kind === "exited" && code === 0 && stderr === "" && stdout.length < LARGE_CHARACTERS;
    if (isPlain) return `${fuelUsed ?? ""}\n${stdout}`;
    return [kind, code, message, stdout, stderr, memoryBytes, fuelUsed];
  }

  /** Reset the instance for another call, which clears all of this call's data. Returns false if it is not kept. */
  #putBack() {
    const { idle, pristine } = this.#outline;
    if (pristine === undefined || idle.length >= this.#options.maxIdleInstances) return false;
    if (this.#memory.buffer.byteLength !== pristine.size) return false;
    const bytes = new Uint8Array(this.#memory.buffer);
    bytes.fill(0);
    bytes.set(pristine.bytes, pristine.offset);
    for (const [global, value] of this.#globals) global.value = value;
    this.#stdin = this.#reply = EMPTY;
    this.#stdout = this.#stderr = this.#random = this.#seed = this.#callHost = undefined;
    idle.push(this);
    return true;
  }

  #measure() {
    const fuelUsed = this.#fuel === undefined ? null : this.#budget - this.#fuel.value;
    return { fuelUsed, memoryBytes: this.#memory?.buffer.byteLength ?? 0 };
  }

  /**
   * End the call from within a host function. A component can catch the exception, but its next fuel check traps, and
   * the outcome is already fixed.
   */
  stop(kind, code, message) {
    if (this.#ended === undefined) {
      const { fuelUsed, memoryBytes } = this.#measure();
      this.#ended = new Ended(kind, code, message, fuelUsed, memoryBytes);
      if (this.#fuel !== undefined) this.#fuel.value = DRAINED;
    }
    throw this.#ended;
  }

  /** Begin a host function: charge for it, or throw if the call has ended. */
  enter() {
    if (this.#ended !== undefined) throw this.#ended;
    this.#pay(CALL_COST);
  }

  /** Charge `units` of fuel before the work is done. If there is too little, the fuel becomes -1 and the call ends. */
  #pay(units) {
    if (this.#fuel === undefined) return;
    const left = this.#fuel.value - BigInt(units);
    if (left >= 0n) {
      this.#fuel.value = left;
      return;
    }
    if (this.#fuel.value >= 0n) this.#fuel.value = -1n;
    this.stop("fuel_exhausted", -1, USED_UP);
  }

  #payForCopy(length) {
    this.#pay(Math.ceil(length / COPIED_BYTES_PER_UNIT));
  }

  // Growing the memory replaces the buffer, so each use makes a new view.
  #view() {
    if (this.#memory === undefined) throw BAD_POINTER; // a start function runs before the memory is exported
    return new DataView(this.#memory.buffer);
  }

  /** The bytes [pointer, pointer + length) of the component's memory. Throws BAD_POINTER outside it. */
  #bytes(pointer, length) {
    const buffer = this.#memory?.buffer;
    if (buffer === undefined || (pointer >>> 0) + (length >>> 0) > buffer.byteLength) throw BAD_POINTER;
    return new Uint8Array(buffer, pointer >>> 0, length >>> 0);
  }

  #require(pointer, length) {
    if ((pointer >>> 0) + length > (this.#memory?.buffer.byteLength ?? -1)) throw BAD_POINTER;
  }

  #setUint32(pointer, value) {
    this.#view().setUint32(pointer >>> 0, value, true);
  }

  /** The parts of the memory that WASI's iovecs name, and their total length; undefined means INVAL. */
  #vectors(pointer, count) {
    if (count >>> 0 > this.#options.maxVectors) return undefined;
    this.#require(pointer, 8 * count);
    this.#pay(count * VECTOR_COST);
    const view = this.#view();
    const parts = [];
    let total = 0;
    for (let at = pointer >>> 0; parts.length < count; at += 8) {
      const part = this.#bytes(view.getUint32(at, true), view.getUint32(at + 4, true));
      parts.push(part);
      total += part.length;
    }
    return total > 0xffffffff ? undefined : { parts, total };
  }

  /** Send a JSON request to the host; its reply waits for read_reply. Returns the reply's length in bytes. */
  ask(name, pointer, length) {
    const bytes = this.#bytes(pointer, length);
    if (bytes.length > this.#options.maxRequestBytes) return this.#keep(REQUEST_TOO_LARGE);
    this.#pay(ASK_COST + bytes.length * REQUEST_BYTE_COST);
    const request = strictDecode(bytes);
    if (request === undefined) return BAD_REQUEST;
    return this.#askHost(name, request, (reply) => this.#keepReply(reply));
  }

  /** Ask the host, and pass its reply to `use`. An exception ends the call, as in `lend`. */
  async #askHost(name, request, use) {
    try {
      const [reply, nowMs] = await this.#callHost(name, request, this.#memory.buffer.byteLength);
      this.#nowMs = nowMs;
      return use(reply);
    } catch (error) {
      if (error instanceof Ended) throw error;
      return this.stop("trapped", -1, String(error.message ?? error));
    }
  }

  #keepReply(text) {
    if (text.length > this.#options.maxReplyBytes) return REPLY_TOO_LARGE; // its UTF-8 is at least as long
    const reply = encoder.encode(text);
    if (reply.length > this.#options.maxReplyBytes) return REPLY_TOO_LARGE;
    this.#pay(reply.length * REPLY_BYTE_COST);
    return this.#keep(reply);
  }

  #keep(reply) {
    this.#reply = reply;
    return reply.length;
  }

  readReply(pointer, capacity) {
    const part = this.#reply.subarray(0, capacity >>> 0);
    const target = this.#bytes(pointer, part.length);
    this.#payForCopy(part.length);
    target.set(part);
    return part.length;
  }

  /** Append a message to the component's log: one line on stderr. */
  log(pointer, length) {
    this.#logBytes(this.#bytes(pointer, length));
    this.#stderr.append(LINE_FEED, this.#options.maxStderrBytes);
    return this.#keep(LOGGED);
  }

  #logBytes(bytes) {
    const kept = bytes.subarray(0, this.#options.maxStderrBytes - this.#stderr.length);
    this.#pay(kept.length * PRINTED_BYTE_COST);
    this.#stderr.append(kept, this.#options.maxStderrBytes);
  }

  /** The stream of a descriptor; undefined if it is not open. */
  stream(fd) {
    return this.#streams[fd];
  }

  close(fd) {
    this.#streams[fd] = undefined;
    return SUCCESS;
  }

  /** Make `to` refer to `from`'s stream, and close `from`. */
  renumber(from, to) {
    const moved = this.stream(from);
    if (moved === undefined || this.stream(to) === undefined) return BADF;
    this.close(from);
    this.#streams[to] = moved;
    return SUCCESS;
  }

  read(fd, vectors, count, out) {
    if (this.stream(fd) !== STDIN) return BADF;
    const wanted = this.#vectors(vectors, count);
    if (wanted === undefined) return INVAL;
    this.#require(out, 4);
    const total = Math.min(wanted.total, this.#stdin.length - this.#stdinOffset);
    this.#payForCopy(total);
    for (const target of wanted.parts) {
      const part = this.#stdin.subarray(this.#stdinOffset, this.#stdinOffset + target.length);
      target.set(part);
      this.#stdinOffset += part.length;
    }
    this.#setUint32(out, total);
    return SUCCESS;
  }

  write(fd, vectors, count, out) {
    const stream = this.stream(fd);
    if (stream !== STDOUT && stream !== STDERR) return BADF;
    const wanted = this.#vectors(vectors, count);
    if (wanted === undefined) return INVAL;
    this.#require(out, 4);
    if (stream === STDERR) wanted.parts.forEach((source) => this.#logBytes(source));
    else this.#print(wanted);
    this.#setUint32(out, wanted.total);
    return SUCCESS;
  }

  #print({ parts, total }) {
    const limit = this.#options.maxStdoutBytes;
    if (total > limit - this.#stdout.length) this.stop("stdout_limit", -1, "");
    this.#pay(total * PRINTED_BYTE_COST);
    for (const source of parts) this.#stdout.append(source, limit);
  }

  writeSizes(outCount, outSize, count, size) {
    this.#require(outCount, 4);
    this.#require(outSize, 4);
    this.#setUint32(outCount, count);
    this.#setUint32(outSize, size);
    return SUCCESS;
  }

  /** Write argv: only the program's name. */
  writeArguments(out, buffer) {
    const name = encoder.encode(PROGRAM_NAME);
    this.#require(out, 4);
    this.#bytes(buffer, name.length).set(name);
    this.#setUint32(out, buffer);
    return SUCCESS;
  }

  /** The wall clock, or the time since the call began. Both advance only with waits, as on the platform. */
  clock(id) {
    const ms = id === 0 ? this.#nowMs : this.#nowMs - this.#startMs + 1; // Go considers a monotonic clock at 0 broken
    return BigInt(Math.round(ms * 1000)) * 1000n;
  }

  writeTime(clock, out, nanoseconds) {
    if (clock >>> 0 > LAST_CLOCK) return INVAL;
    this.#require(out, 8);
    this.#view().setBigUint64(out >>> 0, nanoseconds, true);
    return SUCCESS;
  }

  writeFdstat(out) {
    this.#bytes(out, 24).fill(0);
    this.#view().setUint8(out >>> 0, FILETYPE_CHARACTER_DEVICE);
    this.#view().setBigUint64((out >>> 0) + 8, 0x42n, true); // rights: fd_read, fd_write
    return SUCCESS;
  }

  writeFilestat(out) {
    this.#bytes(out, 64).fill(0);
    this.#view().setUint8((out >>> 0) + 16, FILETYPE_CHARACTER_DEVICE);
    return SUCCESS;
  }

  /** Wait for clock subscriptions through the host's `sleep`; the streams are always ready. */
  poll(subscriptions, events, count, out) {
    if (count === 0 || count >>> 0 > this.#options.maxSubscriptions) return INVAL;
    this.#require(subscriptions, SUBSCRIPTION_SIZE * count);
    this.#require(events, EVENT_SIZE * count);
    this.#require(out, 4);
    this.#pay(count * SUBSCRIPTION_COST);
    const waiting = [];
    for (let i = 0; i < count; i += 1) waiting.push(this.#subscription((subscriptions >>> 0) + i * SUBSCRIPTION_SIZE));
    if (waiting.some(({ type }) => type > EVENTTYPE_FD_WRITE)) return INVAL;
    const shortestMs = Math.min(...waiting.map(({ dueMs }) => dueMs));
    const due = waiting.filter(({ dueMs }) => dueMs <= shortestMs);
    if (shortestMs === 0) return this.#writeEvents(due, events, out);
    this.#pay(ASK_COST);
    return this.#askHost("poll", JSON.stringify({ ms: shortestMs }), () => this.#writeEvents(due, events, out));
  }

  #subscription(at) {
    const view = this.#view();
    const event = { userdata: view.getBigUint64(at, true), type: view.getUint8(at + 8), error: SUCCESS, dueMs: 0 };
    const subject = view.getUint32(at + 16, true); // a clock or a descriptor
    if (event.type !== EVENTTYPE_CLOCK) {
      if (this.stream(subject) === undefined) event.error = BADF;
    } else if (subject > LAST_CLOCK) {
      event.error = INVAL;
    } else {
      const timeout = view.getBigUint64(at + 24, true);
      const isAbsolute = (view.getUint16(at + 40, true) & ABSTIME) !== 0;
      const nanoseconds = isAbsolute ? timeout - this.clock(subject) : timeout;
      event.dueMs = nanoseconds <= 0n ? 0 : Number(nanoseconds) / 1e6;
    }
    return event;
  }

  #writeEvents(due, events, out) {
    due.forEach(({ userdata, error, type }, i) => {
      const at = (events >>> 0) + i * EVENT_SIZE;
      this.#bytes(at, EVENT_SIZE).fill(0);
      const view = this.#view();
      view.setBigUint64(at, userdata, true);
      view.setUint16(at + 8, error, true);
      view.setUint8(at + 10, type);
    });
    this.#setUint32(out, due.length);
    return SUCCESS;
  }

  fillRandom(pointer, length) {
    const target = this.#bytes(pointer, length);
    this.#pay(target.length * RANDOM_BYTE_COST);
    this.#random ??= new KeyStream(this.#seed);
    this.#random.fill(target);
    return SUCCESS;
  }
}

/** The size of a memory and its initial bytes, from the first to the last that is not zero. */
function copyPristine(memory) {
  const words = new Int32Array(memory.buffer); // a quarter of the steps
  let first = 0, end = words.length;
  while (first < end && words[first] === 0) first += 1;
  while (end > first && words[end - 1] === 0) end -= 1;
  const bytes = new Uint8Array(memory.buffer.slice(4 * first, 4 * end));
  return { size: memory.buffer.byteLength, offset: 4 * first, bytes };
}

const USED_UP = "its execution budget is used up";
const LINE_FEED = encoder.encode("\n");
const LOGGED = encoder.encode('{"ok":true}');
const REQUEST_TOO_LARGE = encoder.encode(
  '{"ok":false,"error":{"code":"REQUEST_TOO_LARGE","message":"A request has at most 8 MiB.","retriable":false}}',
);

// Every function that a component may import, made for one call. All of preview1 is here: a module that imports a
// missing function cannot be linked, even if it never calls it.
const SUCCEED = () => () => SUCCESS;
const NO_SUCH_DESCRIPTOR = () => () => BADF;
const onStream = (answer) => (call) => (fd, ...rest) => (call.stream(fd) === undefined ? BADF : answer(call, ...rest));
const NOT_SEEKABLE = onStream(() => SPIPE);
const NOT_A_FILE = onStream(() => INVAL);
const NOT_A_DIRECTORY = onStream(() => NOTDIR); // only the streams are open, so no path can be resolved
const NOT_A_SOCKET = onStream(() => NOTSOCK);
const STREAM_SUCCEED = onStream(() => SUCCESS);
const asking = (name) => (call) => (pointer, length) => call.ask(name, pointer, length);

const HOST_MODULES = {
  wasi_snapshot_preview1: {
    args_get: (call) => (out, buffer) => call.writeArguments(out, buffer),
    args_sizes_get: (call) => (count, size) => call.writeSizes(count, size, 1, PROGRAM_NAME.length),
    clock_res_get: (call) => (clock, out) => call.writeTime(clock, out, NANOSECONDS_PER_MILLISECOND),
    clock_time_get: (call) => (clock, _precision, out) => call.writeTime(clock, out, call.clock(clock)),
    environ_get: SUCCEED,
    environ_sizes_get: (call) => (count, size) => call.writeSizes(count, size, 0, 0),
    fd_advise: NOT_SEEKABLE,
    fd_allocate: NOT_A_FILE,
    fd_close: (call) => (fd) => (call.stream(fd) === undefined ? BADF : call.close(fd)),
    fd_datasync: NOT_A_FILE,
    fd_fdstat_get: onStream((call, out) => call.writeFdstat(out)),
    fd_fdstat_set_flags: STREAM_SUCCEED,
    fd_fdstat_set_rights: STREAM_SUCCEED,
    fd_filestat_get: onStream((call, out) => call.writeFilestat(out)),
    fd_filestat_set_size: NOT_A_FILE,
    fd_filestat_set_times: NOT_A_FILE,
    fd_pread: NOT_SEEKABLE,
    fd_prestat_dir_name: NO_SUCH_DESCRIPTOR,
    fd_prestat_get: NO_SUCH_DESCRIPTOR,
    fd_pwrite: NOT_SEEKABLE,
    fd_read: (call) => (fd, vectors, count, out) => call.read(fd, vectors, count, out),
    fd_readdir: NOT_A_DIRECTORY,
    fd_renumber: (call) => (from, to) => call.renumber(from, to),
    fd_seek: NOT_SEEKABLE,
    fd_sync: NOT_A_FILE,
    fd_tell: NOT_SEEKABLE,
    fd_write: (call) => (fd, vectors, count, out) => call.write(fd, vectors, count, out),
    path_create_directory: NOT_A_DIRECTORY,
    path_filestat_get: NOT_A_DIRECTORY,
    path_filestat_set_times: NOT_A_DIRECTORY,
    path_link: NOT_A_DIRECTORY,
    path_open: NOT_A_DIRECTORY,
    path_readlink: NOT_A_DIRECTORY,
    path_remove_directory: NOT_A_DIRECTORY,
    path_rename: NOT_A_DIRECTORY,
    path_symlink: (call) => (_target, _length, fd) => (call.stream(fd) === undefined ? BADF : NOTDIR),
    path_unlink_file: NOT_A_DIRECTORY,
    poll_oneoff: (call) => (subscriptions, events, count, out) => call.poll(subscriptions, events, count, out),
    proc_exit: (call) => (code) => call.stop("exited", code, ""),
    proc_raise: () => () => NOSYS,
    random_get: (call) => (pointer, length) => call.fillRandom(pointer, length),
    sched_yield: SUCCEED,
    sock_accept: NOT_A_SOCKET,
    sock_recv: NOT_A_SOCKET,
    sock_send: NOT_A_SOCKET,
    sock_shutdown: NOT_A_SOCKET,
  },
  arcrun: {
    ai_run: asking("ai_run"),
    http_request: asking("http_request"),
    log: (call) => (pointer, length) => call.log(pointer, length),
    read_reply: (call) => (pointer, capacity) => call.readReply(pointer, capacity),
    sleep: asking("sleep"),
    store: asking("store"),
    blob: asking("blob"),
  },
};

/** Bytes written to a stream, up to a limit, in one buffer that doubles: a million one-byte writes stay cheap. */
class Capture {
  #buffer = new Uint8Array();
  length = 0;

  /** Append a copy of `bytes`, up to a total of `limit` bytes. */
  append(bytes, limit) {
    const kept = bytes.subarray(0, Math.max(0, limit - this.length));
    const wanted = this.length + kept.length;
    if (wanted > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(wanted, Math.min(2 * this.#buffer.length, limit)));
      larger.set(this.bytes());
      this.#buffer = larger;
    }
    this.#buffer.set(kept, this.length);
    this.length = wanted;
  }

  bytes() {
    return this.#buffer.subarray(0, this.length);
  }
}

/** Free large bytes at once: until the next collection, a few calls could otherwise exhaust the memory. */
function release(bytes) {
  if (bytes.length > LARGE_CHARACTERS) bytes.buffer.transfer(0);
}

let endedBytes = 0; // memory of ended instances since the last requested collection
let askedFor = 0;

/**
 * Make V8 collect ended instances before they take much memory. V8 counts these memories, but compares the sum with its
 * limit only when it allocates in its old space, which component calls hardly ever cause: 64 calls of 56 MiB each held
 * 3.6 GB. A long property name is allocated there at once.
 */
function collectWhatHasEnded() {
  if (endedBytes < MOST_ENDED_BYTES) return;
  endedBytes = 0;
  askedFor += 1;
  Reflect.set({}, `${LONG_NAME}${askedFor}`, true);
}

function strictDecode(bytes) {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The key stream of ChaCha20 (RFC 8439, nonce 0): the same seed yields the same bytes, so a run can be replayed. */
export class KeyStream {
  #initial = new Int32Array(16);
  #state = new Int32Array(16);
  #block = new Uint8Array(64);
  #used = 64; // bytes of the block that have been drawn

  constructor(seedHex) {
    const key = new DataView(Uint8Array.from(seedHex.match(/../g), (pair) => parseInt(pair, 16)).buffer);
    this.#initial.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    for (let i = 0; i < 8; i += 1) this.#initial[4 + i] = key.getInt32(4 * i, true);
  }

  /** Fill `target` with the next bytes. */
  fill(target) {
    for (let offset = 0; offset < target.length; ) {
      if (this.#used === 64) this.#makeBlock();
      const part = this.#block.subarray(this.#used, this.#used + target.length - offset);
      target.set(part, offset);
      offset += part.length;
      this.#used += part.length;
    }
  }

  #makeBlock() {
    const state = this.#state;
    state.set(this.#initial);
    for (let round = 0; round < 10; round += 1) {
      quarter(state, 0, 4, 8, 12); quarter(state, 1, 5, 9, 13);
      quarter(state, 2, 6, 10, 14); quarter(state, 3, 7, 11, 15);
      quarter(state, 0, 5, 10, 15); quarter(state, 1, 6, 11, 12);
      quarter(state, 2, 7, 8, 13); quarter(state, 3, 4, 9, 14);
    }
    const block = new DataView(this.#block.buffer);
    for (let i = 0; i < 16; i += 1) block.setInt32(4 * i, state[i] + this.#initial[i], true);
    this.#initial[12] += 1;
    this.#used = 0;
  }
}

/** A quarter round on local variables, which V8 runs twice as fast as on the array. */
function quarter(state, a, b, c, d) {
  let w = state[a], x = state[b], y = state[c], z = state[d];
  w = (w + x) | 0; z ^= w; z = (z << 16) | (z >>> 16);
  y = (y + z) | 0; x ^= y; x = (x << 12) | (x >>> 20);
  w = (w + x) | 0; z ^= w; z = (z << 8) | (z >>> 24);
  y = (y + z) | 0; x ^= y; x = (x << 7) | (x >>> 25);
  state[a] = w; state[b] = x; state[c] = y; state[d] = z;
}
