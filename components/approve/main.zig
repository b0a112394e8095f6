//! approve: asks people to decide. A durable run does not call it: it waits by itself (arcrun/durable/waits.py).

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    _ = try input.text("title");
    return ctx.fail("NEEDS_DURABLE", "Only a durable run can wait for a decision: write `durable: true` in the workflow.");
}
