//! xml: XML as JSON, and the items of feeds (RSS and Atom).

const sdk = @import("sdk");
const convert = @import("convert.zig");
const feed = @import("feed.zig");
const parse = @import("parse.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const Operation = enum { parse, feed };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    const source = try input.text("input");
    return switch (operation) {
        .parse => ctx.value(.{ .result = try convert.convert(ctx, input, try parse.parse(ctx, source, .document)) }),
        .feed => feed.read(ctx, input, try parse.parse(ctx, source, .feed)),
    };
}
