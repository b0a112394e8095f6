//! What a model has said, in the same form for all services; and what the call says of it.

const std = @import("std");
const sdk = @import("sdk");
const Ask = @import("ask.zig").Ask;
const Context = sdk.Context;
const Error = sdk.Error;
const Usage = sdk.models.Usage;
const Value = sdk.Value;

/// As much of an answer that is of no use as is kept.
const max_kept = 4000;

pub const Stop = enum { end, length, filtered, refused };

/// A call of a tool. `problem` says why it cannot be made.
pub const Call = struct { id: []const u8, name: []const u8, input: Value, problem: ?[]const u8 = null };

pub const Reply = struct {
    text: []const u8,
    /// The answer as JSON, if the service gives it so.
    json: ?Value = null,
    calls: []const Call = &.{},
    stop: Stop,
    /// The service's own word.
    stop_reason: []const u8,
    model: []const u8,
    usage: Usage,
    /// As the service wants it again when the dialogue goes on.
    said: Value,
};

pub fn describe(ctx: *Context, asked: *const Ask, reply: Reply, usage: Usage, json: ?Value) Error!Value {
    const text = if (json) |found| try sdk.render(ctx.allocator, found) else reply.text;
    const told = try ctx.value(.{ .text = text });
    if (json) |found| try told.object.put(ctx.allocator, "json", found);
    try addAccount(ctx, told, asked, reply, usage);
    return told;
}

/// The answer of a model that wants tools called first: `said` is to come back with what came of them.
pub fn describeCalls(ctx: *Context, asked: *const Ask, reply: Reply, usage: Usage) Error!Value {
    const calls = try ctx.allocator.alloc(Value, reply.calls.len);
    for (reply.calls, calls) |call, *value| {
        value.* = try ctx.value(.{ .id = call.id, .name = call.name, .input = call.input });
        const problem = call.problem orelse try findProblem(ctx, asked, call) orelse continue;
        try value.object.put(ctx.allocator, "problem", .{ .string = problem });
    }
    const told = try ctx.value(.{ .text = reply.text, .tool_calls = calls, .said = reply.said });
    try addAccount(ctx, told, asked, reply, usage);
    return told;
}

/// Why a call cannot be made: there is no such tool, or the input does not fit its schema.
fn findProblem(ctx: *Context, asked: *const Ask, call: Call) Error!?[]const u8 {
    const tool = for (asked.tools) |*tool| {
        if (std.mem.eql(u8, tool.name, call.name)) break tool;
    } else {
        const names = try ctx.allocator.alloc([]const u8, asked.tools.len);
        for (asked.tools, names) |tool, *name| name.* = tool.name;
        return try ctx.print("There is no such tool. The tools are {s}.", .{try std.mem.join(ctx.allocator, ", ", names)});
    };
    const errors = try sdk.schema.findErrors(ctx, &tool.checked, call.input);
    if (errors.len == 0) return null;
    const first = errors[0];
    return try ctx.print("The input does not fit its schema: \"{s}\" {s}.", .{
        first.get("path").?.string, first.get("message").?.string,
    });
}

fn addAccount(ctx: *Context, told: Value, asked: *const Ask, reply: Reply, usage: Usage) Error!void {
    const account = told.object;
    try account.put(ctx.allocator, "model", .{ .string = if (reply.model.len > 0) reply.model else asked.model });
    try account.put(ctx.allocator, "stop_reason", .{ .string = reply.stop_reason });
    try account.put(ctx.allocator, "usage", try ctx.value(.{
        .input_tokens = usage.input_tokens,
        .output_tokens = usage.output_tokens,
    }));
    if (asked.price) |price| try account.put(ctx.allocator, "cost", try price.of(ctx, usage));
}

/// Fails unless the model has said all that it had to say. What it has said is the failure's data.
pub fn requireWhole(ctx: *Context, asked: *const Ask, reply: Reply, usage: Usage) Error!void {
    const failure: sdk.Failure = switch (reply.stop) {
        .length => .{
            .code = "ANSWER_TRUNCATED",
            .message = "The model's answer ends in the middle: it has as many tokens as it may have. Raise `max_tokens`, or " ++
                "ask for less.",
        },
        .filtered => .{
            .code = "ANSWER_FILTERED",
            .message = "The service's filter has held back the answer. Another prompt, or another model, may help.",
        },
        .refused => .{
            .code = "ANSWER_REFUSED",
            .message = "The model refuses to answer. Say in `system` what the answer is for, or handle it: ON_FAIL.",
        },
        .end => if (reply.text.len > 0 or reply.json != null) return else .{
            .code = "ANSWER_EMPTY",
            .message = "The model has answered nothing. It may do so when asked again.",
            .retriable = true,
        },
    };
    return fail(ctx, asked, reply, usage, failure);
}

/// Fails because neither the answer nor the repaired one fits the schema.
pub fn refuseMismatch(ctx: *Context, asked: *const Ask, reply: Reply, usage: Usage, reasons: []const Value) Error {
    const is_json = reply.json != null or !std.mem.startsWith(u8, reasons[0].get("message").?.string, "is not JSON");
    return failBecause(ctx, asked, reply, usage, reasons, if (is_json) .{
        .code = "ANSWER_MISMATCH",
        .message = "The model's answer does not fit `schema`, also when asked again. Describe the fields in the schema, or " ++
            "take another model.",
        .retriable = true,
    } else .{
        .code = "ANSWER_NOT_JSON",
        .message = "The model's answer is not JSON, also when asked again. Take a model with structured output, or another " ++
            "`structure`.",
        .retriable = true,
    });
}

fn fail(ctx: *Context, asked: *const Ask, reply: Reply, usage: Usage, failure: sdk.Failure) Error {
    return failBecause(ctx, asked, reply, usage, &.{}, failure);
}

/// What the model has said is data, and in no error, which may be shown to whoever called the workflow.
fn failBecause(
    ctx: *Context,
    asked: *const Ask,
    reply: Reply,
    usage: Usage,
    reasons: []const Value,
    failure: sdk.Failure,
) Error {
    const text = if (reply.json) |json| try sdk.render(ctx.allocator, json) else reply.text;
    const data = try ctx.value(.{ .text = sdk.text.prefix(text, max_kept) });
    if (reasons.len > 0) try data.object.put(ctx.allocator, "reasons", .{ .array = reasons });
    try addAccount(ctx, data, asked, reply, usage);
    var told = failure;
    told.data = data;
    return ctx.failWith(told);
}
