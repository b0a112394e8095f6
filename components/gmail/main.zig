//! gmail: one e-mail, https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send

const std = @import("std");
const sdk = @import("sdk");
const message = @import("message.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const url = "https://gmail.googleapis.com/gmail/v1/users/me/messages/send";
const upload_url = "https://gmail.googleapis.com/upload/gmail/v1/users/me/messages/send?uploadType=multipart";

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const thread = try input.optionalText("thread_id");
    const boundary = try sdk.blob.makeBoundary(ctx);
    const closing = try ctx.print("\r\n--{s}--\r\n", .{boundary});
    const built = try message.build(ctx, input, try openUpload(ctx, boundary, thread), closing);
    const session = try sdk.google.connect(ctx, input, "Gmail", "google_oauth");
    const reply = try session.service.send(switch (built) {
        .whole => |whole| .{
            .url = url,
            .headers = try buildHeaders(ctx, session, "application/json"),
            .body = try sdk.render(ctx.allocator, try describe(ctx, whole, thread)),
        },
        .parts => |parts| .{
            .url = upload_url,
            .headers = try buildHeaders(ctx, session, try ctx.print("multipart/related; boundary={s}", .{boundary})),
            .parts = parts,
        },
    });
    if (!reply.isSuccess()) return sdk.google.refuse(session.service, reply);
    return ctx.value(.{
        .id = reply.body.get("id") orelse return session.service.misunderstand(reply),
        .thread_id = reply.body.get("threadId"),
    });
}

fn buildHeaders(ctx: *Context, session: sdk.google.Session, content_type: []const u8) Error!Value {
    return ctx.value(.{ .authorization = session.authorization, .@"content-type" = content_type });
}

fn describe(ctx: *Context, whole: []const u8, thread: ?[]const u8) Error!Value {
    const body = try ctx.value(.{ .raw = try encodeForUrl(ctx, whole) });
    if (thread) |id| try body.object.put(ctx.allocator, "threadId", .{ .string = id });
    return body;
}

/// What precedes the message in an upload: the metadata, and the message's own type.
/// https://developers.google.com/workspace/gmail/api/guides/uploads#multipart
fn openUpload(ctx: *Context, boundary: []const u8, thread: ?[]const u8) Error![]const u8 {
    const metadata = try sdk.newObject(ctx.allocator);
    if (thread) |id| try metadata.put(ctx.allocator, "threadId", .{ .string = id });
    const form = "--{s}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{s}\r\n" ++
        "--{s}\r\nContent-Type: message/rfc822\r\n\r\n";
    return ctx.print(form, .{ boundary, try sdk.render(ctx.allocator, .{ .object = metadata }), boundary });
}

/// base64url (RFC 4648, section 5), padded.
fn encodeForUrl(ctx: *Context, bytes: []const u8) Error![]const u8 {
    const encoder = std.base64.url_safe.Encoder;
    return encoder.encode(try ctx.allocator.alloc(u8, encoder.calcSize(bytes.len)), bytes);
}
