// Times calls of a module on the platform's component host: stdin has {path, inputs: {name: text}, count, fuel}; prints
// {name: {fresh: [ms], reused: [ms]}}, and {load_ms} of the first call.

import { readFileSync } from "node:fs";
import { run } from "../../workers/edge/component_host.mjs";

const { path, inputs, count, options } = JSON.parse(readFileSync(0, "utf8"));
const SEED = "00".repeat(32);
const answerHost = async () => ['{"ok":true,"value":{"status":200,"headers":{},"body":"[]"}}', 0];

const module = new WebAssembly.Module(readFileSync(path));
const call = (input, idle) => run(module, input, { ...options, maxIdleInstances: idle }, SEED, 0, answerHost);

async function time(input, idle) {
  const began = performance.now();
  await call(input, idle);
  return performance.now() - began;
}

const loadMs = await time(Object.values(inputs)[0], 0);
const timed = {};
for (const [name, input] of Object.entries(inputs)) {
  timed[name] = { fresh: [], reused: [] };
  for (const [kind, idle] of [["fresh", 0], ["reused", 2]]) {
    for (let i = 0; i < count; i += 1) timed[name][kind].push(await time(input, idle));
  }
}
process.stdout.write(JSON.stringify({ load_ms: loadMs, timed }));
