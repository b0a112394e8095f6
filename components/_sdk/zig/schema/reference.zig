//! What a `$ref` leads to: a place within the schema, by JSON Pointer (RFC 6901), `$anchor` or `$id`.

const std = @import("std");
const json = @import("../json.zig");
const path = @import("../path.zig");
const percent = @import("../percent.zig");
const Value = json.Value;
const Allocator = std.mem.Allocator;

/// A schema with an `$id`, or the whole: what references within it start from.
const Identified = struct { id: []const u8, schema: Value };
const Anchored = struct { name: []const u8, resource: Value, schema: Value };

/// `resource` is the schema that the pointer starts from.
pub const Target = struct { schema: Value, resource: Value, pointer: []const u8 };

/// The names that a schema has for its parts. An `$id` is compared as it is written, without its empty fragment.
pub const Names = struct {
    ids: std.ArrayList(Identified) = .empty,
    anchors: std.ArrayList(Anchored) = .empty,

    pub fn addId(names: *Names, allocator: Allocator, id: []const u8, schema: Value) Allocator.Error!void {
        try names.ids.append(allocator, .{ .id = withoutFragment(id), .schema = schema });
    }

    pub fn addAnchor(
        names: *Names,
        allocator: Allocator,
        name: []const u8,
        resource: Value,
        schema: Value,
    ) Allocator.Error!void {
        try names.anchors.append(allocator, .{ .name = name, .resource = resource, .schema = schema });
    }

    /// Null if there is nothing.
    pub fn find(names: *const Names, allocator: Allocator, reference: []const u8, resource: Value) !?Target {
        const uri = withoutFragment(reference);
        const base = if (uri.len == 0) resource else names.findId(uri) orelse return null;
        const fragment = try decodeFragment(allocator, reference) orelse return null;
        const found: ?Value = if (fragment.len == 0)
            base
        else if (fragment[0] == '/')
            try follow(allocator, base, fragment)
        else
            names.findAnchor(fragment, base);
        return .{ .schema = found orelse return null, .resource = base, .pointer = fragment };
    }

    fn findId(names: *const Names, uri: []const u8) ?Value {
        return for (names.ids.items) |identified| {
            if (std.mem.eql(u8, identified.id, uri)) break identified.schema;
        } else null;
    }

    fn findAnchor(names: *const Names, name: []const u8, resource: Value) ?Value {
        return for (names.anchors.items) |anchored| {
            if (isSame(anchored.resource, resource) and std.mem.eql(u8, anchored.name, name)) break anchored.schema;
        } else null;
    }
};

fn isSame(a: Value, b: Value) bool {
    return a == .object and b == .object and a.object == b.object;
}

fn withoutFragment(uri: []const u8) []const u8 {
    return uri[0 .. std.mem.indexOfScalar(u8, uri, '#') orelse uri.len];
}

/// What follows `#`, without its percent-encoding; empty if there is none, null if that is wrong.
fn decodeFragment(allocator: Allocator, reference: []const u8) Allocator.Error!?[]const u8 {
    const at = std.mem.indexOfScalar(u8, reference, '#') orelse return "";
    return percent.decode(allocator, reference[at + 1 ..]);
}

fn follow(allocator: Allocator, base: Value, pointer: []const u8) Allocator.Error!?Value {
    var value = base;
    var steps = std.mem.splitScalar(u8, pointer[1..], '/');
    while (steps.next()) |escaped| {
        const step = try unescape(allocator, escaped) orelse return null;
        value = switch (value) {
            .object => |object| object.get(step) orelse return null,
            .array => |items| items[readPosition(step, items.len) orelse return null],
            else => return null,
        };
    }
    return value;
}

/// RFC 6901, section 4: first ~1, then ~0. Null if another character follows a `~`.
fn unescape(allocator: Allocator, step: []const u8) Allocator.Error!?[]const u8 {
    for (step, 1..) |char, next| {
        if (char == '~' and (next == step.len or step[next] != '0' and step[next] != '1')) return null;
    }
    const slashes = try std.mem.replaceOwned(u8, allocator, step, "~1", "/");
    return try std.mem.replaceOwned(u8, allocator, slashes, "~0", "~");
}

fn readPosition(step: []const u8, count: usize) ?usize {
    if (step.len > 1 and step[0] == '0') return null;
    return path.position(step, count);
}
