//! ai_transform_compile: an instruction -> a program for ai_transform_run, with one question to Workers AI.

const std = @import("std");
const sdk = @import("sdk");
const prompt = @import("prompt.zig");
const reply = @import("reply.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const default_model = "@cf/meta/llama-3.3-70b-instruct-fp8-fast";
const max_instruction = 4000;
const max_sample_bytes = 16 * 1024;

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const instruction = try input.text("instruction");
    const length = sdk.text.count(instruction);
    if (length == 0 or length > max_instruction) {
        return ctx.fail("INVALID_INPUT", "`instruction` must have 1 to 4000 characters.");
    }
    const sample = try input.value("sample_input");
    const model = try input.optionalText("model") orelse default_model;
    const bare = std.mem.trim(u8, instruction, " \t\r\n");
    if (bare.len > 0 and bare[0] == '{' and bare[bare.len - 1] == '}') {
        const given = try reply.parseText(ctx, bare) orelse .null;
        if (given.get("version") != null) return check(ctx, given, sample, null);
    }
    const rendered = try sdk.render(ctx.allocator, sample);
    if (rendered.len > max_sample_bytes) {
        return ctx.fail("INVALID_INPUT", "`sample_input` must have at most 16 KiB as JSON: a few items are enough.");
    }
    const request = try prompt.build(ctx, model, instruction, rendered);
    return check(ctx, try reply.readProgram(ctx, try sdk.host.aiRun(ctx, request)), sample, model);
}

/// The program, and what it gives for the sample. A failure carries the program, so that one can see it.
fn check(ctx: *Context, source: Value, sample: Value, model: ?[]const u8) Error!Value {
    const program = switch (try sdk.transform.parse(ctx, source)) {
        .program => |program| program,
        .problems => |problems| {
            const why = try sdk.transform.explain(ctx, problems);
            return refuse(ctx, &.{ "The program is not valid: ", why }, source, problems);
        },
    };
    const output = sdk.transform.run(ctx, program, sample) catch |failure| {
        if (failure != error.Failed) return failure;
        return refuse(ctx, &.{ "The program fails on the sample: ", ctx.failure.?.message }, source, &.{});
    };
    const data = try sdk.newObject(ctx.allocator);
    try data.put(ctx.allocator, "program", source);
    try data.put(ctx.allocator, "sample_output", output);
    try data.put(ctx.allocator, "model", if (model) |name| .{ .string = name } else .null);
    return .{ .object = data };
}

fn refuse(ctx: *Context, message: []const []const u8, source: Value, problems: []const Value) Error {
    const details = try sdk.newObject(ctx.allocator);
    try details.put(ctx.allocator, "program", source);
    try details.put(ctx.allocator, "problems", .{ .array = problems });
    return ctx.failWith(.{
        .code = "INVALID_PROGRAM",
        .message = try std.mem.concat(ctx.allocator, u8, message),
        .details = details,
    });
}
