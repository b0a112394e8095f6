//! render: a text made of a Mustache template and a value (https://mustache.github.io/mustache.5.html).

const std = @import("std");
const sdk = @import("sdk");
const parse = @import("parse.zig");
const write = @import("write.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const Escaping = enum { html, none };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const source = try input.optionalText("template") orelse try input.optionalText("from") orelse
        return ctx.failInput("`template` must be a text, but it is missing; `from` may stand for it.", .{});
    const partials = if (try input.optionalObject("partials")) |given| given.fields else try sdk.newObject(ctx.allocator);
    for (partials.members()) |partial| {
        if (partial.value != .string) return ctx.failInput("`partials.{s}` must be a text, not {s}.", .{ partial.name, partial.value.kind() });
    }
    var writer: write.Writer = .{
        .ctx = ctx,
        .partials = partials,
        .escapes = try input.optionalChoice(Escaping, "escape") orelse .html == .html,
        .is_strict = try input.optionalBoolean("strict") orelse false,
    };
    const nodes = try parse.parse(ctx, "template", source);
    const data = input.fields.get("data") orelse Value{ .object = try sdk.newObject(ctx.allocator) };
    try writer.writeAll(nodes, &.{ .value = data, .outer = null });
    return ctx.value(.{ .result = writer.text.items });
}
