//! embed: texts -> vectors, by an embedding model.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const Kind = enum { openai, workers_ai };

const max_texts = 100;
const max_text_characters = 100_000;
const max_dimensions = 100_000;

export fn _start() void {
    sdk.serveOutside(answer);
}

const Embedded = struct { vectors: []const Value, model: []const u8, usage: sdk.models.Usage };

fn answer(ctx: *Context, input: Input) Error!Value {
    const kind = try input.choice(Kind, "service");
    const model = try input.text("model");
    const texts = try readTexts(ctx, input);
    const price = try sdk.models.Price.read(ctx, input);
    const found = switch (kind) {
        .openai => try askOpenAi(ctx, input, model, texts),
        .workers_ai => try askWorkersAi(ctx, input, model, texts),
    };
    const told = try ctx.value(.{
        .embeddings = found.vectors,
        .dimensions = found.vectors[0].array.len,
        .model = found.model,
        .usage = .{ .input_tokens = found.usage.input_tokens },
    });
    if (price) |rates| try told.object.put(ctx.allocator, "cost", try rates.of(ctx, found.usage));
    return told;
}

fn readTexts(ctx: *Context, input: Input) Error![]const []const u8 {
    const given = try input.value("input");
    const items: []const Value = if (given == .array) given.array else &.{given};
    if (items.len == 0 or items.len > max_texts) {
        return ctx.failInput("`input` must have 1 to {d} texts; send more in batches: FOREACH with `batch`.", .{max_texts});
    }
    const texts = try ctx.allocator.alloc([]const u8, items.len);
    for (items, texts, 0..) |item, *text, i| {
        const is_text = item == .string and item.string.len > 0;
        if (!is_text or sdk.text.count(item.string) > max_text_characters) {
            const wanted = "a text of 1 to " ++ std.fmt.comptimePrint("{d}", .{max_text_characters}) ++ " characters";
            const shown: Value = if (is_text) .{ .string = sdk.text.prefix(item.string, 100) } else item;
            if (given != .array) return input.mistyped("input", wanted, shown);
            return input.mistyped(try ctx.print("input[{d}]", .{i}), wanted, shown);
        }
        text.* = item.string;
    }
    return texts;
}

/// https://platform.openai.com/docs/api-reference/embeddings
fn askOpenAi(ctx: *Context, input: Input, model: []const u8, texts: []const []const u8) Error!Embedded {
    const session = try sdk.models.connect(ctx, input, .openai);
    const body = try ctx.value(.{ .model = model, .input = texts, .encoding_format = "float" });
    if (try input.optionalInteger("dimensions", .{ .min = 1, .max = max_dimensions })) |wanted| {
        try body.object.put(ctx.allocator, "dimensions", try ctx.value(wanted));
    }
    const reply = try session.post("/embeddings", body, texts);
    const data = reply.body.get("data") orelse .null;
    if (data != .array or data.array.len != texts.len) return session.misunderstand(reply, texts);
    const vectors = try ctx.allocator.alloc(Value, texts.len);
    @memset(vectors, .null);
    for (data.array, 0..) |entry, i| {
        const named = entry.get("index") orelse .null;
        const at: i64 = if (named == .number) sdk.number.toInteger(named.number) orelse -1 else @intCast(i);
        if (at < 0 or at >= texts.len) return session.misunderstand(reply, texts);
        vectors[@intCast(at)] = entry.get("embedding") orelse .null;
    }
    if (!areVectors(vectors)) return session.misunderstand(reply, texts);
    const said = reply.body.get("model") orelse .null;
    return .{
        .vectors = vectors,
        .model = if (said == .string) said.string else model,
        .usage = .{ .input_tokens = sdk.models.readCount(reply.body, &.{ "usage", "prompt_tokens" }) },
    };
}

/// {"shape": [count, dimensions], "data": [[...]]}: https://developers.cloudflare.com/workers-ai/models/bge-m3/
fn askWorkersAi(ctx: *Context, input: Input, model: []const u8, texts: []const []const u8) Error!Embedded {
    try sdk.models.refuseFields(input, &.{ "base_url", "api_key", "dimensions" });
    const found = try sdk.models.runWorkersAi(ctx, model, try ctx.value(.{ .text = texts }), texts);
    const data = found.get("data") orelse .null;
    if (data != .array or data.array.len != texts.len or !areVectors(data.array)) {
        const message = "Workers AI answered with something that it does not document for an embedding model.";
        return ctx.fail("INVALID_RESPONSE", message);
    }
    return .{
        .vectors = data.array,
        .model = model,
        .usage = .{ .input_tokens = sdk.models.readCount(found, &.{ "usage", "prompt_tokens" }) },
    };
}

/// Lists of numbers, all of one length.
fn areVectors(values: []const Value) bool {
    for (values) |value| {
        if (value != .array or value.array.len == 0 or value.array.len != values[0].array.len) return false;
        for (value.array) |number| if (number != .number) return false;
    }
    return true;
}
