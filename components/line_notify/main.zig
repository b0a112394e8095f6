//! line_notify: a push message through the LINE Messaging API,
//! https://developers.line.biz/en/reference/messaging-api/#send-push-message

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Reply = sdk.service.Reply;
const Service = sdk.service.Service;
const Value = sdk.Value;

const url = "https://api.line.me/v2/bot/message/push";
/// LINE counts UTF-16 code units.
const max_text_units = 5000;

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const token = try sdk.service.readSecret(input, "access_token");
    const to = try input.text("to");
    if (to.len == 0) return input.mistyped("to", "a text that is not empty", .{ .string = to });
    const body = try ctx.value(.{ .to = to, .messages = try readMessages(ctx, input) });
    if (try input.optionalBoolean("notification_disabled")) |disabled| {
        try body.object.put(ctx.allocator, "notificationDisabled", .{ .boolean = disabled });
    }
    const headers = try ctx.value(.{
        .authorization = try ctx.print("Bearer {s}", .{token}),
        .@"content-type" = "application/json",
    });
    const retry_key = try readRetryKey(input);
    if (retry_key) |key| try headers.object.put(ctx.allocator, "x-line-retry-key", .{ .string = key });
    const service: Service = .{ .ctx = ctx, .name = "LINE", .secrets = &.{token} };
    const reply = try service.send(.{ .url = url, .headers = headers, .body = try sdk.render(ctx.allocator, body) });
    // LINE answers 409 when it has accepted a request with the same retry key before: the message was sent.
    const is_duplicate = reply.status == 409 and retry_key != null;
    if (!reply.isSuccess() and !is_duplicate) return refuse(service, reply);
    return ctx.value(.{ .message_ids = try readIds(ctx, reply), .duplicate = is_duplicate });
}

fn readMessages(ctx: *Context, input: Input) Error![]const Value {
    var messages: std.ArrayList(Value) = .empty;
    try messages.append(ctx.allocator, try ctx.value(.{ .type = "text", .text = try readText(ctx, input) }));
    if (try input.optionalText("image_url")) |image| {
        try messages.append(ctx.allocator, try ctx.value(.{
            .type = "image",
            .originalContentUrl = image,
            .previewImageUrl = try input.optionalText("image_preview_url") orelse image,
        }));
    }
    if (try input.optionalObject("sticker")) |sticker| {
        try sticker.allowOnly(&.{ "package_id", "sticker_id" });
        try messages.append(ctx.allocator, try ctx.value(.{
            .type = "sticker",
            .packageId = try readId(sticker, "package_id"),
            .stickerId = try readId(sticker, "sticker_id"),
        }));
    }
    return messages.items;
}

fn readText(ctx: *Context, input: Input) Error![]const u8 {
    const text = try input.text("text");
    if (text.len == 0) return input.mistyped("text", "a text that is not empty", .{ .string = text });
    var units: usize = 0;
    var code_points = sdk.text.codePoints(text);
    while (code_points.nextCodepoint()) |code_point| units += if (code_point > 0xFFFF) 2 else 1;
    if (units > max_text_units) {
        return ctx.failInput("`text` must have at most {d} UTF-16 code units, not {d}.", .{ max_text_units, units });
    }
    return text;
}

/// LINE wants the numbers of stickers as texts.
fn readId(sticker: Input, name: []const u8) Error![]const u8 {
    const found = sticker.optionalValue(name) orelse return sticker.missing(name, "a text or a whole number");
    switch (found) {
        .string => |text| if (text.len > 0) return text,
        .number => |lexeme| if (std.fmt.parseInt(u64, lexeme, 10)) |_| return lexeme else |_| {},
        else => {},
    }
    return sticker.mistyped(name, "a text or a whole number", found);
}

fn readRetryKey(input: Input) Error!?[]const u8 {
    const key = try input.optionalText("retry_key") orelse return null;
    const is_uuid = key.len == 36 and for (key, 0..) |char, at| {
        const fits = switch (at) {
            8, 13, 18, 23 => char == '-',
            else => std.ascii.isHex(char),
        };
        if (!fits) break false;
    } else true;
    return if (is_uuid) key else input.mistyped("retry_key", "a UUID in hexadecimal", .{ .string = key });
}

/// {"sentMessages": [{"id", "quoteToken"}]}.
fn readIds(ctx: *Context, reply: Reply) Error![]const Value {
    var ids: std.ArrayList(Value) = .empty;
    const sent = reply.body.get("sentMessages") orelse return ids.items;
    if (sent != .array) return ids.items;
    for (sent.array) |message| {
        if (message.get("id")) |id| try ids.append(ctx.allocator, id);
    }
    return ids.items;
}

/// {"message", "details": [{"message", "property"}]}.
fn refuse(service: Service, reply: Reply) Error {
    const ctx = service.ctx;
    const message = reply.textAt(&.{"message"}) orelse return service.refuse(reply, .{});
    const has_no_quota = reply.status == 429 and std.mem.indexOf(u8, message, "monthly limit") != null;
    var explained: std.ArrayList(u8) = .empty;
    try explained.appendSlice(ctx.allocator, message);
    const details = reply.body.get("details") orelse .null;
    for (if (details == .array) details.array else &.{}, 0..) |detail, i| {
        const said = try ctx.print("{s}{s}: {s}", .{
            if (i == 0) " - " else ", ",
            textOf(detail, "property"),
            textOf(detail, "message"),
        });
        try explained.appendSlice(ctx.allocator, said);
    }
    return service.refuse(reply, .{
        .code = if (has_no_quota) "QUOTA_EXCEEDED" else null,
        .retriable = if (has_no_quota) false else null,
        .message = explained.items,
    });
}

fn textOf(detail: Value, name: []const u8) []const u8 {
    const found = detail.get(name) orelse return "?";
    return if (found == .string) found.string else "?";
}
