//! filter: the items of a list for which a condition holds.

const std = @import("std");
const sdk = @import("sdk");
const Condition = @import("condition.zig").Condition;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const items = try input.list("items");
    const condition: Condition = try .parse(try input.object("condition"), items.len);
    var kept: std.ArrayList(Value) = try .initCapacity(ctx.allocator, items.len);
    for (items) |item| {
        if (condition.holds(item)) kept.appendAssumeCapacity(item);
    }
    return ctx.value(.{ .items = kept.items, .count = kept.items.len });
}
