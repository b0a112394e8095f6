//! An allocator that only moves forward through the instance's memory, and gives back no more than the latest block.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Alignment = std.mem.Alignment;

/// Where the stack and the static data end: a symbol of the linker, of which only the address means something.
extern const __heap_base: u8;

var at: usize = 0;
var end: usize = 0;

pub const allocator: Allocator = .{
    .ptr = undefined,
    .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = free },
};

fn alloc(_: *anyopaque, length: usize, alignment: Alignment, _: usize) ?[*]u8 {
    if (end == 0) {
        end = @wasmMemorySize(0) * std.wasm.page_size;
        at = @intFromPtr(&__heap_base);
    }
    const start = alignment.forward(at);
    return if (reach(start, length)) @ptrFromInt(start) else null;
}

/// Move to `start + length`, into more memory if need be.
fn reach(start: usize, length: usize) bool {
    const wanted, const overflows = @addWithOverflow(start, length);
    if (overflows == 1) return false;
    if (wanted > end) {
        const pages = (wanted - end - 1) / std.wasm.page_size + 1;
        if (@wasmMemoryGrow(0, pages) < 0) return false;
        end += pages * std.wasm.page_size;
    }
    at = wanted;
    return true;
}

fn resize(_: *anyopaque, block: []u8, _: Alignment, length: usize, _: usize) bool {
    if (@intFromPtr(block.ptr) + block.len == at) return reach(@intFromPtr(block.ptr), length);
    return length <= block.len;
}

fn remap(ctx: *anyopaque, block: []u8, alignment: Alignment, length: usize, caller: usize) ?[*]u8 {
    return if (resize(ctx, block, alignment, length, caller)) block.ptr else null;
}

fn free(_: *anyopaque, block: []u8, _: Alignment, _: usize) void {
    if (@intFromPtr(block.ptr) + block.len == at) at = @intFromPtr(block.ptr);
}
