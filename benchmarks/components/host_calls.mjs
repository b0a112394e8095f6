// Times modules on the platform's component host: node --experimental-wasm-jspi host_calls.mjs
//   JSON {name: path of a metered module} on stdin  ->  JSON {name: {ms, fuel}}, ms is the shortest of many calls, which excludes other load on the machine.
import { readFileSync } from "node:fs";
import { run } from "../../workers/edge/component_host.mjs";

const WARM_UP_MS = 300, MEASURE_MS = 700, MIN_ROUNDS = 7;
const limits = {
  maxStdoutBytes: 4 << 20, maxStderrBytes: 1 << 16, maxRequestBytes: 8 << 20, maxReplyBytes: 8 << 20,
  maxVectors: 1024, maxSubscriptions: 1024, fuel: 1e12,
};
const stdin = "x".repeat(4 << 20);
const reply = `{"ok":true,"value":"${"x".repeat((4 << 20) - 22)}"}`;
const answer = async (_name, request) => [request.length > 100 ? '{"ok":true}' : reply, 0];

const results = {};
for (const [name, path] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const module = new WebAssembly.Module(readFileSync(path));
  const times = [];
  let fuel;
  for (const began = performance.now(); performance.now() - began < WARM_UP_MS + MEASURE_MS || times.length < MIN_ROUNDS; ) {
    const started = performance.now();
    const result = await run(module, stdin, limits, "00".repeat(32), 0, answer);
    if (started - began > WARM_UP_MS) times.push(performance.now() - started);
    
    fuel = typeof result === "string" ? parseInt(result) : result[6];
  }
  results[name] = { ms: Math.min(...times), fuel };
}
console.log(JSON.stringify(results));
