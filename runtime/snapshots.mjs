// Memory snapshots of Python, by key, in a folder that platform.mjs provides.
//
// A snapshot is read from its file directly into the interpreter's memory, piece by piece, without pages of zeros: no
// buffer of its size is allocated, and unused pages stay unmapped.
//
// The file: u32 bytes of the memory, u32 bytes of the head, u32 number of runs; for each run of pages, u32 first page and
// u32 count; the head, which is Pyodide's own (JavaScript objects by name); the pages of the runs; the SHA-256 of all of
// this. A file that a crash or a full disk left empty, truncated or zeroed counts as absent, and is made again.
import { openFile } from "./files.mjs";

const PAGE_BYTES = 4096;
const PIECE_BYTES = 1 << 20;
const DIGEST_BYTES = 32;
const MAX_MEMORY_BYTES = 2 ** 32 - 1;
const MAX_HEAD_BYTES = 1 << 20;

/** The file does not contain a complete snapshot. */
class DamagedError extends Error {}

export class SnapshotFolder {
  #folder;
  #writes = [];

  constructor(folder) {
    this.#folder = folder;
  }

  /** The result of `start` for the snapshot of this key; undefined if it is missing or damaged. */
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

  /** Start writing a MadeSnapshot; `written` waits until it is done. */
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

/** A snapshot from Pyodide's `makeMemorySnapshot`: its `head`, and a copy of the memory. */
export class MadeSnapshot {
  constructor(bytes) {
    const headBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
    this.head = bytes.subarray(0, headBytes);
    this.memory = bytes.subarray(headBytes);
  }

  async fill(pyodideModule) {
    heapOf(pyodideModule, this.memory.length).set(this.memory);
  }

  /** Release the memory, which is as large as an interpreter's, once it is written and filled in. */
  release() {
    this.memory.buffer.transfer(0);
  }
}

/** A snapshot in a file, which can be filled in once. */
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

/** Reads a file sequentially up to the digest at its end. All methods raise DamagedError. */
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

  /** Bytes in their own buffer. */
  async bytes(count) {
    const bytes = await this.#read(new Uint8Array(count));
    await this.#writer.write(bytes);
    return bytes;
  }

  /** At most PIECE_BYTES, valid until the next read. */
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

/** The runs of pages with any non-zero byte: [first page, count]. */
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
