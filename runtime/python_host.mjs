// The part of the local runtime that runs inside workerd: it forwards every event of a Worker to the Python classes of its
// entry module, as Cloudflare's native Python runtime does. Python itself is started at the first event (python_boot.mjs).
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

let python; // Promise of the Python modules {entry, workers}: one interpreter for each isolate

/** Make the class that workerd instantiates for the Python WorkerEntrypoint `className` with public `methods`. */
export function entrypoint(className, methods) {
  return forwardingClass(WorkerEntrypoint, className, methods);
}

/** The same for a Python DurableObject. */
export function durableObject(className, methods) {
  return forwardingClass(DurableObject, className, methods);
}

function forwardingClass(Base, className, methods) {
  const Forwarder = class extends Base {};
  const instances = new WeakMap(); // of the Python class
  for (const method of methods) {
    Forwarder.prototype[method] = async function (...args) {
      const { entry, workers, bindings } = await startedPython(this.env);
      if (!instances.has(this)) instances.set(this, entry[className](this.ctx, bindings));
      const pyMethod = instances.get(this)[method];
      if (method === "fetch") return responseOf(await pyMethod.callPromising(args[0]));
      return workers.python_to_rpc(await pyMethod.callPromising(...args.map((arg) => workers.python_from_rpc(arg))));
    };
  }
  return Forwarder;
}

function startedPython(env) {
  python ??= import("./python_boot.mjs")
    .then(({ boot }) => boot(env))
    .catch((error) => {
      console.error(`Python could not start: ${error.stack ?? error}`);
      throw error;
    });
  return python;
}

/** A handler may answer with a JavaScript Response or with the SDK's wrapper of one. */
function responseOf(answer) {
  return answer instanceof Response ? answer : answer.js_object;
}
