// Measures cold starts in Node's V8: a component's compilation, instantiation and first call, in milliseconds.
//   node --experimental-wasm-jspi measure_cold_start.mjs < JSON {id: {"path", "stdin", "count"}}  ->  JSON {id: [ms, ...]}
import { readFileSync } from "node:fs";
import { run } from "../workers/edge/component_host.mjs";

const limits = { maxStdoutBytes: 4 << 20, maxStderrBytes: 1 << 16, maxRequestBytes: 8 << 20, maxReplyBytes: 8 << 20 };
const refuse = async () => ['{"ok":false,"error":{"code":"NO_STUB","message":"measuring"}}', 0];
const components = JSON.parse(readFileSync(0, "utf8"));
const results = {};
for (const [id, { path, stdin, count }] of Object.entries(components)) {
  const bytes = readFileSync(path);
  results[id] = [];
  for (let i = 0; i < count; i += 1) {
    const fresh = new Uint8Array(bytes.length + 4);
    fresh.set(bytes);
    fresh.set([0, 2, 1, i], bytes.length); // a custom section: V8 must not have seen these bytes
    const started = performance.now();
    await run(new WebAssembly.Module(fresh), stdin, limits, "00".repeat(32), Date.now(), refuse);
    results[id].push(performance.now() - started);
  }
}
console.log(JSON.stringify(results));
