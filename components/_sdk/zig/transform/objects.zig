//! The operations on objects.

const std = @import("std");
const context = @import("../context.zig");
const evaluate_ = @import("evaluate.zig");
const json = @import("../json.zig");
const Error = context.Error;
const Frame = evaluate_.Frame;
const Value = json.Value;

pub fn evaluate(frame: Frame) Error!Value {
    if (frame.call.operation == .merge) return merge(frame);
    const object = try frame.object(0);
    return switch (frame.call.operation) {
        .pick, .omit => choose(frame, object),
        else => list(frame, object.members()),
    };
}

/// The later ones overwrite.
fn merge(frame: Frame) Error!Value {
    const merged = try json.newObject(frame.allocator());
    for (try frame.list(0)) |part| {
        if (part == .null) continue;
        if (part != .object) return frame.mistyped(0, "a list of objects", part);
        for (part.object.members()) |member| try merged.put(frame.allocator(), member.name, member.value);
    }
    return .{ .object = merged };
}

fn choose(frame: Frame, object: *const json.Object) Error!Value {
    const keys = try frame.list(1);
    const chosen = try json.newObject(frame.allocator());
    for (object.members()) |member| {
        const is_listed = for (keys) |key| {
            if (key != .string) return frame.mistyped(1, "a list of texts", key);
            if (std.mem.eql(u8, key.string, member.name)) break true;
        } else false;
        if (is_listed == (frame.call.operation == .pick)) try chosen.put(frame.allocator(), member.name, member.value);
    }
    return .{ .object = chosen };
}

fn list(frame: Frame, members: []const json.Member) Error!Value {
    const listed = try frame.allocator().alloc(Value, members.len);
    for (members, listed) |member, *made| made.* = switch (frame.call.operation) {
        .keys => .{ .string = member.name },
        .values => member.value,
        else => try frame.pair(
            .{ .name = "key", .value = .{ .string = member.name } },
            .{ .name = "value", .value = member.value },
        ),
    };
    return .{ .array = listed };
}
