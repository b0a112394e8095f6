//! set: an object with more or other members.

const std = @import("std");
const sdk = @import("sdk");
const paths = sdk.path;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// Together with the levels of a value (`sdk.parse.max_depth`) this many fit the stack.
const max_steps = 64;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const context = if (try input.optionalObject("context")) |given| given.fields else try sdk.newObject(ctx.allocator);
    if (try input.optionalObject("values")) |values| {
        for (values.fields.members()) |member| try context.put(ctx.allocator, member.name, member.value);
    }
    for (try input.optionalList("assignments") orelse &.{}, 0..) |assignment, i| {
        const name = try ctx.print("assignments[{d}]", .{i});
        if (assignment != .object) return input.mistyped(name, "an object", assignment);
        const prefix = try ctx.print("{s}.", .{name});
        try assign(ctx, context, .{ .ctx = ctx, .fields = assignment.object, .prefix = prefix });
    }
    return .{ .object = context };
}

fn assign(ctx: *Context, context: *sdk.Object, assignment: Input) Error!void {
    try assignment.allowOnly(&.{ "key", "value" });
    const key = try assignment.text("key");
    const path = try paths.parse(ctx.allocator, key) orelse {
        return assignment.mistyped("key", "a path like a.b[0]", .{ .string = key });
    };
    if (path.len > max_steps) {
        return ctx.failInput("`{s}key` must have at most {d} steps.", .{ assignment.prefix, max_steps });
    }
    const value = try assignment.value("value");
    var target: Value = .{ .object = context };
    for (path, 0..) |step, i| {
        const is_last = i == path.len - 1;
        switch (target) {
            .object => |object| {
                const found = object.get(step) orelse .null;
                target = if (is_last) value else if (found == .null) try newObject(ctx) else found;
                try object.put(ctx.allocator, step, target);
            },
            .array => |items| {
                const at = paths.position(step, items.len) orelse return failMissing(ctx, key, step, items.len);
                target = if (is_last) value else if (items[at] == .null) try newObject(ctx) else items[at];
                // The parser made the list for this call alone.
                @constCast(items)[at] = target;
            },
            else => return ctx.fail("INVALID_PATH", try ctx.print(
                "`{s}` cannot be set: `{s}` would lead into {s}.",
                .{ key, step, target.kind() },
            )),
        }
    }
}

fn newObject(ctx: *Context) Error!Value {
    return .{ .object = try sdk.newObject(ctx.allocator) };
}

fn failMissing(ctx: *Context, key: []const u8, step: []const u8, count: usize) Error {
    return ctx.fail("INVALID_PATH", try ctx.print(
        "`{s}` cannot be set: a list of {d} has no element `{s}`.",
        .{ key, count, step },
    ));
}
