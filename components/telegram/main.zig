//! telegram: one message, photo or document through the Telegram Bot API, https://core.telegram.org/bots/api

const std = @import("std");
const sdk = @import("sdk");
const buttons = @import("buttons.zig");
const upload = @import("upload.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Object = sdk.Object;
const Value = sdk.Value;

const base_url = "https://api.telegram.org/bot";

const Operation = enum { sendMessage, sendPhoto, sendDocument };
const ParseMode = enum { MarkdownV2, HTML, Markdown };

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const token = try sdk.service.readSecret(input, "bot_token");
    const operation = try input.optionalChoice(Operation, "operation") orelse chooseOperation(input);
    const body = try sdk.newObject(ctx.allocator);
    try body.put(ctx.allocator, "chat_id", try readChat(input));
    const file = try addContent(ctx, input, operation, body);
    try addOptions(ctx, input, operation, body);
    const path = try encodeToken(ctx, token);
    const service: sdk.service.Service = .{ .ctx = ctx, .name = "Telegram", .secrets = &.{ token, path } };
    const url = try ctx.print(base_url ++ "{s}/{s}", .{ path, @tagName(operation) });
    if (file) |sent| {
        const made = try upload.build(ctx, body, fileField(operation).?, sent);
        const headers = try ctx.value(.{ .@"content-type" = made.content_type });
        return read(service, try service.send(.{ .url = url, .headers = headers, .parts = made.parts }));
    }
    const reply = try service.send(.{
        .url = url,
        .headers = try ctx.value(.{ .@"content-type" = "application/json" }),
        .body = try sdk.render(ctx.allocator, .{ .object = body }),
    });
    return read(service, reply);
}

/// A token is digits, a colon and letters; anything else must not change which URL is called.
fn encodeToken(ctx: *Context, token: []const u8) Error![]const u8 {
    const encoded = try sdk.percent.encode(ctx.allocator, token);
    return std.mem.replaceOwned(u8, ctx.allocator, encoded, "%3A", ":");
}

fn readChat(input: Input) Error!Value {
    const chat = input.optionalValue("chat_id") orelse return input.missing("chat_id", "a text or a whole number");
    const is_usable = switch (chat) {
        .string => |name| name.len > 0,
        .number => |lexeme| sdk.number.toInteger(lexeme) != null,
        else => false,
    };
    return if (is_usable) chat else input.mistyped("chat_id", "a text or a whole number", chat);
}

fn chooseOperation(input: Input) Operation {
    if (input.optionalValue("photo") != null) return .sendPhoto;
    return if (input.optionalValue("document") != null) .sendDocument else .sendMessage;
}

/// The field that has what an operation sends besides the text.
fn fileField(operation: Operation) ?[]const u8 {
    return switch (operation) {
        .sendMessage => null,
        .sendPhoto => "photo",
        .sendDocument => "document",
    };
}

/// A blob that is to be uploaded; any other source is in the body.
fn addContent(ctx: *Context, input: Input, operation: Operation, body: *Object) Error!?sdk.blob.Blob {
    const text = try input.text("text");
    for ([_][]const u8{ "photo", "document" }) |field| {
        const is_sent = std.mem.eql(u8, field, fileField(operation) orelse "");
        if (!is_sent and input.optionalValue(field) != null) {
            return ctx.failInput("`{s}` cannot be sent with the operation {s}.", .{ field, @tagName(operation) });
        }
    }
    const field = fileField(operation) orelse {
        if (text.len == 0) return input.mistyped("text", "a text that is not empty", .{ .string = text });
        try body.put(ctx.allocator, "text", .{ .string = text });
        return null;
    };
    const wanted = "a URL or a file_id";
    const source = input.optionalValue(field) orelse return input.missing(field, wanted);
    const is_upload = source == .object;
    if (!is_upload) {
        if (source != .string or source.string.len == 0) return input.mistyped(field, wanted, source);
        try body.put(ctx.allocator, field, source);
    }
    if (text.len > 0) try body.put(ctx.allocator, "caption", .{ .string = text });
    return if (is_upload) try sdk.blob.readOptional(input, field) else null;
}

fn addOptions(ctx: *Context, input: Input, operation: Operation, body: *Object) Error!void {
    if (try input.optionalChoice(ParseMode, "parse_mode")) |mode| {
        try body.put(ctx.allocator, "parse_mode", .{ .string = @tagName(mode) });
    }
    for ([_][]const u8{ "disable_notification", "protect_content" }) |name| {
        if (try input.optionalBoolean(name)) |flag| try body.put(ctx.allocator, name, .{ .boolean = flag });
    }
    if (try input.optionalBoolean("disable_link_preview")) |is_disabled| {
        if (operation == .sendMessage) {
            try body.put(ctx.allocator, "link_preview_options", try ctx.value(.{ .is_disabled = is_disabled }));
        }
    }
    if (try input.optionalInteger("message_thread_id", .{ .min = 1 })) |thread| {
        try body.put(ctx.allocator, "message_thread_id", try ctx.value(thread));
    }
    if (try input.optionalInteger("reply_to_message_id", .{ .min = 1 })) |message| {
        try body.put(ctx.allocator, "reply_parameters", try ctx.value(.{ .message_id = message }));
    }
    if (try input.optionalList("buttons")) |rows| {
        const keyboard = try buttons.readRows(ctx, input, rows);
        try body.put(ctx.allocator, "reply_markup", try ctx.value(.{ .inline_keyboard = keyboard }));
    }
}

/// {"ok": true, "result": Message} or {"ok": false, "error_code", "description", "parameters": {"retry_after"}}.
fn read(service: sdk.service.Service, reply: sdk.service.Reply) Error!Value {
    const accepted = reply.body.get("ok") orelse .null;
    if (!reply.isSuccess() or accepted != .boolean or !accepted.boolean) {
        const wait = sdk.service.valueAt(reply.body, &.{ "parameters", "retry_after" }) orelse .null;
        return service.refuse(reply, .{
            .message = reply.textAt(&.{"description"}),
            .retry_after_s = if (wait == .number) sdk.number.toInteger(wait.number) else null,
        });
    }
    const message = reply.body.get("result") orelse return service.misunderstand(reply);
    return service.ctx.value(.{
        .message_id = message.get("message_id") orelse return service.misunderstand(reply),
        .chat_id = sdk.service.valueAt(message, &.{ "chat", "id" }),
        .message = message,
    });
}
