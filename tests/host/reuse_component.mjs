// Runs each call twice on component_host.mjs: in a fresh instance, and where instances are kept. A JSON request a line
// on stdin: {wasm} gives the module of the calls that follow, {stdin, replies, seed, options, needle} is a call.
// Answers [fresh, kept, instances, found]: both results, how many instances were made for the kept ones so far, and
// whether the bytes of `needle` are left in the memory of one of them.
import { createInterface } from "node:readline";
import { run } from "../../workers/edge/component_host.mjs";

const { Instance } = WebAssembly;
const memories = { fresh: [], kept: [] };
let kind;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    if (kind === "kept") memories.kept.push(this.exports.memory);
  }
};

let modules;
for await (const line of createInterface({ input: process.stdin })) {
  const { wasm, stdin, replies = [], seed = "00".repeat(32), options, needle } = JSON.parse(line);
  if (wasm !== undefined) {
    const bytes = Buffer.from(wasm, "base64");
    modules = { fresh: new WebAssembly.Module(bytes), kept: new WebAssembly.Module(bytes) };
    memories.kept = [];
    continue;
  }
  const results = {};
  for (kind of ["fresh", "kept"]) {
    let asked = 0;
    const callHost = async () => [replies[asked] ?? "{}", (asked += 1)];
    const limits = kind === "kept" ? options : { ...options, maxIdleInstances: 0 };
    results[kind] = await run(modules[kind], stdin, limits, seed, 0, callHost);
  }
  const found = memories.kept.some(({ buffer }) => needle !== undefined && Buffer.from(buffer).includes(needle));
  console.log(JSON.stringify([results.fresh, results.kept, memories.kept.length, found]));
}
