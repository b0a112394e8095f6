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
 * options: {seed: hex text of 32 bytes, nowMs, maxStdoutBytes, maxStderrBytes, maxReplyBytes}
 * callHost(name, requestText): a promise of [replyText, nowMs]; how the asynchronous host functions are answered.
 *
 * Returns [kind, exitCode, message, stdout, stderr, memoryBytes], or a promise of it if the module imports a function
 * that waits. kind: "exited", "trapped", "stdout_limit", "not_utf8" or "not_loaded".
 */
export function run(module, stdin, options, callHost) {
  const call = new Call(stdin, options, callHost);
  let start;
  try {
    const instance = new WebAssembly.Instance(module, call.imports(waits(module)));
    call.memory = instance.exports.memory;
    start = instance.exports._start;
    if (typeof start !== "function" || !(call.memory instanceof WebAssembly.Memory)) {
      throw new Error("it does not export `memory` and the function `_start`");
    }
  } catch (error) {
    return ["not_loaded", -1, String(error.message ?? error), "", "", 0];
  }
  if (!waits(module)) return call.outcome(() => start());
  return call.outcomeAsync(WebAssembly.promising(start));
}

const waitingModules = new WeakMap();

/** Whether the module imports a function that can suspend it. The others run without promises, which is cheaper. */
function waits(module) {
  let answer = waitingModules.get(module);
  if (answer === undefined) {
    answer = WebAssembly.Module.imports(module).some(
      ({ module: from, name }) => (from === "arcrun" && ASYNC_HOST_FUNCTIONS.includes(name)) || name === "poll_oneoff",
    );
    waitingModules.set(module, answer);
  }
  return answer;
}

const ASYNC_HOST_FUNCTIONS = ["http_request", "sleep", "ai_run", "kv_get"];

/** The state of one call, and the functions that its instance imports. */
class Call {
  memory;
  #callHost;
  #options;
  #nowMs;
  #startMs;
  #stdin;
  #stdinOffset = 0;
  #stdout = new Capture();
  #stderr = new Capture();
  #reply = new Uint8Array();
  #random;
  #ended;

  constructor(stdin, options, callHost) {
    this.#stdin = encoder.encode(stdin);
    this.#options = options;
    this.#callHost = callHost;
    this.#nowMs = this.#startMs = options.nowMs;
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
    return [kind, code, message, stdout, stderr, memoryBytes];
  }

  #stop(kind, code, message) {
    this.#ended ??= new Ended(kind, code, message);
    throw this.#ended;
  }

  imports(waiting) {
    const suspending = (implementation) => (waiting ? new WebAssembly.Suspending(implementation) : implementation);
    return { wasi_snapshot_preview1: this.#wasi(suspending), arcrun: this.#arcrun(suspending) };
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

  #wasi(suspending) {
    const badDescriptor = () => BADF;
    const noFiles = () => NOTCAPABLE; // there are no preopened directories, so no path can be resolved
    const noSockets = (fd) => (fd <= STDERR ? NOTSOCK : BADF);
    const onStream = (answer) => (fd, ...rest) => (fd < STDIN || fd > STDERR ? BADF : answer(fd, ...rest));
    const notSeekable = onStream(() => SPIPE);
    const notAFile = onStream(() => INVAL);
    const done = onStream(() => SUCCESS);
    const functions = {
      args_get: () => SUCCESS,
      args_sizes_get: (count, size) => this.#writeSizes(count, size),
      environ_get: () => SUCCESS,
      environ_sizes_get: (count, size) => this.#writeSizes(count, size),
      clock_res_get: (clock, out) => this.#writeTime(clock, out, NANOSECONDS_PER_MILLISECOND),
      clock_time_get: (clock, _precision, out) => this.#writeTime(clock, out, this.#clock(clock)),
      fd_advise: notSeekable,
      fd_allocate: notAFile,
      fd_close: done,
      fd_datasync: notAFile,
      fd_fdstat_get: onStream((_fd, out) => this.#writeFdstat(out)),
      fd_fdstat_set_flags: done,
      fd_fdstat_set_rights: done,
      fd_filestat_get: onStream((_fd, out) => this.#writeFilestat(out)),
      fd_filestat_set_size: notAFile,
      fd_filestat_set_times: notAFile,
      fd_pread: notSeekable,
      fd_prestat_dir_name: badDescriptor,
      fd_prestat_get: badDescriptor,
      fd_pwrite: notSeekable,
      fd_read: (fd, vectors, count, out) => this.#read(fd, vectors, count, out),
      fd_readdir: badDescriptor,
      fd_renumber: badDescriptor,
      fd_seek: notSeekable,
      fd_sync: notAFile,
      fd_tell: notSeekable,
      fd_write: (fd, vectors, count, out) => this.#write(fd, vectors, count, out),
      path_create_directory: noFiles,
      path_filestat_get: noFiles,
      path_filestat_set_times: noFiles,
      path_link: noFiles,
      path_open: noFiles,
      path_readlink: noFiles,
      path_remove_directory: noFiles,
      path_rename: noFiles,
      path_symlink: noFiles,
      path_unlink_file: noFiles,
      poll_oneoff: (subscriptions, events, count, out) => this.#poll(subscriptions, events, count, out),
      proc_exit: (code) => this.#stop("exited", code),
      proc_raise: () => NOSYS,
      random_get: (pointer, length) => this.#fillRandom(pointer, length),
      sched_yield: () => SUCCESS,
      sock_accept: noSockets,
      sock_recv: noSockets,
      sock_send: noSockets,
      sock_shutdown: noSockets,
    };
    for (const [name, implementation] of Object.entries(functions)) {
      functions[name] = refusingBadPointers(implementation, FAULT);
    }
    functions.poll_oneoff = suspending(functions.poll_oneoff);
    return functions;
  }

  #arcrun(suspending) {
    const functions = {
      log: refusingBadPointers((pointer, length) => this.#log(pointer, length), BAD_REQUEST),
      read_reply: refusingBadPointers((pointer, capacity) => this.#readReply(pointer, capacity), BAD_REQUEST),
    };
    for (const name of ASYNC_HOST_FUNCTIONS) {
      const ask = (pointer, length) => this.#ask(name, pointer, length);
      functions[name] = suspending(refusingBadPointers(ask, BAD_REQUEST));
    }
    return functions;
  }

  /** Send a JSON request to the host; its reply waits for read_reply. Returns the reply's length in bytes. */
  #ask(name, pointer, length) {
    const request = strictDecode(this.#bytes(pointer, length));
    if (request === undefined) return BAD_REQUEST;
    return this.#callHost(name, request).then(([reply, nowMs]) => {
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

  #readReply(pointer, capacity) {
    const part = this.#reply.subarray(0, capacity >>> 0);
    this.#bytes(pointer, part.length).set(part);
    return part.length;
  }

  /** The component's log: one line on stderr for each message. */
  #log(pointer, length) {
    const message = this.#bytes(pointer, length).slice();
    this.#stderr.append(message, this.#options.maxStderrBytes);
    this.#stderr.append(encoder.encode("\n"), this.#options.maxStderrBytes);
    return this.#keepReply('{"ok":true}');
  }

  #read(fd, vectors, count, out) {
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

  #write(fd, vectors, count, out) {
    if (fd !== STDOUT && fd !== STDERR) return BADF;
    let total = 0;
    for (const source of this.#vectors(vectors, count)) {
      total += source.length;
      if (fd === STDERR) this.#stderr.append(source, this.#options.maxStderrBytes);
      else if (!this.#stdout.append(source, this.#options.maxStdoutBytes)) this.#stop("stdout_limit", -1);
    }
    this.#view().setUint32(out, total, true);
    return SUCCESS;
  }

  #writeSizes(count, size) {
    this.#view().setUint32(count, 0, true);
    this.#view().setUint32(size, 0, true);
    return SUCCESS;
  }

  /** The wall clock, or the time since the call began. Both stand still but for waits, as on the platform. */
  #clock(id) {
    const ms = id === 0 ? this.#nowMs : this.#nowMs - this.#startMs + 1; // Go takes a monotonic 0 for a broken clock
    return BigInt(Math.round(ms * 1000)) * 1000n;
  }

  #writeTime(clock, out, nanoseconds) {
    if (clock < 0 || clock > 3) return INVAL;
    this.#view().setBigUint64(out, nanoseconds, true);
    return SUCCESS;
  }

  #writeFdstat(out) {
    this.#bytes(out, 24).fill(0);
    this.#view().setUint8(out, FILETYPE_CHARACTER_DEVICE);
    this.#view().setBigUint64(out + 8, 0x42n, true); // rights: fd_read, fd_write
    return SUCCESS;
  }

  #writeFilestat(out) {
    this.#bytes(out, 64).fill(0);
    this.#view().setUint8(out + 16, FILETYPE_CHARACTER_DEVICE);
    return SUCCESS;
  }

  /** Waits for clock subscriptions through the host's `sleep`; the streams are always ready. */
  #poll(subscriptions, events, count, out) {
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
        const nanoseconds = isAbsolute ? timeout - this.#clock(clock) : timeout;
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
    return this.#callHost("poll", JSON.stringify({ ms: shortestMs })).then(([_reply, nowMs]) => {
      this.#nowMs = nowMs;
      return finish();
    });
  }

  #fillRandom(pointer, length) {
    this.#random ??= chacha20(this.#options.seed);
    const target = this.#bytes(pointer, length);
    for (let i = 0; i < target.length; i += 1) target[i] = this.#random.next().value;
    return SUCCESS;
  }
}

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
