/** The language's settings of a step as a schema, for a form: docs/language.md, Settings. */
import type { Schema } from "../../api/types";

const count = (description: string, more: Schema = {}): Schema => ({ type: "integer", description, ...more });

export const STEP_SETTINGS: Record<string, Schema> = {
  take: { type: "string", description: "What the input begins with: a step, an item, or a path." },
  retry: {
    type: "object",
    description: "Runs a failed step again.",
    properties: {
      max_attempts: count("Attempts in all."),
      backoff: { enum: ["exponential", "linear", "fixed"] },
      initial_ms: count("Milliseconds before the second attempt."),
      max_ms: count("Milliseconds between two attempts at most."),
      on: { type: "array", items: { type: "string" }, description: "Error codes and statuses: HTTP_TIMEOUT, 429, 5xx." },
    },
  },
  repeat: {
    type: "object",
    description: "Runs the step in rounds until a condition is met.",
    required: ["until", "max"],
    properties: {
      until: { type: "string", description: "A condition, as in IF." },
      max: count("Rounds at most."),
      wait_ms: count("Milliseconds between two rounds."),
      backoff: { enum: ["fixed", "exponential"] },
      on_max: { enum: ["fail", "continue"], description: "What becomes of the step after the last round." },
    },
  },
  foreach: {
    type: "object",
    description: "How the loop runs that leaves the step.",
    properties: {
      concurrency: count("Elements at once."),
      on_error: { enum: ["stop", "continue"] },
      tolerate: { description: "Failures that are put up with: 5, or 10%." },
      until: { type: "string", description: "A condition that ends the loop." },
      batch: count("Elements that go through it together."),
    },
  },
  join: { description: "any, all, first, or {at_least: N}: which of several lines into it must come." },
  timeout_ms: count("Milliseconds that an attempt may take."),
  cpu_ms: count("Milliseconds that its component may compute."),
  once: { type: "boolean", description: "Whether a crash must not run it twice." },
};
