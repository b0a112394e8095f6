//! csv: comma-separated values (RFC 4180) and rows, both ways.

const sdk = @import("sdk");
const read = @import("read.zig");
const write = @import("write.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const Operation = enum { parse, write };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    return switch (try input.choice(Operation, "operation")) {
        .parse => read.parse(ctx, input),
        .write => write.write(ctx, input),
    };
}
