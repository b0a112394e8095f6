/** Shapes of answers. Fields that are left out where there is nothing to say are optional. */

/** A `bigint` is an integer that a number cannot hold. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

export type Right = "read" | "run" | "push" | "admin";

export interface Session {
  id: string;
  /** Of the key that has signed in: what two sessions of the same person have in common. */
  key_id: string;
  can: Right;
  workflow: string | null;
  read_only: boolean;
  expires_at: string | null;
  platform: { name?: string; url?: string; multi_tenant?: boolean; version?: string };
}

export interface Pause {
  on_trigger: "refuse" | "queue";
  all: boolean;
}

export interface WorkflowHead {
  name: string;
  version: number;
  latest: number;
  updated_at: string;
  calls: string[] | null;
  file: string | null;
  token: string;
  webhook_url: string;
  email_address?: string;
  paused: Pause | null;
}

export interface Schedule {
  workflow: string;
  number: number;
  cron?: string;
  every?: string;
  at?: string;
  zone?: string;
  paused: boolean;
  delayed_since: string | null;
  next: { utc: string; local: string }[];
  last_due_at: string | null;
  last_run_id: string | null;
  waiting: number;
  skipped: number;
  missed: number;
  watch?: { last_polled_at: string | null; error: string | null; listed: number; started: number; kept: number };
}

export interface Workflow extends WorkflowHead {
  workflow: string | Record<string, Json>;
  versions: { version: number; pushed_at: string }[];
  called_by: string[];
  refused: { count: number; codes: Record<string, number>; since: string; last_at: string } | null;
  vars: Record<string, Json> | null;
  steps: { text: string; steps: number } | null;
  schedules?: Schedule[];
  after?: string[];
  followed_by?: string[];
  failure_of?: string[];
}

export interface Diagnostic {
  code: string;
  message: string;
  hint: string | null;
  severity: "error" | "warning" | "hint";
  file: string | null;
  line: number | null;
  column: number | null;
}

export type RunStatus =
  | "success"
  | "failed"
  | "running"
  | "queued"
  | "lost"
  | "cancelled"
  | "needs_decision"
  | "stopped"
  | "waiting"
  | "skipped";

export interface Verdict {
  run_id: string;
  workflow: string;
  version: number;
  trigger: string;
  status: RunStatus;
  started_at: string;
  duration_ms?: number;
  error?: string;
  node?: string;
  replay_of?: string;
  retried_by?: string;
}

export interface Fault {
  code: string;
  message: string;
  retriable?: boolean;
  next_actions?: string[];
  details?: Record<string, Json>;
}

export interface TraceEntry {
  node: string;
  component: string;
  status: "success" | "failed" | "skipped" | "waiting";
  attempts: number;
  start_ms: number;
  duration_ms: number;
  taken_over?: boolean;
  fuel?: number;
  iterations?: { success: number; failed: number; skipped: number };
  index?: number[];
  rounds?: { count: number; trace: (TraceEntry & { round: number })[] };
  input?: Json;
  output?: Json;
  error?: Fault;
  log?: string;
  trace?: TraceEntry[] | { _truncated: true; entries: number };
  sha256?: string;
}

export interface Run extends Omit<Verdict, "error"> {
  error?: Fault;
  data?: Json;
  trace?: TraceEntry[];
  undone?: "complete" | "partial";
  undos?: TraceEntry[];
  response?: { status: number; error?: Json };
  input?: Json;
  waits_for?: string;
  dead_until?: string;
  decisions?: { node: string; asked_at: string }[];
}

export interface Approval {
  node: string;
  title: string;
  text: string;
  choices: string[];
  approvers: string[];
}

/** The part of JSON Schema that contracts and `input_schema` use. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: Json[];
  const?: Json;
  default?: Json;
  examples?: Json[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

export interface Contract {
  canonical_id: string;
  display_name: string;
  description: string;
  category: string;
  version: string;
  stability?: string;
  author?: string;
  tags?: string[];
  capabilities?: string[];
  constraints?: Record<string, Json>;
  input_schema: Schema;
  output_schema: Schema;
  config_example?: Json;
  credentials_required?: { key: string; description?: string; help_url?: string; inject_as?: string }[];
  gherkin_tests?: { scenario: string }[];
}

export interface Template {
  name: string;
  description: string;
  text: string;
}
