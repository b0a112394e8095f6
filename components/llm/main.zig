//! llm: one question to a language model, and its answer, which is checked.

const sdk = @import("sdk");
const anthropic = @import("anthropic.zig");
const ask = @import("ask.zig");
const chat = @import("chat.zig");
const structured = @import("structured.zig");
const verdict = @import("verdict.zig");
const Ask = ask.Ask;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Reply = verdict.Reply;
const Value = sdk.Value;

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const asked = try ask.read(ctx, input);
    var dialogue = try begin(ctx, input, &asked);
    var reply = try dialogue.send();
    var usage = reply.usage;
    // Without tools nobody could make a call: a model that has dreamt one up has said no more than its text.
    if (reply.calls.len > 0 and asked.tools.len > 0) return verdict.describeCalls(ctx, &asked, reply, usage);
    try verdict.requireWhole(ctx, &asked, reply, usage);
    const schema = asked.schema orelse return verdict.describe(ctx, &asked, reply, usage, null);
    switch (try structured.read(ctx, schema, reply)) {
        .json => |json| return verdict.describe(ctx, &asked, reply, usage, json),
        .reasons => |reasons| try dialogue.repair(reply, try structured.explain(ctx, reasons)),
    }
    reply = try dialogue.send();
    usage.add(reply.usage);
    try verdict.requireWhole(ctx, &asked, reply, usage);
    return switch (try structured.read(ctx, schema, reply)) {
        .json => |json| verdict.describe(ctx, &asked, reply, usage, json),
        .reasons => |reasons| verdict.refuseMismatch(ctx, &asked, reply, usage, reasons),
    };
}

/// What is said with the service, in its own form.
const Dialogue = union(enum) {
    anthropic: anthropic.Dialogue,
    chat: chat.Dialogue,

    fn send(dialogue: *Dialogue) Error!Reply {
        return switch (dialogue.*) {
            inline else => |*own| own.send(),
        };
    }

    /// Ask once more for an answer that fits the schema.
    fn repair(dialogue: *Dialogue, reply: Reply, reasons: []const u8) Error!void {
        return switch (dialogue.*) {
            inline else => |*own| own.repair(reply, reasons),
        };
    }
};

fn begin(ctx: *Context, input: Input, asked: *const Ask) Error!Dialogue {
    return switch (asked.service) {
        .anthropic => .{ .anthropic = try .begin(ctx, try sdk.models.connect(ctx, input, .anthropic), asked) },
        .openai => .{ .chat = try .begin(ctx, try sdk.models.connect(ctx, input, .openai), asked) },
        .workers_ai => .{ .chat = try .begin(ctx, null, asked) },
    };
}
