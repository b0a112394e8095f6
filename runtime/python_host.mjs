// The part of the local runtime inside workerd: forwards every event of a Worker to the Python classes of its entry
// module, as Cloudflare's native Python runtime does. Python itself starts at the first event (python_boot.mjs).
//
// After a fatal failure (stack overflow) an interpreter cannot be used. Pending requests are answered, and the next event
// starts a new one; Durable Objects are recreated from their storage, instances of Workflows go on when they are woken.
import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from "cloudflare:workers";
import { answerAsset } from "./assets.mjs";
import { eventStarted, watch } from "./clock.mjs";
import internalError from "./internal_error.json";

// The platform's own events, by the class that handles them. Their arguments are the platform's objects, which the SDK wraps.
const EVENTS = new Map([
  [WorkerEntrypoint, ["scheduled", "queue", "email"]],
  [DurableObject, ["alarm", "webSocketMessage", "webSocketClose", "webSocketError"]],
  [WorkflowEntrypoint, ["run"]],
]);
// Begins the reasons why an instance of a Workflow stops without having failed; the second is Cloudflare's when it moves
// an instance to another isolate.
const INSTANCE_STOPS = "Aborting engine:";
const INSTANCE_MOVES = `${INSTANCE_STOPS} Grace period complete`;

let python; // Promise of an Interpreter: one at a time per isolate

/** The class that workerd instantiates for the Python WorkerEntrypoint `className` with public `methods`. */
export function entrypoint(className, methods) {
  return forwardingClass(WorkerEntrypoint, className, methods);
}

/** The class that workerd instantiates for a Python DurableObject. */
export function durableObject(className, methods) {
  return forwardingClass(DurableObject, className, methods);
}

/** The class that workerd instantiates for a Python WorkflowEntrypoint: a new one for each start of an instance. */
export function workflow(className, methods) {
  return forwardingClass(WorkflowEntrypoint, className, methods);
}

function forwardingClass(Base, className, methods) {
  const Forwarder = class extends Base {};
  for (const method of methods) {
    const invoke = method === "fetch" ? answerRequest : EVENTS.get(Base).includes(method) ? handleEvent : callMethod;
    const isRequest = method === "fetch" && Base === WorkerEntrypoint;
    Forwarder.prototype[method] = async function (...args) {
      const asset = isRequest ? answerAsset(this.env, args[0]) : undefined;
      if (asset !== undefined) return asset;
      eventStarted();
      const interpreter = await startedPython(this.env);
      try {
        return await interpreter.settled(call(interpreter, this, className, method, args, invoke));
      } catch (error) {
        if (interpreter.hasFailed && Base === WorkflowEntrypoint) throw new Error(INSTANCE_MOVES);
        if (method !== "fetch" || !interpreter.hasFailed) throw error;
        return new Response(internalError, { status: 500, headers: { "content-type": "application/json" } });
      }
    };
  }
  return Forwarder;
}

async function call({ entry, workers, bindings, instances }, forwarder, className, method, args, invoke) {
  if (!instances.has(forwarder)) {
    watch(forwarder.ctx, forwarder.ctx.storage);
    instances.set(forwarder, entry[className](forwarder.ctx, bindings));
  }
  return invoke(instances.get(forwarder)[method], args, workers, `${className}.${method}`);
}

async function answerRequest(pyMethod, [request]) {
  return responseOf(await pyMethod.callPromising(request));
}

/** Whoever sent the event does not show what its handler raised, so it is logged, unless it is why an instance stops. */
async function handleEvent(pyMethod, args, _workers, name) {
  try {
    return await pyMethod.callPromising(...args);
  } catch (error) {
    if (!String(error.message).startsWith(INSTANCE_STOPS)) console.error(`${name} failed: ${error}`);
    throw error;
  }
}

async function callMethod(pyMethod, args, workers) {
  return workers.python_to_rpc(await pyMethod.callPromising(...args.map((arg) => workers.python_from_rpc(arg))));
}

/** Python's modules {entry, workers}, the Worker's bindings, and `instances` of its classes by their forwarders. */
class Interpreter {
  instances = new WeakMap();
  hasFailed = false;
  #waiting = new Set(); // reject functions of pending calls

  started(modules) {
    return Object.assign(this, modules);
  }

  /** The result of `promise`, or a rejection if the interpreter fails first, as `promise` would then never settle. */
  async settled(promise) {
    const { promise: failure, reject } = Promise.withResolvers();
    this.#waiting.add(reject);
    try {
      return await Promise.race([promise, failure]);
    } finally {
      this.#waiting.delete(reject);
    }
  }

  fail(error) {
    this.hasFailed = true;
    console.error(`Python failed fatally and is restarted: ${error}`);
    for (const reject of this.#waiting) reject(new Error("Python failed fatally and is restarted."));
  }
}

function startedPython(env) {
  python ??= startPython(env).catch((error) => {
    console.error(`Python could not start: ${error.stack ?? error}`);
    throw error;
  });
  return python;
}

async function startPython(env) {
  const { boot } = await import("./python_boot.mjs");
  const interpreter = new Interpreter();
  const starting = python;
  const modules = await boot(env, (error) => {
    if (python === starting) python = undefined;
    interpreter.fail(error);
  });
  watch(...Object.values(modules.bindings));
  return interpreter.started(modules);
}

/** The JavaScript Response of a handler's answer, which may be the SDK's wrapper. */
function responseOf(answer) {
  return answer instanceof Response ? answer : answer.js_object;
}
