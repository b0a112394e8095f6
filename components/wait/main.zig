//! wait: lets some time pass.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// The host's own limit for one `sleep`.
const max_ms = 30_000;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const duration_ms = try input.integer("ms", .{ .max = max_ms });
    if (duration_ms > 0) try sdk.host.sleep(ctx, duration_ms);
    return ctx.value(.{ .waited_ms = duration_ms });
}
