interface Input {
  name: string;
}

interface Answer {
  status: number;
  ok: boolean;
  headers: Record<string, string | string[]>;
  body: string;
  json(): any;
}

/** Asks the hosts of the contract. */
interface Context {
  http(url: string, options?: { method?: string; headers?: Record<string, string>; body?: string; json?: unknown }): Promise<Answer>;
}

export default async (input: Input, _ctx: Context): Promise<{ greeting: string }> => {
  if (typeof input.name !== "string") throw Object.assign(new Error("`name` is missing."), { code: "INVALID_INPUT" });
  return { greeting: `Hello, ${input.name}!` };
};
