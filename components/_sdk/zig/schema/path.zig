//! Where a value lies: a chain of names and positions, kept on the stack and rendered as a JSON Pointer (RFC 6901).

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const Path = union(enum) {
    root,
    /// A place as a JSON Pointer.
    pointer: []const u8,
    name: struct { parent: *const Path, name: []const u8 },
    position: struct { parent: *const Path, position: usize },

    pub fn member(parent: *const Path, name: []const u8) Path {
        return .{ .name = .{ .parent = parent, .name = name } };
    }

    pub fn item(parent: *const Path, position: usize) Path {
        return .{ .position = .{ .parent = parent, .position = position } };
    }

    pub fn render(path: *const Path, allocator: Allocator) Allocator.Error![]const u8 {
        var pointer: std.ArrayList(u8) = .empty;
        try path.append(&pointer, allocator);
        return pointer.items;
    }

    fn append(path: *const Path, pointer: *std.ArrayList(u8), allocator: Allocator) Allocator.Error!void {
        switch (path.*) {
            .root => {},
            .pointer => |text| try pointer.appendSlice(allocator, text),
            .name => |step| {
                try step.parent.append(pointer, allocator);
                try pointer.append(allocator, '/');
                for (step.name) |byte| switch (byte) {
                    '~' => try pointer.appendSlice(allocator, "~0"),
                    '/' => try pointer.appendSlice(allocator, "~1"),
                    else => try pointer.append(allocator, byte),
                };
            },
            .position => |step| {
                try step.parent.append(pointer, allocator);
                try pointer.print(allocator, "/{d}", .{step.position});
            },
        }
    }
};
