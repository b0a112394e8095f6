//! The input -> a question, the same for all services.

const std = @import("std");
const sdk = @import("sdk");
const outside = @import("outside.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const max_messages = 200;
const max_images = 20;
const max_tools = 32;
pub const max_tokens = 1_000_000;

/// How a service is made to answer with JSON: by its own feature, by its mode for any JSON, or in words alone.
pub const Structure = enum { native, json_object, prompt };

pub const Role = enum { user, assistant };
pub const Message = struct { role: Role, text: []const u8 };

pub const Image = union(enum) {
    url: []const u8,
    inlined: struct { content_type: []const u8, base64: []const u8 },
};

pub const Tool = struct {
    name: []const u8,
    description: []const u8,
    /// A schema of an object.
    input_schema: Value,
    checked: sdk.schema.Schema,
};

/// What came of one call of a tool.
pub const Result = struct { id: []const u8, name: []const u8, content: []const u8, is_error: bool };
/// What a model has said when it called tools, in its service's form, and what came of that.
pub const Turn = struct { said: Value, results: []const Result };

pub const Ask = struct {
    service: sdk.models.Kind,
    model: []const u8,
    /// Null if there is nothing to say.
    system: ?[]const u8,
    /// The last one is the user's; it has what comes from outside, and the images.
    messages: []const Message,
    images: []const Image,
    schema: ?sdk.schema.Schema,
    structure: Structure,
    tools: []const Tool,
    turns: []const Turn,
    max_tokens: ?i64,
    /// As it is written.
    temperature: ?[]const u8,
    price: ?sdk.models.Price,
    /// What no error may quote.
    private: []const []const u8,
};

pub fn read(ctx: *Context, input: Input) Error!Ask {
    const service = try input.choice(sdk.models.Kind, "service");
    if (service == .workers_ai) try sdk.models.refuseFields(input, &.{ "base_url", "api_key" });
    const schema = try readSchema(ctx, input);
    const tools = try readTools(ctx, input, schema != null);
    const structure = try readStructure(input, service, tools.len > 0);
    const given = try readMessages(ctx, input);
    const blocks = try outside.read(ctx, input);
    var system: std.ArrayList([]const u8) = .empty;
    if (try input.optionalText("system")) |text| if (text.len > 0) try system.append(ctx.allocator, text);
    if (blocks != null) try system.append(ctx.allocator, outside.rule);
    if (schema) |found| if (structure != .native) {
        const rendered = try sdk.render(ctx.allocator, found.root);
        try system.append(ctx.allocator, try ctx.print(
            "Answer with one JSON object that fits this JSON Schema, and with nothing else: {s}",
            .{rendered},
        ));
    };
    const messages = try ctx.allocator.dupe(Message, given);
    if (blocks) |text| {
        const last = &messages[messages.len - 1];
        last.text = try ctx.print("{s}\n\n{s}", .{ last.text, text });
    }
    var private: std.ArrayList([]const u8) = .empty;
    for (messages) |message| try private.append(ctx.allocator, message.text);
    for (system.items) |text| try private.append(ctx.allocator, text);
    const turns = try readTurns(ctx, input);
    for (turns) |turn| for (turn.results) |result| try private.append(ctx.allocator, result.content);
    return .{
        .service = service,
        .model = try readName(input, "model"),
        .system = if (system.items.len > 0) try std.mem.join(ctx.allocator, "\n\n", system.items) else null,
        .messages = messages,
        .images = try readImages(ctx, input),
        .schema = schema,
        .structure = structure,
        .tools = tools,
        .turns = turns,
        .max_tokens = try input.optionalInteger("max_tokens", .{ .min = 1, .max = max_tokens }),
        .temperature = try input.optionalNumeric("temperature"),
        .price = try sdk.models.Price.read(ctx, input),
        .private = private.items,
    };
}

fn readName(input: Input, name: []const u8) Error![]const u8 {
    const text = try input.text(name);
    return if (text.len > 0) text else input.mistyped(name, "a text that is not empty", .{ .string = text });
}

/// A service takes a schema of an object only.
fn readSchema(ctx: *Context, input: Input) Error!?sdk.schema.Schema {
    const given = try input.optionalObject("schema") orelse return null;
    const value: Value = .{ .object = given.fields };
    const kind = value.get("type") orelse .null;
    if (kind != .string or !std.mem.eql(u8, kind.string, "object")) {
        return input.ctx.failInput("`schema` must say `type: object` at its top: put another value into a property.", .{});
    }
    return try sdk.schema.check(ctx, value);
}

/// Workers AI has no JSON mode beside tools.
fn readStructure(input: Input, service: sdk.models.Kind, has_tools: bool) Error!Structure {
    const given = try input.optionalChoice(Structure, "structure");
    if (service == .workers_ai and has_tools) return .prompt;
    return given orelse .native;
}

fn readMessages(ctx: *Context, input: Input) Error![]const Message {
    const prompt = try input.optionalText("prompt");
    const listed = try input.optionalList("messages");
    if (prompt != null and listed != null) {
        return input.ctx.failInput("Only one of `prompt` and `messages` can be given.", .{});
    }
    if (prompt) |text| {
        if (text.len == 0) return input.mistyped("prompt", "a text that is not empty", .{ .string = text });
        return ctx.allocator.dupe(Message, &.{.{ .role = .user, .text = text }});
    }
    const items = listed orelse return input.ctx.failInput("`prompt` or `messages` must be given.", .{});
    if (items.len == 0 or items.len > max_messages) {
        return input.ctx.failInput("`messages` must have 1 to {d} messages.", .{max_messages});
    }
    const messages = try ctx.allocator.alloc(Message, items.len);
    for (items, messages, 0..) |item, *message, i| {
        const place = try ctx.print("messages[{d}]", .{i});
        if (item != .object) return input.mistyped(place, "an object with role and content", item);
        const fields: Input = .{ .ctx = ctx, .fields = item.object, .prefix = try ctx.print("{s}.", .{place}) };
        try fields.allowOnly(&.{ "role", "content" });
        message.* = .{ .role = try fields.choice(Role, "role"), .text = try readName(fields, "content") };
    }
    if (messages[messages.len - 1].role != .user) {
        return input.ctx.failInput("The last of `messages` must be the user's, for it is the one to answer.", .{});
    }
    return messages;
}

fn readImages(ctx: *Context, input: Input) Error![]const Image {
    const items = try input.optionalList("images") orelse return &.{};
    if (items.len > max_images) return input.ctx.failInput("`images` may have {d} images.", .{max_images});
    const images = try ctx.allocator.alloc(Image, items.len);
    for (items, images, 0..) |item, *image, i| {
        const place = try ctx.print("images[{d}]", .{i});
        if (item != .object) return input.mistyped(place, "an object with url, or with base64 and content_type", item);
        const fields: Input = .{ .ctx = ctx, .fields = item.object, .prefix = try ctx.print("{s}.", .{place}) };
        try fields.allowOnly(&.{ "url", "base64", "content_type" });
        image.* = if (try fields.optionalText("url")) |url| .{ .url = url } else .{ .inlined = .{
            .content_type = try readContentType(fields),
            .base64 = try readName(fields, "base64"),
        } };
    }
    return images;
}

fn readContentType(fields: Input) Error![]const u8 {
    const given = try fields.text("content_type");
    for ([_][]const u8{ "image/png", "image/jpeg", "image/gif", "image/webp" }) |known| {
        if (std.mem.eql(u8, given, known)) return given;
    }
    return fields.mistyped("content_type", "one of image/png, image/jpeg, image/gif, image/webp", .{ .string = given });
}

/// What the engine writes: [{"name", "description", "input_schema"}].
fn readTools(ctx: *Context, input: Input, has_schema: bool) Error![]const Tool {
    const items = try input.optionalList("tools") orelse return &.{};
    if (items.len > max_tools) return input.ctx.failInput("`tools` may have {d} tools.", .{max_tools});
    const tools = try ctx.allocator.alloc(Tool, items.len);
    for (items, tools, 0..) |item, *tool, i| {
        const place = try ctx.print("tools[{d}]", .{i});
        if (item != .object) return input.mistyped(place, "an object with name, description and input_schema", item);
        const fields: Input = .{ .ctx = ctx, .fields = item.object, .prefix = try ctx.print("{s}.", .{place}) };
        const schema: Value = .{ .object = (try fields.object("input_schema")).fields };
        tool.* = .{
            .name = try readName(fields, "name"),
            .description = try fields.optionalText("description") orelse "",
            .input_schema = schema,
            .checked = try sdk.schema.check(ctx, schema),
        };
        if (has_schema and std.mem.eql(u8, tool.name, answer_tool)) {
            return input.ctx.failInput("A tool beside `schema` cannot have the name `{s}`.", .{answer_tool});
        }
    }
    return tools;
}

/// The tool by which a model of Anthropic gives an answer that fits a schema.
pub const answer_tool = "answer";

/// What has been said so far: [{"said", "results": [{"id", "name", "content", "is_error"}]}].
fn readTurns(ctx: *Context, input: Input) Error![]const Turn {
    const items = try input.optionalList("turns") orelse return &.{};
    const turns = try ctx.allocator.alloc(Turn, items.len);
    for (items, turns, 0..) |item, *turn, i| {
        const place = try ctx.print("turns[{d}]", .{i});
        if (item != .object) return input.mistyped(place, "an object with said and results", item);
        const fields: Input = .{ .ctx = ctx, .fields = item.object, .prefix = try ctx.print("{s}.", .{place}) };
        const listed = try fields.list("results");
        const results = try ctx.allocator.alloc(Result, listed.len);
        for (listed, results) |value, *result| {
            if (value != .object) return fields.mistyped("results", "a list of objects", value);
            const one: Input = .{ .ctx = ctx, .fields = value.object, .prefix = try ctx.print("{s}.results.", .{place}) };
            result.* = .{
                .id = try one.text("id"),
                .name = try one.text("name"),
                .content = try one.text("content"),
                .is_error = try one.optionalBoolean("is_error") orelse false,
            };
        }
        turn.* = .{ .said = .{ .object = (try fields.object("said")).fields }, .results = results };
    }
    return turns;
}
