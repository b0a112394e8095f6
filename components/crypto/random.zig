//! Random values: the host seeds them for each call.

const std = @import("std");
const sdk = @import("sdk");
const bytes = @import("bytes.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;

const max_bytes = 1024;

pub fn fill(ctx: *Context, target: []u8) Error!void {
    if (std.os.wasi.random_get(target.ptr, target.len) != .SUCCESS) {
        return ctx.fail("NO_RANDOMNESS", "The host gave no random bytes.");
    }
}

pub fn text(ctx: *Context, input: Input) Error![]const u8 {
    const made = try ctx.allocator.alloc(u8, @intCast(try input.optionalInteger("bytes", .{ .min = 1, .max = max_bytes }) orelse 32));
    try fill(ctx, made);
    return bytes.encode(input, made, .hex);
}

/// RFC 9562: version 4 is random, version 7 begins with the time, so that later ones sort behind earlier ones.
pub fn uuid(ctx: *Context, input: Input) Error![]const u8 {
    const version = try input.optionalInteger("version", .{ .min = 4, .max = 7 }) orelse 4;
    if (version != 4 and version != 7) {
        return input.ctx.failInput("`version` must be 4 or 7, not {d}.", .{version});
    }
    var made: [16]u8 = undefined;
    try fill(ctx, &made);
    if (version == 7) std.mem.writeInt(u48, made[0..6], @intCast(@divFloor(sdk.clock.now(), 1000)), .big);
    made[6] = made[6] & 0x0f | @as(u8, @intCast(version)) << 4;
    made[8] = made[8] & 0x3f | 0x80;
    const hex = try bytes.encodeAs(ctx.allocator, &made, .hex);
    return std.mem.join(ctx.allocator, "-", &.{ hex[0..8], hex[8..12], hex[12..16], hex[16..20], hex[20..32] });
}
