//! Anthropic's messages: https://platform.claude.com/docs/en/api/messages

const std = @import("std");
const sdk = @import("sdk");
const ask = @import("ask.zig");
const verdict = @import("verdict.zig");
const textAt = @import("chat.zig").textAt;
const Ask = ask.Ask;
const Call = verdict.Call;
const Context = sdk.Context;
const Error = sdk.Error;
const Reply = verdict.Reply;
const Session = sdk.models.Session;
const Value = sdk.Value;

/// The service wants a number.
const default_max_tokens = 4096;

pub const Dialogue = struct {
    ctx: *Context,
    session: Session,
    asked: *const Ask,
    messages: std.ArrayList(Value) = .empty,

    pub fn begin(ctx: *Context, session: Session, asked: *const Ask) Error!Dialogue {
        var dialogue: Dialogue = .{ .ctx = ctx, .session = session, .asked = asked };
        for (asked.messages, 1..) |message, count| {
            const is_last = count == asked.messages.len;
            const content = if (is_last) try dialogue.withImages(message.text) else Value{ .string = message.text };
            try dialogue.say(@tagName(message.role), content);
        }
        for (asked.turns) |turn| {
            try dialogue.messages.append(ctx.allocator, turn.said);
            const blocks = try ctx.allocator.alloc(Value, turn.results.len);
            for (turn.results, blocks) |result, *block| block.* = try dialogue.renderResult(result);
            try dialogue.say("user", .{ .array = blocks });
        }
        return dialogue;
    }

    fn say(dialogue: *Dialogue, role: []const u8, content: Value) Error!void {
        const message = try dialogue.ctx.value(.{ .role = role, .content = content });
        try dialogue.messages.append(dialogue.ctx.allocator, message);
    }

    fn renderResult(dialogue: *Dialogue, result: ask.Result) Error!Value {
        return dialogue.ctx.value(.{
            .type = "tool_result",
            .tool_use_id = result.id,
            .content = result.content,
            .is_error = result.is_error,
        });
    }

    /// Images first, as the service recommends.
    fn withImages(dialogue: *Dialogue, text: []const u8) Error!Value {
        const ctx = dialogue.ctx;
        const images = dialogue.asked.images;
        if (images.len == 0) return .{ .string = text };
        const blocks = try ctx.allocator.alloc(Value, images.len + 1);
        for (images, blocks[0..images.len]) |image, *block| {
            const source = switch (image) {
                .url => |url| try ctx.value(.{ .type = "url", .url = url }),
                .inlined => |inlined| try ctx.value(.{
                    .type = "base64",
                    .media_type = inlined.content_type,
                    .data = inlined.base64,
                }),
            };
            block.* = try ctx.value(.{ .type = "image", .source = source });
        }
        blocks[images.len] = try ctx.value(.{ .type = "text", .text = text });
        return .{ .array = blocks };
    }

    pub fn repair(dialogue: *Dialogue, reply: Reply, reasons: []const u8) Error!void {
        try dialogue.messages.append(dialogue.ctx.allocator, reply.said);
        const answer = findBlock(reply.said.get("content").?, ask.answer_tool);
        if (!dialogue.answersByTool() or answer == null) return dialogue.say("user", .{ .string = reasons });
        const result = try dialogue.renderResult(.{
            .id = textAt(answer.?, "id") orelse "",
            .name = ask.answer_tool,
            .content = reasons,
            .is_error = true,
        });
        const blocks = try dialogue.ctx.allocator.dupe(Value, &.{result});
        try dialogue.say("user", .{ .array = blocks });
    }

    fn answersByTool(dialogue: *const Dialogue) bool {
        return dialogue.asked.schema != null and dialogue.asked.structure == .native;
    }

    pub fn send(dialogue: *Dialogue) Error!Reply {
        const ctx = dialogue.ctx;
        const asked = dialogue.asked;
        const body = try ctx.value(.{
            .model = asked.model,
            .max_tokens = asked.max_tokens orelse default_max_tokens,
            .messages = dialogue.messages.items,
        });
        const fields = body.object;
        if (asked.system) |system| try fields.put(ctx.allocator, "system", .{ .string = system });
        if (asked.temperature) |lexeme| try fields.put(ctx.allocator, "temperature", .{ .number = lexeme });
        try dialogue.putTools(fields);
        const answered = try dialogue.session.post("/messages", body, asked.private);
        return try dialogue.read(answered.body) orelse dialogue.session.misunderstand(answered, asked.private);
    }

    /// An answer that fits a schema is the input of a tool, which the model is made to call.
    fn putTools(dialogue: *Dialogue, fields: *sdk.Object) Error!void {
        const ctx = dialogue.ctx;
        const tools = dialogue.asked.tools;
        var listed: std.ArrayList(Value) = .empty;
        for (tools) |tool| try listed.append(ctx.allocator, try ctx.value(.{
            .name = tool.name,
            .description = tool.description,
            .input_schema = tool.input_schema,
        }));
        if (dialogue.answersByTool()) {
            try listed.append(ctx.allocator, try ctx.value(.{
                .name = ask.answer_tool,
                .description = "Give the final answer, once, and only by this tool.",
                .input_schema = dialogue.asked.schema.?.root,
            }));
            const choice = if (tools.len == 0)
                try ctx.value(.{ .type = "tool", .name = ask.answer_tool })
            else
                try ctx.value(.{ .type = "any" });
            try fields.put(ctx.allocator, "tool_choice", choice);
        }
        if (listed.items.len > 0) try fields.put(ctx.allocator, "tools", .{ .array = listed.items });
    }

    /// {"content": [{"type": "text", "text"} or {"type": "tool_use", "id", "name", "input"}], "stop_reason", "model",
    /// "usage"}.
    fn read(dialogue: *Dialogue, body: Value) Error!?Reply {
        const ctx = dialogue.ctx;
        const content = body.get("content") orelse return null;
        if (content != .array) return null;
        const reason = textAt(body, "stop_reason") orelse "end_turn";
        const stop = readStop(reason);
        var text: std.ArrayList(u8) = .empty;
        var calls: std.ArrayList(Call) = .empty;
        const answer = if (dialogue.answersByTool()) findBlock(content, ask.answer_tool) else null;
        for (content.array) |block| {
            const kind = textAt(block, "type") orelse "";
            if (std.mem.eql(u8, kind, "text")) try text.appendSlice(ctx.allocator, textAt(block, "text") orelse "");
            if (!std.mem.eql(u8, kind, "tool_use") or answer != null or stop != .end) continue;
            try calls.append(ctx.allocator, .{
                .id = textAt(block, "id") orelse "",
                .name = textAt(block, "name") orelse "",
                .input = block.get("input") orelse .null,
            });
        }
        return .{
            .text = text.items,
            .json = if (answer) |block| block.get("input") else null,
            .calls = calls.items,
            .stop = stop,
            .stop_reason = reason,
            .model = textAt(body, "model") orelse "",
            .usage = readUsage(body),
            .said = try ctx.value(.{ .role = "assistant", .content = content }),
        };
    }
};

fn readStop(reason: []const u8) verdict.Stop {
    if (std.mem.eql(u8, reason, "max_tokens") or std.mem.eql(u8, reason, "model_context_window_exceeded")) return .length;
    return if (std.mem.eql(u8, reason, "refusal")) .refused else .end;
}

/// What was read from the service's cache of prompts, or written to it, is not among `input_tokens`.
fn readUsage(body: Value) sdk.models.Usage {
    var usage: sdk.models.Usage = .{ .output_tokens = sdk.models.readCount(body, &.{ "usage", "output_tokens" }) };
    for ([_][]const u8{ "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens" }) |name| {
        usage.input_tokens += sdk.models.readCount(body, &.{ "usage", name });
    }
    return usage;
}

fn findBlock(content: Value, tool: []const u8) ?Value {
    if (content != .array) return null;
    return for (content.array) |block| {
        const is_call = std.mem.eql(u8, textAt(block, "type") orelse "", "tool_use");
        if (is_call and std.mem.eql(u8, textAt(block, "name") orelse "", tool)) break block;
    } else null;
}
