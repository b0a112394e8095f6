/**
 * @param {{name: string}} input what the workflow hands over, already checked against input_schema
 * @param {{http: Function}} ctx asks the hosts of the contract: `await ctx.http(url, options)`
 */
export default async (input, ctx) => {
  if (typeof input.name !== "string") throw Object.assign(new Error("`name` is missing."), { code: "INVALID_INPUT" });
  return { greeting: `Hello, ${input.name}!` };
};
