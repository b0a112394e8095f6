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

/// The most that the host takes from stdout: MAX_STDOUT_BYTES of core/arcrun/wasm/abi.py.
const max_output_bytes = 4 * 1024 * 1024;

const out_of_memory =
    \\{"success":false,"error":{"code":"OUT_OF_MEMORY","message":"The input or the result does not fit the memory."
;

/// Nothing is left to print a size with.
const reply_out_of_memory =
    "{\"success\":false,\"error\":{\"code\":\"RESPONSE_TOO_LARGE\",\"retriable\":false," ++
    "\"message\":\"The values of the answer do not fit a component's memory (64 MiB).\"}}";

/// Answer the call: whatever happens, one envelope is written and the exit code is 0.
pub fn serve(comptime answer: Answer) void {
    var ctx: Context = .{ .allocator = bump.allocator };
    stdio.writeAll(respond(&ctx, answer) catch out_of_memory ++ "}}");
}

/// The same for a component that reaches outside through the host. Each of its errors carries "retriable": whether the
/// same call may succeed later; and RESPONSE_TOO_LARGE says that what came from outside is more than the host takes.
pub fn serveOutside(comptime answer: Answer) void {
    var ctx: Context = .{ .allocator = bump.allocator };
    stdio.writeAll(respondOutside(&ctx, answer) catch
        if (ctx.has_reply) reply_out_of_memory else out_of_memory ++ ",\"retriable\":false}}");
}

/// Memory for a library in C, which cannot return an error: if there is none left, that is the answer, and the call ends.
pub fn allocateOrEnd(comptime alignment: std.mem.Alignment, size: usize) [*]u8 {
    const memory = bump.allocator.alignedAlloc(u8, alignment, @max(size, 1)) catch {
        stdio.writeAll(out_of_memory ++ "}}");
        std.os.wasi.proc_exit(0);
    };
    return memory.ptr;
}

fn respond(ctx: *Context, comptime answer: Answer) Allocator.Error![]const u8 {
    const envelope = if (evaluate(ctx, answer)) |data|
        try describeSuccess(ctx.allocator, data)
    else |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Failed => try describeFailure(ctx.allocator, ctx.failure.?, .{}),
    };
    return render.render(ctx.allocator, envelope);
}

fn respondOutside(ctx: *Context, comptime answer: Answer) Allocator.Error![]const u8 {
    const envelope = if (evaluate(ctx, answer)) |data|
        try describeSuccess(ctx.allocator, data)
    else |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Failed => try describeFailure(ctx.allocator, ctx.failure.?, .{ .says_retriable = true }),
    };
    const output = try render.render(ctx.allocator, envelope);
    return if (output.len <= max_output_bytes) output else respondTooLarge(ctx, output.len);
}

/// A failure stays what it is, without its data.
fn respondTooLarge(ctx: *Context, size: usize) Allocator.Error![]const u8 {
    var failure: context.Failure = ctx.failure orelse .{
        .code = "RESPONSE_TOO_LARGE",
        .message = try ctx.allocator.print(
            "With this answer the output has {d} bytes as JSON; it may have {d} (4 MiB).",
            .{ size, max_output_bytes },
        ),
    };
    failure.data = null;
    return render.render(ctx.allocator, try describeFailure(ctx.allocator, failure, .{ .says_retriable = true }));
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

fn describeSuccess(allocator: Allocator, data: Value) Allocator.Error!Value {
    return Value.from(allocator, .{ .success = true, .data = data });
}

fn describeFailure(
    allocator: Allocator,
    failure: context.Failure,
    comptime form: struct { says_retriable: bool = false },
) Allocator.Error!Value {
    const described = try Value.from(allocator, .{ .code = failure.code, .message = failure.message });
    if (form.says_retriable) {
        try described.object.put(allocator, "retriable", .{ .boolean = failure.retriable });
        if (failure.retry_after_s) |seconds| {
            try described.object.put(allocator, "retry_after_s", try Value.from(allocator, seconds));
        }
    }
    if (failure.details) |details| {
        for (details.members()) |detail| try described.object.put(allocator, detail.name, detail.value);
    }
    const envelope = try Value.from(allocator, .{ .success = false, .@"error" = described });
    if (failure.data) |data| try envelope.object.put(allocator, "data", data);
    return envelope;
}
