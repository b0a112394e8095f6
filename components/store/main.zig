//! store: keeps values by key that outlive the run. The host does all of it (core/arcrun/store/operations.py).

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    _ = try input.text("op");
    return sdk.host.store(ctx, .{ .object = input.fields });
}
