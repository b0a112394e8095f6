//! The form of OpenAI's chat completions, which many services have, and of Workers AI.
//! https://platform.openai.com/docs/api-reference/chat, https://developers.cloudflare.com/workers-ai/features/json-mode/

const std = @import("std");
const sdk = @import("sdk");
const ask = @import("ask.zig");
const verdict = @import("verdict.zig");
const isStrict = @import("strict.zig").isStrict;
const Ask = ask.Ask;
const Call = verdict.Call;
const Context = sdk.Context;
const Error = sdk.Error;
const Reply = verdict.Reply;
const Session = sdk.models.Session;
const Value = sdk.Value;

/// Workers AI stops at 256 tokens if nothing is said.
const default_workers_ai_tokens = 2048;

pub const Dialogue = struct {
    ctx: *Context,
    /// Null for Workers AI.
    session: ?Session,
    asked: *const Ask,
    messages: std.ArrayList(Value) = .empty,

    pub fn begin(ctx: *Context, session: ?Session, asked: *const Ask) Error!Dialogue {
        var dialogue: Dialogue = .{ .ctx = ctx, .session = session, .asked = asked };
        if (asked.system) |system| try dialogue.say("system", .{ .string = system });
        for (asked.messages, 1..) |message, count| {
            const is_last = count == asked.messages.len;
            const content = if (is_last) try dialogue.withImages(message.text) else Value{ .string = message.text };
            try dialogue.say(@tagName(message.role), content);
        }
        for (asked.turns) |turn| {
            try dialogue.messages.append(ctx.allocator, turn.said);
            for (turn.results) |result| try dialogue.tell(result, turn.said.get("tool_calls") != null);
        }
        return dialogue;
    }

    fn say(dialogue: *Dialogue, role: []const u8, content: Value) Error!void {
        const message = try dialogue.ctx.value(.{ .role = role, .content = content });
        try dialogue.messages.append(dialogue.ctx.allocator, message);
    }

    fn tell(dialogue: *Dialogue, result: ask.Result, has_ids: bool) Error!void {
        const ctx = dialogue.ctx;
        const message = try ctx.value(.{ .role = "tool", .content = result.content });
        const key, const value = if (has_ids) .{ "tool_call_id", result.id } else .{ "name", result.name };
        try message.object.put(ctx.allocator, key, .{ .string = value });
        try dialogue.messages.append(ctx.allocator, message);
    }

    fn withImages(dialogue: *Dialogue, text: []const u8) Error!Value {
        const ctx = dialogue.ctx;
        const images = dialogue.asked.images;
        if (images.len == 0) return .{ .string = text };
        const parts = try ctx.allocator.alloc(Value, images.len + 1);
        parts[0] = try ctx.value(.{ .type = "text", .text = text });
        for (images, parts[1..]) |image, *part| {
            const url = switch (image) {
                .url => |url| if (dialogue.session != null) url else {
                    return ctx.failInput("Workers AI fetches no images: give `base64` and `content_type`.", .{});
                },
                .inlined => |inlined| try ctx.print("data:{s};base64,{s}", .{ inlined.content_type, inlined.base64 }),
            };
            part.* = try ctx.value(.{ .type = "image_url", .image_url = .{ .url = url } });
        }
        return .{ .array = parts };
    }

    pub fn repair(dialogue: *Dialogue, reply: Reply, reasons: []const u8) Error!void {
        const text = if (reply.json) |json| try sdk.render(dialogue.ctx.allocator, json) else reply.text;
        try dialogue.say("assistant", .{ .string = text });
        try dialogue.say("user", .{ .string = reasons });
    }

    pub fn send(dialogue: *Dialogue) Error!Reply {
        const ctx = dialogue.ctx;
        const asked = dialogue.asked;
        const body = try ctx.value(.{ .messages = dialogue.messages.items });
        const fields = body.object;
        if (asked.temperature) |lexeme| try fields.put(ctx.allocator, "temperature", .{ .number = lexeme });
        if (asked.tools.len > 0) try fields.put(ctx.allocator, "tools", try dialogue.renderTools());
        if (try dialogue.renderFormat()) |format| try fields.put(ctx.allocator, "response_format", format);
        const session = dialogue.session orelse {
            const most = asked.max_tokens orelse default_workers_ai_tokens;
            try fields.put(ctx.allocator, "max_tokens", try ctx.value(most));
            const found = sdk.models.runWorkersAi(ctx, asked.model, body, asked.private) catch |failure| {
                if (failure == error.Failed) renameUnmetMode(ctx);
                return failure;
            };
            if (found.get("choices") != null) return try readChoice(ctx, found) orelse failUnknown(ctx);
            return readResponse(ctx, found, most);
        };
        try fields.put(ctx.allocator, "model", .{ .string = asked.model });
        if (asked.max_tokens) |most| {
            // OpenAI's newer models refuse `max_tokens`, which is all that many other services know.
            const name = if (session.is_vendor) "max_completion_tokens" else "max_tokens";
            try fields.put(ctx.allocator, name, try ctx.value(most));
        }
        const answered = try session.post("/chat/completions", body, asked.private);
        return try readChoice(ctx, answered.body) orelse session.misunderstand(answered, asked.private);
    }

    fn renderTools(dialogue: *Dialogue) Error!Value {
        const ctx = dialogue.ctx;
        const tools = try ctx.allocator.alloc(Value, dialogue.asked.tools.len);
        for (dialogue.asked.tools, tools) |tool, *value| value.* = try ctx.value(.{
            .type = "function",
            .function = .{ .name = tool.name, .description = tool.description, .parameters = tool.input_schema },
        });
        return .{ .array = tools };
    }

    fn renderFormat(dialogue: *Dialogue) Error!?Value {
        const ctx = dialogue.ctx;
        const schema = dialogue.asked.schema orelse return null;
        return switch (dialogue.asked.structure) {
            .prompt => null,
            .json_object => try ctx.value(.{ .type = "json_object" }),
            .native => if (dialogue.session == null)
                try ctx.value(.{ .type = "json_schema", .json_schema = schema.root })
            else
                try ctx.value(.{ .type = "json_schema", .json_schema = .{
                    .name = "answer",
                    .strict = isStrict(schema.root),
                    .schema = schema.root,
                } }),
        };
    }
};

/// "JSON Mode couldn't be met" is what Workers AI says where a model has missed the schema.
fn renameUnmetMode(ctx: *Context) void {
    const failure = &ctx.failure.?;
    if (std.mem.indexOf(u8, failure.message, "JSON Mode couldn't be met") == null) return;
    failure.code = "ANSWER_MISMATCH";
    failure.retriable = true;
}

fn failUnknown(ctx: *Context) Error {
    return ctx.fail("INVALID_RESPONSE", "Workers AI answered with something that it does not document for such a model.");
}

/// {"choices": [{"message": {"content", "refusal", "tool_calls"}, "finish_reason"}], "model", "usage"}.
fn readChoice(ctx: *Context, body: Value) Error!?Reply {
    const choices = body.get("choices") orelse return null;
    if (choices != .array or choices.array.len == 0) return null;
    const choice = choices.array[0];
    const message = choice.get("message") orelse return null;
    if (message != .object) return null;
    const reason = textAt(choice, "finish_reason") orelse "stop";
    const refusal = textAt(message, "refusal") orelse "";
    const content = try readContent(ctx, message.get("content") orelse .null);
    const stop: verdict.Stop = if (std.mem.eql(u8, reason, "length"))
        .length
    else if (std.mem.eql(u8, reason, "content_filter"))
        .filtered
    else if (refusal.len > 0)
        .refused
    else
        .end;
    const said = try ctx.value(.{ .role = "assistant", .content = content });
    const called = message.get("tool_calls") orelse .null;
    const has_calls = stop == .end and called == .array and called.array.len > 0;
    if (has_calls) try said.object.put(ctx.allocator, "tool_calls", called);
    return .{
        .text = if (refusal.len > 0) refusal else content,
        .calls = if (has_calls) try readCalls(ctx, called.array) else &.{},
        .stop = stop,
        .stop_reason = reason,
        .model = textAt(body, "model") orelse "",
        .usage = readUsage(body),
        .said = said,
    };
}

/// A text, or a list of parts of which some services have some that are no text.
fn readContent(ctx: *Context, content: Value) Error![]const u8 {
    if (content == .string) return content.string;
    if (content != .array) return "";
    var text: std.ArrayList(u8) = .empty;
    for (content.array) |part| try text.appendSlice(ctx.allocator, textAt(part, "text") orelse "");
    return text.items;
}

/// [{"id", "function": {"name", "arguments": JSON in a text}}].
fn readCalls(ctx: *Context, listed: []const Value) Error![]const Call {
    const calls = try ctx.allocator.alloc(Call, listed.len);
    for (listed, calls) |value, *call| {
        const function = value.get("function") orelse .null;
        call.* = try readCall(ctx, textAt(value, "id") orelse "", function);
    }
    return calls;
}

fn readCall(ctx: *Context, id: []const u8, function: Value) Error!Call {
    const name = textAt(function, "name") orelse "";
    const arguments = function.get("arguments") orelse .null;
    if (arguments != .string) return .{ .id = id, .name = name, .input = arguments };
    const text = if (arguments.string.len == 0) "{}" else arguments.string;
    var parser: sdk.parse.Parser = .initForeign(ctx.allocator, text);
    const input = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => |reason| {
            const problem = try ctx.print("The input is not JSON: {s}.", .{try parser.explain(reason)});
            return .{ .id = id, .name = name, .input = .null, .problem = problem };
        },
    };
    return .{ .id = id, .name = name, .input = input };
}

/// {"response": text or the JSON itself, "tool_calls": [{"name", "arguments"}], "usage"}: Workers AI's own form, which does
/// not say why a model has stopped.
fn readResponse(ctx: *Context, body: Value, most_tokens: i64) Error!Reply {
    const response = body.get("response") orelse .null;
    const listed = body.get("tool_calls") orelse .null;
    const usage = readUsage(body);
    if (response != .string and response != .object and listed != .array) return failUnknown(ctx);
    const text = if (response == .string) response.string else "";
    const is_cut = usage.output_tokens >= most_tokens;
    const has_calls = !is_cut and listed == .array and listed.array.len > 0;
    const calls = try ctx.allocator.alloc(Call, if (has_calls) listed.array.len else 0);
    if (has_calls) for (listed.array, calls, 1..) |value, *call, number| {
        call.* = try readCall(ctx, try ctx.print("call_{d}", .{number}), value);
    };
    const content = if (has_calls) try sdk.render(ctx.allocator, listed) else text;
    return .{
        .text = text,
        .json = if (response == .object) response else null,
        .calls = calls,
        .stop = if (is_cut) .length else .end,
        .stop_reason = if (is_cut) "length" else if (has_calls) "tool_calls" else "stop",
        .model = "",
        .usage = usage,
        .said = try ctx.value(.{ .role = "assistant", .content = content }),
    };
}

fn readUsage(body: Value) sdk.models.Usage {
    return .{
        .input_tokens = sdk.models.readCount(body, &.{ "usage", "prompt_tokens" }),
        .output_tokens = sdk.models.readCount(body, &.{ "usage", "completion_tokens" }),
    };
}

pub fn textAt(value: Value, name: []const u8) ?[]const u8 {
    const found = value.get(name) orelse return null;
    return if (found == .string) found.string else null;
}
