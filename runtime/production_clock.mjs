// The clock of a Worker in production: it stands still while code computes, and advances when a timer fires, when an
// event reaches the Worker, and when the result of a platform operation arrives. Python's clocks only read Date and
// performance.now. https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading
import * as cloudflareWorkers from "cloudflare:workers";

const RealDate = Date;
const readWall = Date.now;
const readMonotonic = performance.now.bind(performance);
// Prototypes of the language, whose operations are not the platform's I/O.
const LANGUAGE = new Set(
  Object.getOwnPropertyNames(globalThis)
    .filter((name) => !["Request", "Response"].includes(name))
    .map((name) => globalThis[name]?.prototype)
    .filter(Boolean),
);
const watched = new WeakSet([Object.prototype, Function.prototype, Array.prototype, Promise.prototype]);

let wall;
let monotonic;

/** Advance the clock, because an event has reached the Worker. */
export function eventStarted() {
  wall = readWall();
  monotonic = readMonotonic();
}

/** Make the clock advance after each operation of these platform objects, and of the objects that they return. */
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

/** Watch an operation's result. If it is a promise, the clock advances when it settles. */
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

/** Make a timer function advance the clock before its callback. */
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

/** Calls of another Worker or object return a special promise with its own `then`. */
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
