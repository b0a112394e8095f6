//! {name} -> {greeting}. sdk/README.md says what the SDK has.
const sdk = @import("sdk");

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *sdk.Context, input: sdk.Input) sdk.Error!sdk.Value {
    const name = try input.text("name"); // INVALID_INPUT if it is missing or no text
    return ctx.value(.{ .greeting = try ctx.print("Hello, {s}!", .{name}) });
}
