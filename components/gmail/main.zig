//! gmail: one e-mail, https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send

const std = @import("std");
const sdk = @import("sdk");
const message = @import("message.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const url = "https://gmail.googleapis.com/gmail/v1/users/me/messages/send";

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const built = try message.build(ctx, input);
    const body = try ctx.value(.{ .raw = try encodeForUrl(ctx, built) });
    if (try input.optionalText("thread_id")) |thread| {
        try body.object.put(ctx.allocator, "threadId", .{ .string = thread });
    }
    const session = try sdk.google.connect(ctx, input, "Gmail", "google_oauth");
    const reply = try session.service.send(.{
        .url = url,
        .headers = try ctx.value(.{
            .authorization = session.authorization,
            .@"content-type" = "application/json",
        }),
        .body = try sdk.render(ctx.allocator, body),
    });
    if (!reply.isSuccess()) return sdk.google.refuse(session.service, reply);
    return ctx.value(.{
        .id = reply.body.get("id") orelse return session.service.misunderstand(reply),
        .thread_id = reply.body.get("threadId"),
    });
}

/// base64url (RFC 4648, section 5), padded.
fn encodeForUrl(ctx: *Context, bytes: []const u8) Error![]const u8 {
    const encoder = std.base64.url_safe.Encoder;
    return encoder.encode(try ctx.allocator.alloc(u8, encoder.calcSize(bytes.len)), bytes);
}
