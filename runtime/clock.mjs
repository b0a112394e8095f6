// Time in a Worker, as workerd has it: it goes on while code computes. `acr dev --production-clock` puts
// production_clock.mjs in its place.

/** An event reaches the Worker. */
export function eventStarted() {}

/** Of these objects of the platform each operation takes time. */
export function watch() {}
