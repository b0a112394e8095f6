// The main module of the isolate that the Worker Loader makes for one component: no bindings, no network, one method.
// arcrun_edge/component_runner.py adds `component.wasm` and `component_host.mjs` to it.
import { WorkerEntrypoint } from "cloudflare:workers";
import { run } from "component_host.mjs";
import component from "component.wasm";

export default class Sandbox extends WorkerEntrypoint {
  /** `run` of component_host.mjs without its first argument. `callHost` is the executor's, called over RPC. */
  async call(...args) {
    return await run(component, ...args);
  }
}
