// The default clock of a Worker, workerd's: it runs on while code computes. `acr dev --production-clock` uses
// production_clock.mjs instead.

/** Called when an event reaches the Worker. */
export function eventStarted() {}

/** Called with platform objects whose operations take time. */
export function watch() {}
