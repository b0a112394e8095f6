// Runs a metered module several times on the platform's component host, the first time right after compilation.
//   node --experimental-wasm-jspi fuel.mjs < JSON {module, input, reply}
//   -> JSON {memory_bytes, fuel, first_ms, warm_ms, ends}; times are CPU times,
//   warm_ms is the median of the later runs
import { readFileSync } from "node:fs";
import { run } from "../../workers/edge/component_host.mjs";

const REPEATS = 4;
const limits = { maxStdoutBytes: 4 << 20, maxStderrBytes: 1 << 16, maxReplyBytes: 8 << 20, fuel: 20_000_000_000 };
const { module: path, input, reply } = JSON.parse(readFileSync(0, "utf8"));

/** Of this thread, which other work on the machine does not add to. */
function processorMs() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

let memory; // of the instance that was made last
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memory = instance.exports.memory;
  return instance;
};

const module = new WebAssembly.Module(readFileSync(path));
const times = [];
let result;
for (let i = 0; i <= REPEATS; i += 1) {
  const started = processorMs();
  result = await run(module, input, limits, "00".repeat(32), 0, async () => [reply, 0]);
  times.push(processorMs() - started);
}
const [first, ...later] = times;
const exited = typeof result === "string";
const stdout = exited ? result.slice(result.indexOf("\n") + 1) : result[3];
const figures = {
  memory_bytes: memory.buffer.byteLength,
  fuel: exited ? Number.parseInt(result, 10) : result[6],
  first_ms: Math.round(first * 10) / 10,
  warm_ms: Math.round(later.sort((a, b) => a - b)[later.length >> 1] * 10) / 10,
  ends: exited ? stdout.slice(0, 60) : result[0],
};
console.log(JSON.stringify(figures));
