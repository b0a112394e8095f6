//! try_catch: the branch to take after a step that may have failed.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const failure = input.optionalValue("error") orelse .null;
    const result = input.optionalValue("result") orelse .null;
    if (isFailure(failure)) return ctx.value(.{ .branch = "catch", .result = result, .@"error" = failure });
    return ctx.value(.{ .branch = "try", .result = result, .@"error" = @as(Value, .null) });
}

/// All but null, false and the empty text.
fn isFailure(value: Value) bool {
    return switch (value) {
        .null => false,
        .boolean => |flag| flag,
        .string => |text| text.len > 0,
        else => true,
    };
}
