//! What services of models have in common: where they are, how they are called, and the form of their errors.

const std = @import("std");
const context = @import("context.zig");
const host = @import("host.zig");
const json = @import("json.zig");
const number = @import("number.zig");
const render = @import("render.zig").render;
const service = @import("service.zig");
const Context = context.Context;
const Decimal = @import("decimal.zig").Decimal;
const Error = context.Error;
const Input = @import("input.zig").Input;
const Reply = service.Reply;
const Service = service.Service;
const Value = json.Value;

pub const Kind = enum { openai, anthropic, workers_ai };

const anthropic_version = "2023-06-01";
/// As much of a prompt in a service's words as a name or a phrase may have by chance.
const quoted_bytes = 16;

/// The services that are called by HTTP.
pub const Session = struct {
    service: Service,
    base_url: []const u8,
    headers: Value,
    timeout_ms: i64,
    /// Whether it is the vendor's own address, and not another service of the same form.
    is_vendor: bool,

    /// The answer of a success. `private` is what no error may quote: the prompts.
    pub fn post(session: Session, path: []const u8, body: Value, private: []const []const u8) Error!Reply {
        const ctx = session.service.ctx;
        const reply = try session.service.send(.{
            .url = try ctx.print("{s}{s}", .{ session.base_url, path }),
            .headers = session.headers,
            .body = try render(ctx.allocator, body),
            .timeout_ms = session.timeout_ms,
        });
        return if (reply.isSuccess()) reply else session.refuse(reply, private);
    }

    /// Ends the call because a success is not what the service documents, or is a refusal: services that pass a question
    /// on tell so of the one behind them, with its status as `code`. https://openrouter.ai/docs/api/reference/errors-and-debugging
    pub fn misunderstand(session: Session, reply: Reply, private: []const []const u8) Error {
        const told = reply.body.get("error") orelse return session.service.misunderstand(reply);
        if (told != .object and told != .string) return session.service.misunderstand(reply);
        const code = told.get("code") orelse Value.null;
        const status = if (code == .number) number.toInteger(code.number) orelse 0 else 0;
        const is_status = status >= 400 and status < 600;
        return session.refuse(.{
            .status = if (is_status) status else reply.status,
            .headers = reply.headers,
            .body = reply.body,
        }, private);
    }

    /// {"error": {"message", "type", "code"}} of OpenAI, {"error": {"type", "message"}} of Anthropic, {"error": "..."} of
    /// Ollama.
    /// https://platform.openai.com/docs/guides/error-codes, https://platform.claude.com/docs/en/api/errors
    fn refuse(session: Session, reply: Reply, private: []const []const u8) Error {
        const kind = reply.textAt(&.{ "error", "type" });
        const reason = reply.textAt(&.{ "error", "code" }) orelse kind;
        const said = reply.textAt(&.{ "error", "message" }) orelse reply.textAt(&.{"error"}) orelse "";
        // What a service says of a key that it does not know has a part of the key.
        const may_show = reply.status != 401 and !quotes(said, private);
        const cause = findCause(reply.status, kind orelse "", reason orelse "", said);
        return session.service.refuse(reply, .{
            .code = if (cause) |found| found.code else null,
            .retriable = if (cause != null) false else null,
            .reason = if (reason) |word| (if (quotes(word, private)) null else word) else null,
            .message = if (cause) |found| found.message else if (may_show) said else null,
        });
    }
};

const Cause = struct { code: []const u8, message: []const u8 };

/// What a repeated request will not mend although its status may say so, or what its status does not tell.
fn findCause(status: i64, kind: []const u8, reason: []const u8, said: []const u8) ?Cause {
    const spent: Cause = .{
        .code = "QUOTA_EXCEEDED",
        .message = "the account's credit or its limit of spending is used up; look at its billing",
    };
    if (status == 402 or std.mem.eql(u8, kind, "insufficient_quota")) return spent;
    for ([_][]const u8{
        "insufficient_quota",                "credit_balance_exhausted",
        "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }) |word| if (std.mem.eql(u8, reason, word)) return spent;
    if (std.mem.eql(u8, reason, "context_length_exceeded") or std.mem.startsWith(u8, said, "prompt is too long")) {
        return .{
            .code = "PROMPT_TOO_LONG",
            .message = "the prompt has more tokens than the model takes; shorten it, or use another model",
        };
    }
    if (std.mem.eql(u8, reason, "content_filter") or std.mem.eql(u8, reason, "content_policy_violation")) {
        return .{ .code = "CONTENT_FILTERED", .message = "its filter has refused the prompt" };
    }
    return null;
}

/// Whether a message has a part of a text in it. What is shorter than twice `quoted_bytes` may go unseen.
fn quotes(message: []const u8, private: []const []const u8) bool {
    var at: usize = 0;
    while (at + quoted_bytes <= message.len) : (at += quoted_bytes) {
        const part = message[at..][0..quoted_bytes];
        for (private) |text| if (std.mem.indexOf(u8, text, part) != null) return true;
    }
    return false;
}

/// `base_url` and `api_key` of the input; the vendor's own address, where there is none, wants a key.
pub fn connect(ctx: *Context, input: Input, kind: Kind) Error!Session {
    const own_url = try input.optionalText("base_url");
    const base_url = if (own_url) |url| try checkUrl(input, url) else switch (kind) {
        .anthropic => "https://api.anthropic.com/v1",
        else => "https://api.openai.com/v1",
    };
    const needs_key = own_url == null or input.optionalValue("api_key") != null;
    const key = if (needs_key) try service.readSecret(input, "api_key") else null;
    const headers = try ctx.value(.{ .@"content-type" = "application/json" });
    if (kind == .anthropic) try headers.object.put(ctx.allocator, "anthropic-version", .{ .string = anthropic_version });
    if (key) |secret| {
        const name = if (kind == .anthropic) "x-api-key" else "authorization";
        const form = if (kind == .anthropic) secret else try ctx.print("Bearer {s}", .{secret});
        try headers.object.put(ctx.allocator, name, .{ .string = form });
    }
    const secrets: []const []const u8 = if (key) |secret| try ctx.allocator.dupe([]const u8, &.{secret}) else &.{};
    const name = if (own_url != null) "The service" else if (kind == .anthropic) "Anthropic" else "OpenAI";
    return .{
        .service = .{ .ctx = ctx, .name = name, .secrets = secrets },
        .base_url = base_url,
        .headers = headers,
        .timeout_ms = try input.optionalInteger("timeout_ms", .{ .min = 1, .max = max_timeout_ms }) orelse default_timeout_ms,
        .is_vendor = own_url == null,
    };
}

pub const max_timeout_ms = 300_000;
const default_timeout_ms = 120_000;

fn checkUrl(input: Input, url: []const u8) Error![]const u8 {
    const is_http = std.mem.startsWith(u8, url, "https://") or std.mem.startsWith(u8, url, "http://");
    if (!is_http or std.mem.indexOfAny(u8, url, "?#@ \t\r\n") != null) {
        const wanted = "an address of http or https without a query and a password, such as https://api.groq.com/openai/v1";
        return input.ctx.failInput("`base_url` must be {s}.", .{wanted});
    }
    return std.mem.trimEnd(u8, url, "/");
}

/// What Workers AI answers. `private` is what no error may quote.
pub fn runWorkersAi(ctx: *Context, model: []const u8, body: Value, private: []const []const u8) Error!Value {
    try body.object.put(ctx.allocator, "model", .{ .string = model });
    return host.aiRun(ctx, body) catch |failure| {
        if (failure == error.Failed) {
            const said = &ctx.failure.?;
            if (quotes(said.message, private)) said.message = "The model failed, and what Workers AI says of it quotes the prompt.";
        }
        return failure;
    };
}

/// Nothing may be sent to Workers AI that would be lost.
pub fn refuseFields(input: Input, names: []const []const u8) Error!void {
    for (names) |name| if (input.optionalValue(name) != null) {
        return input.ctx.failInput("`{s}` is not for Workers AI, which is the account's own.", .{name});
    };
}

pub const Usage = struct {
    input_tokens: i64 = 0,
    output_tokens: i64 = 0,

    pub fn add(usage: *Usage, other: Usage) void {
        usage.input_tokens += other.input_tokens;
        usage.output_tokens += other.output_tokens;
    }
};

/// 0 where a service does not say.
pub fn readCount(value: Value, path: []const []const u8) i64 {
    const found = service.valueAt(value, path) orelse return 0;
    if (found != .number) return 0;
    return @max(0, number.toInteger(found.number) orelse 0);
}

/// `price`: {"input_per_million", "output_per_million"}, in whatever currency.
pub const Price = struct {
    input: Decimal,
    output: Decimal,

    pub fn read(ctx: *Context, input: Input) Error!?Price {
        const given = try input.optionalObject("price") orelse return null;
        try given.allowOnly(&.{ "input_per_million", "output_per_million" });
        return .{ .input = try readRate(ctx, given, "input_per_million"), .output = try readRate(ctx, given, "output_per_million") };
    }

    fn readRate(ctx: *Context, given: Input, name: []const u8) Error!Decimal {
        const lexeme = try given.optionalNumeric(name) orelse "0";
        if (lexeme[0] == '-') return given.mistyped(name, "a number that is not negative", .{ .number = lexeme });
        return Decimal.parse(ctx.allocator, lexeme);
    }

    pub fn of(price: Price, ctx: *Context, usage: Usage) Error!Value {
        const allocator = ctx.allocator;
        const in = try price.input.multiply(allocator, try Decimal.fromInteger(allocator, @intCast(usage.input_tokens)));
        const out = try price.output.multiply(allocator, try Decimal.fromInteger(allocator, @intCast(usage.output_tokens)));
        var sum = try in.add(allocator, out);
        if (!sum.isZero()) sum.exponent -= 6;
        return .{ .number = try sum.render(allocator) };
    }
};
