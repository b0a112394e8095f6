//! The life of a component: stdin -> input -> data -> envelope -> stdout.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bump = @import("bump.zig");
const context = @import("context.zig");
const json = @import("json.zig");
const parse = @import("parse.zig");
const render = @import("render.zig");
const stdio = @import("stdio.zig");
const Context = context.Context;
const Input = @import("input.zig").Input;
const Value = json.Value;

const Answer = fn (*Context, Input) context.Error!Value;

const out_of_memory =
    \\{"success":false,"error":{"code":"OUT_OF_MEMORY","message":"The input or the result does not fit the memory."}}
;

/// Answer the call: whatever happens, one envelope is written and the exit code is 0.
pub fn serve(comptime answer: Answer) void {
    var ctx: Context = .{ .allocator = bump.allocator };
    stdio.writeAll(respond(&ctx, answer) catch out_of_memory);
}

fn respond(ctx: *Context, comptime answer: Answer) Allocator.Error![]const u8 {
    const envelope = if (evaluate(ctx, answer)) |data|
        try Value.from(ctx.allocator, .{ .success = true, .data = data })
    else |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Failed => try describeFailure(ctx.allocator, ctx.failure.?),
    };
    return render.render(ctx.allocator, envelope);
}

fn evaluate(ctx: *Context, comptime answer: Answer) context.Error!Value {
    const text = try stdio.readAll(ctx.allocator);
    if (!std.unicode.utf8ValidateSlice(text)) return ctx.fail("INVALID_JSON", "The input is not UTF-8.");
    var parser: parse.Parser = .init(ctx.allocator, text);
    const input = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => |reason| {
            const explained = try parser.explain(reason);
            return ctx.fail("INVALID_JSON", try ctx.print("The input is not valid JSON: {s}.", .{explained}));
        },
    };
    if (input != .object) return ctx.failInput("The input must be an object, not {s}.", .{input.kind()});
    return answer(ctx, .{ .ctx = ctx, .fields = input.object });
}

fn describeFailure(allocator: Allocator, failure: context.Failure) Allocator.Error!Value {
    const described = try Value.from(allocator, .{ .code = failure.code, .message = failure.message });
    if (failure.details) |details| {
        for (details.members()) |detail| try described.object.put(allocator, detail.name, detail.value);
    }
    const envelope = try Value.from(allocator, .{ .success = false, .@"error" = described });
    if (failure.data) |data| try envelope.object.put(allocator, "data", data);
    return envelope;
}
