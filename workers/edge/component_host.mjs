// Runs one call of a WebAssembly component: a complete WASI preview1 host plus the `arcrun` host functions.
//
// Used by both tiers: the executor calls `run` on modules in its own bundle, and the sandbox (sandbox.mjs) calls it in
// the isolate that the Worker Loader made. JavaScript, because a host written in Python costs ten times the component.
// It carries bytes and decides nothing: who may call which host function is settled before it gets here.
//
// Source of the functions, constants and layouts: WASI snapshot preview1 (witx).

const SUCCESS = 0, BADF = 8, FAULT = 21, INVAL = 28, NOSYS = 52, NOTSOCK = 57, SPIPE = 70, NOTCAPABLE = 76;
const STDIN = 0, STDOUT = 1, STDERR = 2;
const FILETYPE_CHARACTER_DEVICE = 2;
const EVENTTYPE_CLOCK = 0, SUBSCRIPTION_SIZE = 48, EVENT_SIZE = 32, ABSTIME = 1;
const REPLY_TOO_LARGE = -2, BAD_REQUEST = -1;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

// Functions that answer with a promise; the instance is suspended meanwhile.
const SUSPENDING = ["http_request", "sleep", "ai_run", "kv_get", "poll_oneoff"];

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder();

/** Ends an instance from inside a host function. */
class Ended extends Error {
  constructor(kind, code, message = "") {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

/**
 * Run `module` once, in a fresh instance, with `stdin` (text) as its input.
 *
 * options: {maxStdoutBytes, maxStderrBytes, maxReplyBytes, fuel}; seed: hex text of 32 bytes; nowMs: the wall clock
 * fuel is the budget of a metered module (core/arcrun/wasm/metering.py); without it, the module's own default holds
 * callHost(name, requestText, memoryBytes): a promise of [replyText, nowMs]; how the asynchronous host functions are
 * answered; memoryBytes is the size of the memory that waits meanwhile.
 *
 * Where the call ended with exit code 0 and an empty stderr, returns one text, which is cheaper to hand over: the fuel
 * used, in digits (none without metering), a line feed, stdout. Else returns [kind, exitCode, message, stdout, stderr,
 * memoryBytes, fuel], kind being "exited", "trapped", "fuel_exhausted", "stdout_limit", "not_utf8" or "not_loaded", fuel
 * null without metering. Where the module `waits`, returns a promise of that.
 */
export function run(module, stdin, options, seed, nowMs, callHost) {
  const call = new Call(stdin, options, seed, nowMs, callHost);
  const wanted = outlineOf(module);
  let start;
  try {
    const instance = new WebAssembly.Instance(module, wanted.link(call));
    call.memory = instance.exports.memory;
    call.fill(instance.exports.arcrun_fuel);
    start = instance.exports._start;
    if (typeof start !== "function" || !(call.memory instanceof WebAssembly.Memory)) {
      throw new Error("it does not export `memory` and the function `_start`");
    }
  } catch (error) {
    return ["not_loaded", -1, String(error.message ?? error), "", "", 0, null];
  }
  return wanted.waits ? call.outcomeAsync(WebAssembly.promising(start)) : call.outcome(start);
}

/** Whether the module imports a function that can suspend it. The others run without promises, which is cheaper. */
export function waits(module) {
  return outlineOf(module).waits;
}

const outlines = new WeakMap();

/** What a module imports, worked out once: `link(call)` makes just those functions. */
function outlineOf(module) {
  let outline = outlines.get(module);
  if (outline === undefined) {
    const wanted = WebAssembly.Module.imports(module).filter(({ module: from, name }) => HOST_MODULES[from]?.[name]);
    outline = {
      waits: wanted.some(({ name }) => SUSPENDING.includes(name)),
      link: (call) => {
        const imports = { wasi_snapshot_preview1: {}, arcrun: {} };
        for (const { module: from, name } of wanted) {
          const answerToBadPointers = from === "arcrun" ? BAD_REQUEST : FAULT;
          const implementation = refusingBadPointers(HOST_MODULES[from][name](call), answerToBadPointers);
          imports[from][name] = SUSPENDING.includes(name) ? new WebAssembly.Suspending(implementation) : implementation;
        }
        return imports;
      },
    };
    outlines.set(module, outline);
  }
  return outline;
}

/** The state of one call, and the functions that its instance imports. */
class Call {
  memory;
  #fuel;
  #budget;
  #callHost;
  #options;
  #seed;
  #nowMs;
  #startMs;
  #stdin;
  #stdinOffset = 0;
  #stdout = new Capture();
  #stderr = new Capture();
  #reply = new Uint8Array();
  #random;
  #ended;

  constructor(stdin, options, seed, nowMs, callHost) {
    this.#stdin = encoder.encode(stdin);
    this.#options = options;
    this.#seed = seed;
    this.#nowMs = this.#startMs = nowMs;
    this.#callHost = callHost;
  }

  /** Give the instance its budget; `fuel` is the metered module's global, undefined for any other. */
  fill(fuel) {
    if (fuel === undefined) return;
    if (this.#options.fuel) fuel.value = BigInt(this.#options.fuel);
    this.#fuel = fuel;
    this.#budget = fuel.value;
  }

  outcome(start) {
    try {
      start();
    } catch (error) {
      return this.#failure(error);
    }
    return this.#end("exited", 0, "");
  }

  async outcomeAsync(start) {
    try {
      await start();
    } catch (error) {
      return this.#failure(error);
    }
    return this.#end("exited", 0, "");
  }

  #failure(error) {
    if (error instanceof Ended) return this.#end(error.kind, error.code, error.message);
    // Nothing but metering takes the fuel below zero, and it traps in the same breath.
    if (this.#fuel?.value < 0n) return this.#end("fuel_exhausted", -1, "its execution budget is used up");
    return this.#end("trapped", -1, String(error.message ?? error));
  }

  #end(kind, code, message) {
    // A component that catches what a host function throws does not change how its call has ended.
    if (this.#ended) ({ kind, code, message } = this.#ended);
    const stderr = lenientDecoder.decode(this.#stderr.bytes());
    const memoryBytes = this.memory.buffer.byteLength;
    let stdout = "";
    try {
      stdout = strictDecoder.decode(this.#stdout.bytes());
    } catch {
      if (kind === "exited" && code === 0) kind = "not_utf8";
    }
    const used = this.#fuel && Number(this.#budget - this.#fuel.value);
    if (kind === "exited" && code === 0 && stderr === "") return `${used ?? ""}\n${stdout}`;
    return [kind, code, message, stdout, stderr, memoryBytes, used ?? null];
  }

  stop(kind, code, message) {
    this.#ended ??= new Ended(kind, code, message);
    throw this.#ended;
  }

  // The buffer is another one after every growth of the memory, so views are made at each use.
  #view() {
    return new DataView(this.memory.buffer);
  }

  /** The bytes [pointer, pointer + length) of the component's memory. Throws RangeError outside it. */
  #bytes(pointer, length) {
    return new Uint8Array(this.memory.buffer, pointer >>> 0, length >>> 0);
  }

  *#vectors(pointer, count) {
    for (let i = 0; i < count; i += 1) {
      const view = this.#view();
      const at = (pointer >>> 0) + 8 * i;
      yield this.#bytes(view.getUint32(at, true), view.getUint32(at + 4, true));
    }
  }

  /** Send a JSON request to the host; its reply waits for read_reply. Returns the reply's length in bytes. */
  ask(name, pointer, length) {
    const request = strictDecode(this.#bytes(pointer, length));
    if (request === undefined) return BAD_REQUEST;
    return this.#callHost(name, request, this.memory.buffer.byteLength).then(([reply, nowMs]) => {
      this.#nowMs = nowMs;
      return this.#keepReply(reply);
    });
  }

  #keepReply(text) {
    const reply = encoder.encode(text);
    if (reply.length > this.#options.maxReplyBytes) return REPLY_TOO_LARGE;
    this.#reply = reply;
    return reply.length;
  }

  readReply(pointer, capacity) {
    const part = this.#reply.subarray(0, capacity >>> 0);
    this.#bytes(pointer, part.length).set(part);
    return part.length;
  }

  /** The component's log: one line on stderr for each message. */
  log(pointer, length) {
    const message = this.#bytes(pointer, length).slice();
    this.#stderr.append(message, this.#options.maxStderrBytes);
    this.#stderr.append(encoder.encode("\n"), this.#options.maxStderrBytes);
    return this.#keepReply('{"ok":true}');
  }

  read(fd, vectors, count, out) {
    if (fd !== STDIN) return BADF;
    let total = 0;
    for (const target of this.#vectors(vectors, count)) {
      const part = this.#stdin.subarray(this.#stdinOffset, this.#stdinOffset + target.length);
      target.set(part);
      this.#stdinOffset += part.length;
      total += part.length;
    }
    this.#view().setUint32(out, total, true);
    return SUCCESS;
  }

  write(fd, vectors, count, out) {
    if (fd !== STDOUT && fd !== STDERR) return BADF;
    let total = 0;
    for (const source of this.#vectors(vectors, count)) {
      total += source.length;
      if (fd === STDERR) this.#stderr.append(source, this.#options.maxStderrBytes);
      else if (!this.#stdout.append(source, this.#options.maxStdoutBytes)) this.stop("stdout_limit", -1);
    }
    this.#view().setUint32(out, total, true);
    return SUCCESS;
  }

  writeSizes(count, size) {
    this.#view().setUint32(count, 0, true);
    this.#view().setUint32(size, 0, true);
    return SUCCESS;
  }

  /** The wall clock, or the time since the call began. Both stand still but for waits, as on the platform. */
  clock(id) {
    const ms = id === 0 ? this.#nowMs : this.#nowMs - this.#startMs + 1; // Go takes a monotonic 0 for a broken clock
    return BigInt(Math.round(ms * 1000)) * 1000n;
  }

  writeTime(clock, out, nanoseconds) {
    if (clock < 0 || clock > 3) return INVAL;
    this.#view().setBigUint64(out, nanoseconds, true);
    return SUCCESS;
  }

  writeFdstat(out) {
    this.#bytes(out, 24).fill(0);
    this.#view().setUint8(out, FILETYPE_CHARACTER_DEVICE);
    this.#view().setBigUint64(out + 8, 0x42n, true); // rights: fd_read, fd_write
    return SUCCESS;
  }

  writeFilestat(out) {
    this.#bytes(out, 64).fill(0);
    this.#view().setUint8(out + 16, FILETYPE_CHARACTER_DEVICE);
    return SUCCESS;
  }

  /** Waits for clock subscriptions through the host's `sleep`; the streams are always ready. */
  poll(subscriptions, events, count, out) {
    if (count === 0) return INVAL;
    let shortestMs = Infinity;
    const ready = [];
    for (let i = 0; i < count; i += 1) {
      const at = (subscriptions >>> 0) + i * SUBSCRIPTION_SIZE;
      const view = this.#view();
      const event = { userdata: view.getBigUint64(at, true), type: view.getUint8(at + 8), dueMs: 0 };
      if (event.type === EVENTTYPE_CLOCK) {
        const clock = view.getUint32(at + 16, true);
        const timeout = view.getBigUint64(at + 24, true);
        const isAbsolute = (view.getUint16(at + 40, true) & ABSTIME) !== 0;
        const nanoseconds = isAbsolute ? timeout - this.clock(clock) : timeout;
        event.dueMs = nanoseconds <= 0n ? 0 : Number(nanoseconds) / 1e6;
      }
      shortestMs = Math.min(shortestMs, event.dueMs);
      ready.push(event);
    }
    const finish = () => {
      const due = ready.filter(({ dueMs }) => dueMs <= shortestMs);
      due.forEach(({ userdata, type }, i) => {
        const at = (events >>> 0) + i * EVENT_SIZE;
        this.#bytes(at, EVENT_SIZE).fill(0);
        this.#view().setBigUint64(at, userdata, true);
        this.#view().setUint8(at + 10, type);
      });
      this.#view().setUint32(out, due.length, true);
      return SUCCESS;
    };
    if (shortestMs === 0) return finish();
    const request = JSON.stringify({ ms: shortestMs });
    return this.#callHost("poll", request, this.memory.buffer.byteLength).then(([_reply, nowMs]) => {
      this.#nowMs = nowMs;
      return finish();
    });
  }

  fillRandom(pointer, length) {
    this.#random ??= chacha20(this.#seed);
    const target = this.#bytes(pointer, length);
    for (let i = 0; i < target.length; i += 1) target[i] = this.#random.next().value;
    return SUCCESS;
  }
}

// Every function that a component may import, made for one call. All of preview1 is here: a module that imports a
// function that is missing cannot be linked, whether it calls it or not.
const SUCCEED = () => () => SUCCESS;
const NO_SUCH_DESCRIPTOR = () => () => BADF;
const NO_FILES = () => () => NOTCAPABLE; // there are no preopened directories, so no path can be resolved
const NO_SOCKETS = () => (fd) => (fd <= STDERR ? NOTSOCK : BADF);
const onStream = (answer) => (call) => (fd, ...rest) => (fd < STDIN || fd > STDERR ? BADF : answer(call, ...rest));
const NOT_SEEKABLE = onStream(() => SPIPE);
const NOT_A_FILE = onStream(() => INVAL);
const STREAM_SUCCEED = onStream(() => SUCCESS);
const asking = (name) => (call) => (pointer, length) => call.ask(name, pointer, length);

const HOST_MODULES = {
  wasi_snapshot_preview1: {
    args_get: SUCCEED,
    args_sizes_get: (call) => (count, size) => call.writeSizes(count, size),
    clock_res_get: (call) => (clock, out) => call.writeTime(clock, out, NANOSECONDS_PER_MILLISECOND),
    clock_time_get: (call) => (clock, _precision, out) => call.writeTime(clock, out, call.clock(clock)),
    environ_get: SUCCEED,
    environ_sizes_get: (call) => (count, size) => call.writeSizes(count, size),
    fd_advise: NOT_SEEKABLE,
    fd_allocate: NOT_A_FILE,
    fd_close: STREAM_SUCCEED,
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
    fd_readdir: NO_SUCH_DESCRIPTOR,
    fd_renumber: NO_SUCH_DESCRIPTOR,
    fd_seek: NOT_SEEKABLE,
    fd_sync: NOT_A_FILE,
    fd_tell: NOT_SEEKABLE,
    fd_write: (call) => (fd, vectors, count, out) => call.write(fd, vectors, count, out),
    path_create_directory: NO_FILES,
    path_filestat_get: NO_FILES,
    path_filestat_set_times: NO_FILES,
    path_link: NO_FILES,
    path_open: NO_FILES,
    path_readlink: NO_FILES,
    path_remove_directory: NO_FILES,
    path_rename: NO_FILES,
    path_symlink: NO_FILES,
    path_unlink_file: NO_FILES,
    poll_oneoff: (call) => (subscriptions, events, count, out) => call.poll(subscriptions, events, count, out),
    proc_exit: (call) => (code) => call.stop("exited", code),
    proc_raise: () => () => NOSYS,
    random_get: (call) => (pointer, length) => call.fillRandom(pointer, length),
    sched_yield: SUCCEED,
    sock_accept: NO_SOCKETS,
    sock_recv: NO_SOCKETS,
    sock_send: NO_SOCKETS,
    sock_shutdown: NO_SOCKETS,
  },
  arcrun: {
    ai_run: asking("ai_run"),
    http_request: asking("http_request"),
    kv_get: asking("kv_get"),
    log: (call) => (pointer, length) => call.log(pointer, length),
    read_reply: (call) => (pointer, capacity) => call.readReply(pointer, capacity),
    sleep: asking("sleep"),
  },
};

/** Bytes written to a stream, in order, up to a limit. */
class Capture {
  #chunks = [];
  #length = 0;

  /** Keeps a copy of `bytes`, cut at `limit` bytes in all. Returns whether they fitted whole. */
  append(bytes, limit) {
    const kept = bytes.slice(0, Math.max(0, limit - this.#length));
    if (kept.length > 0) this.#chunks.push(kept);
    this.#length += kept.length;
    return kept.length === bytes.length;
  }

  bytes() {
    if (this.#chunks.length === 1) return this.#chunks[0];
    const all = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, offset);
      offset += chunk.length;
    }
    return all;
  }
}

/** A pointer outside the component's memory is the component's mistake: it gets `answer`, and the host goes on. */
function refusingBadPointers(implementation, answer) {
  return (...args) => {
    try {
      return implementation(...args);
    } catch (error) {
      if (error instanceof RangeError) return answer;
      throw error;
    }
  };
}

function strictDecode(bytes) {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The key stream of ChaCha20 (RFC 8439, nonce 0): the same seed gives the same bytes, so a run can be replayed. */
export function* chacha20(seedHex) {
  const key = new DataView(Uint8Array.from(seedHex.match(/../g), (pair) => parseInt(pair, 16)).buffer);
  const initial = new Uint32Array(16);
  initial.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  for (let i = 0; i < 8; i += 1) initial[4 + i] = key.getUint32(4 * i, true);
  const rotate = (value, bits) => (value << bits) | (value >>> (32 - bits));
  const quarter = (s, a, b, c, d) => {
    s[a] += s[b]; s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d]; s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b]; s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d]; s[b] = rotate(s[b] ^ s[c], 7);
  };
  for (;; initial[12] += 1) {
    const state = initial.slice();
    for (let round = 0; round < 10; round += 1) {
      quarter(state, 0, 4, 8, 12); quarter(state, 1, 5, 9, 13);
      quarter(state, 2, 6, 10, 14); quarter(state, 3, 7, 11, 15);
      quarter(state, 0, 5, 10, 15); quarter(state, 1, 6, 11, 12);
      quarter(state, 2, 7, 8, 13); quarter(state, 3, 4, 9, 14);
    }
    const block = new DataView(new ArrayBuffer(64));
    state.forEach((word, i) => block.setUint32(4 * i, (word + initial[i]) >>> 0, true));
    for (let i = 0; i < 64; i += 1) yield block.getUint8(i);
  }
}
