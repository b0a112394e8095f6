// The main module of the isolate that the Worker Loader makes for one component: no bindings, no network, one method.
// `component.wasm` and `component_host.mjs` are put beside it by arcrun_edge/component_runner.py.
import { WorkerEntrypoint } from "cloudflare:workers";
import { run } from "component_host.mjs";
import component from "component.wasm";

export default class Sandbox extends WorkerEntrypoint {
  /** `run` of component_host.mjs, less its module; its `callHost` is a function of the executor's, over RPC. */
  async call(...args) {
    return await run(component, ...args);
  }
}
