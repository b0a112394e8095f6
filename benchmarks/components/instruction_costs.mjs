// Measures metered modules: the time per unit of fuel.
//   node [--no-liftoff | --liftoff-only] instruction_costs.mjs < JSON [path]  ->  JSON [nanoseconds per unit]
import { readFileSync } from "node:fs";

const ROUNDS = 4, ROUND_MS = 12;
const FUEL = 1n << 60n;

function time(exports, iterations) {
  exports.arcrun_fuel.value = FUEL;
  const started = performance.now();
  exports.run(iterations);
  return performance.now() - started;
}

const results = JSON.parse(readFileSync(0, "utf8")).map((path) => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)));
  exports.arcrun_fuel.value = FUEL;
  exports.prepare?.();
  let iterations = 1;
  for (let took = time(exports, 1); took < ROUND_MS; took = time(exports, iterations)) {
    iterations = took < 1 ? iterations * 4 : Math.ceil((iterations * ROUND_MS * 1.2) / took);
  }
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) best = Math.min(best, time(exports, iterations));
  return (best * 1e6) / Number(FUEL - exports.arcrun_fuel.value);
});
console.log(JSON.stringify(results));
