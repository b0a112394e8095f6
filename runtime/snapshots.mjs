// Memory snapshots of Python, by key, in a folder that platform.mjs lends.
//
// A snapshot goes from its file straight into the interpreter's memory, a piece at a time, and pages of zeros are not
// kept: nothing of its size is allocated beside the memory, and pages that nobody has written stay unmapped.
//
// In the file: u32 bytes of the memory, u32 bytes of the head, u32 number of runs; of each run of pages u32 the first and
// u32 how many; the head, which is Pyodide's own (JavaScript objects by name); the pages of the runs; the SHA-256 of all
// before it. One that a crash or a full disk has left empty, cut off or full of zeros counts as absent: it is made again.
import { openFile } from "./files.mjs";

const PAGE_BYTES = 4096;
const PIECE_BYTES = 1 << 20;
const DIGEST_BYTES = 32;
const MAX_MEMORY_BYTES = 2 ** 32 - 1;
const MAX_HEAD_BYTES = 1 << 20;

/** A file that holds no whole snapshot. */
class DamagedError extends Error {}

export class SnapshotFolder {
  #folder;
  #writes = [];

  constructor(folder) {
    this.#folder = folder;
  }

  /** What `start` makes of the snapshot of this key; undefined where that is not there, or damaged. */
  async startFrom(key, start) {
    const file = await openFile(this.#folder, key);
    if (!file) return undefined;
    try {
      return await start(await StoredSnapshot.open(file));
    } catch (error) {
      if (error instanceof DamagedError) return undefined;
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Starts writing a MadeSnapshot; `written` waits until it is done. */
  write(key, made) {
    this.#writes.push(this.#put(key, made));
  }

  async #put(key, { head, memory }) {
    const runs = runsOf(memory);
    const pages = runs.map(([first, count]) => memory.subarray(first * PAGE_BYTES, (first + count) * PAGE_BYTES));
    const words = Uint32Array.of(memory.length, head.length, runs.length, ...runs.flat());
    const parts = [words, head, ...pages];
    const digest = new crypto.DigestStream("SHA-256");
    const writer = digest.getWriter();
    for (const part of parts) await writer.write(part);
    await writer.close();
    const body = new Blob([...parts, await digest.digest]);
    await this.#folder.fetch(`http://folder/${key}`, { method: "PUT", body });
  }

  async written() {
    await Promise.all(this.#writes);
  }
}

/** What Pyodide's `makeMemorySnapshot` gave: its `head`, and a copy of the memory. */
export class MadeSnapshot {
  constructor(bytes) {
    const headBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
    this.head = bytes.subarray(0, headBytes);
    this.memory = bytes.subarray(headBytes);
  }

  async fill(pyodideModule) {
    heapOf(pyodideModule, this.memory.length).set(this.memory);
  }

  /** Once it is written and filled in, its memory is given back at once: it is as large as an interpreter's. */
  release() {
    this.memory.buffer.transfer(0);
  }
}

/** One in a file, which can be filled in once. */
class StoredSnapshot {
  #content;
  #memoryBytes;
  #runs;

  /** Raises DamagedError. */
  static async open(file) {
    const snapshot = new StoredSnapshot();
    snapshot.#content = new DigestedContent(file);
    const [memoryBytes, headBytes, runCount] = await snapshot.#content.words(3);
    const pageCount = memoryBytes / PAGE_BYTES;
    if (headBytes > MAX_HEAD_BYTES || runCount > pageCount || memoryBytes === 0) throw new DamagedError();
    const words = await snapshot.#content.words(runCount * 2);
    snapshot.#runs = Array.from({ length: runCount }, (_, i) => [words[2 * i], words[2 * i + 1]]);
    if (snapshot.#runs.some(([first, count]) => first + count > pageCount)) throw new DamagedError();
    snapshot.#memoryBytes = memoryBytes;
    snapshot.head = await snapshot.#content.bytes(headBytes);
    return snapshot;
  }

  /** Raises DamagedError; the memory then holds anything. */
  async fill(pyodideModule) {
    const heap = heapOf(pyodideModule, this.#memoryBytes);
    for (const [first, count] of this.#runs) {
      const end = (first + count) * PAGE_BYTES;
      for (let at = first * PAGE_BYTES; at < end; at += PIECE_BYTES) {
        heap.set(await this.#content.piece(Math.min(PIECE_BYTES, end - at)), at);
      }
    }
    await this.#content.verify();
  }
}

/** A file's content from its beginning to its end, where the digest of all of it stands. All raise DamagedError. */
class DigestedContent {
  #file;
  #digest = new crypto.DigestStream("SHA-256");
  #writer = this.#digest.getWriter();
  #buffer = new ArrayBuffer(PIECE_BYTES);

  constructor(file) {
    this.#file = file;
  }

  async words(count) {
    const { buffer } = await this.bytes(count * 4);
    return new Uint32Array(buffer);
  }

  /** In memory of their own. */
  async bytes(count) {
    const bytes = await this.#read(new Uint8Array(count));
    await this.#writer.write(bytes);
    return bytes;
  }

  /** PIECE_BYTES at most, valid until more is read. */
  async piece(count) {
    const bytes = await this.#read(new Uint8Array(this.#buffer, 0, count));
    this.#buffer = bytes.buffer;
    await this.#writer.write(bytes);
    return bytes;
  }

  async verify() {
    const wanted = await this.#read(new Uint8Array(DIGEST_BYTES));
    await this.#writer.close();
    const digest = new Uint8Array(await this.#digest.digest);
    if (!wanted.every((byte, i) => byte === digest[i])) throw new DamagedError();
  }

  async #read(view) {
    const bytes = await this.#file.read(view);
    if (bytes === undefined) throw new DamagedError();
    return bytes;
  }
}

/** The runs of pages of which any byte is set: [first page, how many]. */
function runsOf(memory) {
  const runs = [];
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4); // Pyodide aligns it to 16 bytes
  const pageWords = PAGE_BYTES / 4;
  for (let page = 0; page * PAGE_BYTES < memory.length; page += 1) {
    if (isZero(words, page * pageWords, (page + 1) * pageWords)) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === page) last[1] += 1;
    else runs.push([page, 1]);
  }
  return runs;
}

function isZero(words, from, to) {
  for (let i = from; i < to; i += 1) if (words[i] !== 0) return false;
  return true;
}

/** The memory of a fresh interpreter, grown to `bytes`. */
function heapOf(pyodideModule, bytes) {
  if (bytes > pyodideModule.HEAP8.length) pyodideModule.growMemory(bytes);
  return pyodideModule.HEAP8;
}
