// Times modules as built and metered, alternately, on the platform's component host.
//   node --experimental-wasm-jspi metering.mjs < JSON {name: {plain, metered, inputs}}  ->  JSON {name: {plain, metered}}
// The figures are milliseconds to run all inputs once: the median of many rounds, after V8 has optimized.
import { readFileSync } from "node:fs";
import { run } from "../../workers/edge/component_host.mjs";

const WARM_UP_MS = 400, MEASURE_MS = 1000, MIN_ROUNDS = 15;
const limits = { maxStdoutBytes: 4 << 20, maxStderrBytes: 1 << 16, maxRequestBytes: 8 << 20, maxReplyBytes: 8 << 20 };
const refuse = async () => ['{"ok":false,"error":{"code":"NO_STUB","message":"measuring"}}', 0];
const seed = "00".repeat(32);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function runAll(module, inputs) {
  const started = performance.now();
  for (const input of inputs) await run(module, input, limits, seed, 0, refuse);
  return performance.now() - started;
}

const results = {};
for (const [name, { plain, metered, inputs }] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const modules = { plain, metered };
  for (const kind of Object.keys(modules)) modules[kind] = new WebAssembly.Module(readFileSync(modules[kind]));
  const times = { plain: [], metered: [] };
  const began = performance.now();
  while (performance.now() - began < WARM_UP_MS + MEASURE_MS || times.plain.length < MIN_ROUNDS) {
    const isWarm = performance.now() - began > WARM_UP_MS;
    for (const kind of ["plain", "metered"]) {
      const time = await runAll(modules[kind], inputs);
      if (isWarm) times[kind].push(time);
    }
  }
  results[name] = { plain: median(times.plain), metered: median(times.metered) };
}
console.log(JSON.stringify(results));
