//! stdin and stdout by WASI preview1's own functions.

const std = @import("std");
const wasi = std.os.wasi;
const Allocator = std.mem.Allocator;

const stdin = 0;
const stdout = 1;
const chunk_bytes = 64 * 1024;

pub fn readAll(allocator: Allocator) Allocator.Error![]const u8 {
    var text: std.ArrayList(u8) = .empty;
    while (true) {
        try text.ensureUnusedCapacity(allocator, chunk_bytes);
        const free = text.unusedCapacitySlice();
        var count: usize = 0;
        if (wasi.fd_read(stdin, &.{.{ .base = free.ptr, .len = free.len }}, 1, &count) != .SUCCESS) return text.items;
        if (count == 0) return text.items;
        text.items.len += count;
    }
}

pub fn writeAll(text: []const u8) void {
    var left = text;
    while (left.len > 0) {
        var count: usize = 0;
        if (wasi.fd_write(stdout, &.{.{ .base = left.ptr, .len = left.len }}, 1, &count) != .SUCCESS) return;
        left = left[count..];
    }
}
