// The whole input, and the whole output, are JSON texts on stdin and stdout.
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, vectors: usize, count: i32, read: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, vectors: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

const CHUNK = 65536;

/** All of stdin. */
function readInput(): string {
  const vector = memory.data(12);
  const buffer = new Uint8Array(CHUNK);
  const bytes = new Array<u8>();
  while (true) {
    store<usize>(vector, buffer.dataStart);
    store<usize>(vector, CHUNK, 4);
    if (fd_read(0, vector, 1, vector + 8) != 0) break;
    const count = load<u32>(vector, 8);
    if (count == 0) break;
    for (let i: u32 = 0; i < count; i++) bytes.push(buffer[i]);
  }
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
}

/** Write the output to stdout. */
function writeOutput(text: string): void {
  const bytes = String.UTF8.encode(text);
  const vector = memory.data(12);
  let at: u32 = 0;
  while (at < <u32>bytes.byteLength) {
    store<usize>(vector, changetype<usize>(bytes) + at);
    store<usize>(vector, <usize>bytes.byteLength - at, 4);
    if (fd_write(1, vector, 1, vector + 8) != 0) return;
    at += load<u32>(vector, 8);
  }
}

/** The end of the program where AssemblyScript's own runtime aborts. */
export function abort(_message: string | null, _file: string | null, _line: u32, _column: u32): void {
  proc_exit(255);
}

/** The JSON string that is the value of `key` of the object `text`, with its quotes; empty if there is none. */
function findText(text: string, key: string): string {
  let depth = 0;
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code == 0x22) {
      const end = endOfText(text, i);
      const isKey = depth == 1 && text.substring(i, end) == '"' + key + '"';
      i = skipSpace(text, end);
      if (isKey && i < text.length && text.charCodeAt(i) == 0x3a) {
        const start = skipSpace(text, i + 1);
        return text.charCodeAt(start) == 0x22 ? text.substring(start, endOfText(text, start)) : "";
      }
      continue;
    }
    if (code == 0x7b || code == 0x5b) depth++;
    if (code == 0x7d || code == 0x5d) depth--;
    i++;
  }
  return "";
}

/** The place after the JSON string that begins at `start`. */
function endOfText(text: string, start: i32): i32 {
  let i = start + 1;
  while (text.charCodeAt(i) != 0x22) i += text.charCodeAt(i) == 0x5c ? 2 : 1;
  return i + 1;
}

function skipSpace(text: string, at: i32): i32 {
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  return at;
}

export function _start(): void {
  const name = findText(readInput(), "name");
  if (name == "") {
    writeOutput('{"success":false,"error":{"code":"INVALID_INPUT","message":"`name` is missing."}}');
  } else {
    writeOutput('{"success":true,"data":{"greeting":"Hello, ' + name.substring(1, name.length - 1) + '!"}}');
  }
}
