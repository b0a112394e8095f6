//! {name} -> {greeting}. sdk/README.md documents the SDK.
const sdk = @import("sdk");

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *sdk.Context, input: sdk.Input) sdk.Error!sdk.Value {
    const name = try input.text("name"); // INVALID_INPUT if it is missing or not a string
    return ctx.value(.{ .greeting = try ctx.print("Hello, {s}!", .{name}) });
}
