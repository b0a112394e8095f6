// A workerd process: starts it from a configuration file, reads its log and its ports, and restarts it if it ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const { default: WORKERD } = createRequire(import.meta.url)("workerd");
// workerd's messages about itself rather than about the Workers.
const INTERNAL = [
  /\$LLVM_SYMBOLIZER is not set/,
  /took recursive isolate lock/,
  /stack:( (0|[a-f\d]{4,})){3,}/,
  /CODE_MOVED for unknown code block/,
];
const FATAL = /^\*\*\* (?:std::terminate\(\)|Fatal uncaught|Received signal|Uncaught exception)/;

/** `log` takes {level, message}. */
export class WorkerdProcess {
  #log;
  #process;

  constructor(log) {
    this.#log = log;
  }

  /**
   * Stop the previous process and start one, until all `sockets` listen. `addresses` are [socket, host:port] of sockets
   * that the configuration leaves open, `externals` are [service, host:port]. Raises Error. If the process ends
   * unexpectedly later, `ended` is called with its exit code or signal.
   */
  async start({ file, sockets }, addresses, externals, ended) {
    await this.stop();
    const child = spawn(
      WORKERD,
      [
        ...["serve", "--binary", "--experimental", file, "--control-fd=3"],
        ...addresses.map(([name, address]) => `--socket-addr=${name}=${address}`),
        ...externals.map(([name, address]) => `--external-addr=${name}=${address}`),
      ],
      { stdio: ["ignore", "pipe", "pipe", "pipe"], env: { ...process.env, TZ: "UTC" } },
    );
    this.#process = child;
    const said = [];
    for (const stream of [child.stdout, child.stderr]) this.#relay(stream, said);
    const exited = once(child, "exit");
    if (!(await Promise.race([listening(child.stdio[3], sockets), exited.then(() => false)]))) {
      throw new Error(`The Workers runtime, workerd, did not start. ${said.join("\n")}`);
    }
    exited.then(([code, signal]) => {
      if (this.#process === child) ended(code ?? signal);
    });
  }

  async stop() {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL"); // safe: acknowledged writes are stored
    await once(child, "exit");
  }

  #relay(stream, said) {
    let isCrashing = false;
    createInterface({ input: stream }).on("line", (line) => {
      const { level, message } = parseLine(line);
      isCrashing ||= FATAL.test(message); // then show its stack
      if (!isCrashing && INTERNAL.some((pattern) => pattern.test(message))) return;
      if (said.length < 20) said.push(message);
      this.#log({ level, message });
    });
  }
}

/** {level, message} of a line of workerd's log. Its crash handlers write plain text, which counts as an error. */
function parseLine(line) {
  try {
    const { level, message } = JSON.parse(line);
    if (typeof level === "string" && typeof message === "string") return { level, message };
  } catch {
    // not JSON
  }
  return { level: "error", message: line };
}

/** True once the control pipe reports that each of `sockets` listens; false if the pipe ends before. */
async function listening(control, sockets) {
  const missing = new Set(sockets);
  for await (const line of createInterface({ input: Readable.from(control) })) {
    const { event, socket } = JSON.parse(line);
    if (event === "listen") missing.delete(socket);
    if (missing.size === 0) return true;
  }
  return false;
}
