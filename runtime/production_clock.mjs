// Time in a Worker, as production has it: it stands still while code computes, and moves when a timer fires, when an
// event reaches the Worker, and when what it has asked the platform for arrives. Date and performance.now are all that
// Python's clocks read. https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading
import * as cloudflareWorkers from "cloudflare:workers";

const RealDate = Date;
const readWall = Date.now;
const readMonotonic = performance.now.bind(performance);
// Whose operations are no I/O of the platform.
const LANGUAGE = new Set(
  Object.getOwnPropertyNames(globalThis)
    .filter((name) => !["Request", "Response"].includes(name))
    .map((name) => globalThis[name]?.prototype)
    .filter(Boolean),
);
const watched = new WeakSet([Object.prototype, Function.prototype, Array.prototype, Promise.prototype]);

let wall;
let monotonic;

/** An event reaches the Worker. */
export function eventStarted() {
  wall = readWall();
  monotonic = readMonotonic();
}

/** Of these objects of the platform each operation takes time, and of all that they answer with. */
export function watch(...objects) {
  for (const object of objects) watchKind(object);
}

function watchKind(object) {
  if (typeof object !== "object" || object === null) return;
  for (let kind = Object.getPrototypeOf(object); kind; kind = Object.getPrototypeOf(kind)) {
    if (watched.has(kind) || LANGUAGE.has(kind)) return;
    watched.add(kind);
    for (const name of Object.getOwnPropertyNames(kind)) replaceOperation(kind, name);
  }
}

function replaceOperation(owner, name) {
  const property = Object.getOwnPropertyDescriptor(owner, name);
  if (name === "constructor" || typeof property?.value !== "function" || !property.configurable) return;
  const operation = property.value;
  const watching = function (...args) {
    return follow(operation.apply(this, args));
  };
  Object.defineProperty(owner, name, { ...property, value: watching });
}

/** What an operation gives: time moves when a promise settles. */
function follow(result) {
  if (!(result instanceof Promise)) {
    watchKind(result);
    return result;
  }
  return result.then(
    (value) => {
      eventStarted();
      watchKind(value);
      return value;
    },
    (error) => {
      eventStarted();
      throw error;
    },
  );
}

/** A timer whose callback finds the time at which it fires. */
function withTimers(owner, name) {
  const start = owner[name];
  owner[name] = function (callback, ...rest) {
    if (typeof callback !== "function") return start(callback, ...rest);
    const fire = (...args) => {
      eventStarted();
      return callback(...args);
    };
    return start(fire, ...rest);
  };
}

/** A call of another Worker or object answers with a promise of its own kind, which has its own `then`. */
function watchCalls(promise) {
  const then = promise.prototype.then;
  promise.prototype.then = function (onValue, onError) {
    const timed = (callback) =>
      typeof callback === "function"
        ? (value) => {
            eventStarted();
            return callback(value);
          }
        : callback;
    return then.call(this, timed(onValue), timed(onError));
  };
}

eventStarted();
globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(wall).toString(),
  construct: (target, args, newTarget) => Reflect.construct(target, args.length ? args : [wall], newTarget),
});
RealDate.now = () => wall;
Object.defineProperty(performance, "now", { value: () => monotonic, configurable: true, writable: true });
for (const name of ["setTimeout", "setInterval", "setImmediate"]) withTimers(globalThis, name);
const { fetch } = globalThis;
globalThis.fetch = (...args) => follow(fetch(...args));
watchCalls(cloudflareWorkers.RpcPromise);
watch(scheduler, caches, caches.default, new Request("http://clock/"), new Response());
for (const reader of [ReadableStreamDefaultReader, ReadableStreamBYOBReader]) {
  replaceOperation(reader.prototype, "read");
}
