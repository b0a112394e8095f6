//! What Workers AI answers -> a program. Models wrap JSON in words and code fences, so it is looked for.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

const max_shown = 300;

/// {"response": the program as an object (JSON mode) or as a text}, or OpenAI's {"choices": [{"message": {"content"}}]}.
pub fn readProgram(ctx: *Context, answer: Value) Error!Value {
    const response = answer.get("response") orelse readChoice(answer) orelse .null;
    switch (response) {
        .object => return response,
        .string => |text| {
            if (try parseText(ctx, text)) |program| return program;
            return refuse(ctx, text);
        },
        else => return refuse(ctx, ""),
    }
}

fn readChoice(answer: Value) ?Value {
    const choices = answer.get("choices") orelse return null;
    if (choices != .array or choices.array.len == 0) return null;
    const message = choices.array[0].get("message") orelse return null;
    return message.get("content");
}

/// The object from the first brace to the last, if there is one.
pub fn parseText(ctx: *Context, text: []const u8) Error!?Value {
    const start = std.mem.indexOfScalar(u8, text, '{') orelse return null;
    const end = std.mem.lastIndexOfScalar(u8, text, '}') orelse return null;
    if (end < start) return null;
    var parser: sdk.parse.Parser = .initForeign(ctx.allocator, text[start .. end + 1]);
    const parsed = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => return null,
    };
    return parsed;
}

fn refuse(ctx: *Context, text: []const u8) Error {
    const details = try sdk.newObject(ctx.allocator);
    try details.put(ctx.allocator, "response", .{ .string = sdk.text.prefix(text, max_shown) });
    return ctx.failWith(.{
        .code = "INVALID_RESPONSE",
        .message = "The model did not answer with a program. Say it in other words, or try another model.",
        .details = details,
    });
}
