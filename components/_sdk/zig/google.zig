//! What Google's APIs have in common: OAuth 2.0 and the form of their errors.

const std = @import("std");
const context = @import("context.zig");
const json = @import("json.zig");
const parse = @import("parse.zig");
const percent = @import("percent.zig");
const service = @import("service.zig");
const Context = context.Context;
const Error = context.Error;
const Input = @import("input.zig").Input;
const Reply = service.Reply;
const Service = service.Service;
const Value = json.Value;

const token_url = "https://oauth2.googleapis.com/token";

/// What a call needs.
pub const Session = struct { service: Service, authorization: []const u8 };

/// The field `name` holds an access token, or the JSON {"client_id", "client_secret", "refresh_token"}: because an
/// access token lives for an hour, the latter is exchanged for a fresh one, which is one more request.
/// https://developers.google.com/identity/protocols/oauth2/web-server#offline
pub fn connect(ctx: *Context, input: Input, service_name: []const u8, name: []const u8) Error!Session {
    const given = input.optionalValue(name) orelse .null;
    const text = if (given == .string) std.mem.trim(u8, given.string, " \t\r\n") else "";
    // A reference that nothing has filled in, as in a contract's example, is no JSON.
    if (!std.mem.startsWith(u8, text, "{") or std.mem.startsWith(u8, text, "{{")) {
        const token = try service.readSecret(input, name);
        const secrets = try ctx.allocator.dupe([]const u8, &.{token});
        return open(.{ .ctx = ctx, .name = service_name, .secrets = secrets }, token);
    }
    var parser: parse.Parser = .init(ctx.allocator, text);
    const client = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => return ctx.failInput("`{s}` begins like JSON, but is not valid.", .{name}),
    };
    const prefix = try ctx.print("{s}.", .{name});
    return refresh(ctx, service_name, .{ .ctx = ctx, .fields = client.object, .prefix = prefix });
}

fn open(caller: Service, token: []const u8) Error!Session {
    return .{ .service = caller, .authorization = try caller.ctx.print("Bearer {s}", .{token}) };
}

fn refresh(ctx: *Context, service_name: []const u8, client: Input) Error!Session {
    const id = try service.readSecret(client, "client_id");
    const secret = try service.readSecret(client, "client_secret");
    const token = try service.readSecret(client, "refresh_token");
    const encoded_secret = try percent.encode(ctx.allocator, secret);
    const encoded_token = try percent.encode(ctx.allocator, token);
    const secrets = try ctx.allocator.dupe([]const u8, &.{ secret, token, encoded_secret, encoded_token });
    const issuer: Service = .{ .ctx = ctx, .name = "Google's sign-in", .secrets = secrets };
    const reply = try issuer.send(.{
        .url = token_url,
        .headers = try ctx.value(.{ .@"content-type" = "application/x-www-form-urlencoded" }),
        .body = try ctx.print("client_id={s}&client_secret={s}&refresh_token={s}&grant_type=refresh_token", .{
            try percent.encode(ctx.allocator, id),
            encoded_secret,
            encoded_token,
        }),
    });
    if (!reply.isSuccess()) {
        // RFC 6749, section 5.2.
        const reason = reply.textAt(&.{"error"});
        return issuer.refuse(reply, .{
            .code = if (reply.status == 400 or reply.status == 401) "UNAUTHORIZED" else null,
            .message = reply.textAt(&.{"error_description"}) orelse reason,
            .reason = reason,
        });
    }
    const issued = reply.textAt(&.{"access_token"}) orelse return issuer.misunderstand(reply);
    const all = try std.mem.concat(ctx.allocator, []const u8, &.{ secrets, &.{issued} });
    return open(.{ .ctx = ctx, .name = service_name, .secrets = all }, issued);
}

/// {"error": {"code", "message", "status", "errors": [{"reason"}]}}; older APIs have no status, newer ones no errors.
pub fn refuse(caller: Service, reply: Reply) Error {
    const reason = firstReason(reply.body) orelse reply.textAt(&.{ "error", "status" });
    const limit: Limit = if (reply.status == 403) findLimit(reason orelse "") else .none;
    return caller.refuse(reply, .{
        .code = if (limit == .none) null else "RATE_LIMITED",
        .retriable = switch (limit) {
            .none => null,
            .rate => true,
            .quota => false,
        },
        .message = reply.textAt(&.{ "error", "message" }),
        .reason = reason,
        .retry_after_s = findDelay(reply.body),
    });
}

/// RetryInfo among {"error": {"details": [...]}}, rounded up: {"retryDelay": "1.5s"}, a protobuf Duration in JSON.
/// https://google.aip.dev/193
fn findDelay(body: Value) ?i64 {
    const details = service.valueAt(body, &.{ "error", "details" }) orelse return null;
    if (details != .array) return null;
    for (details.array) |detail| {
        const delay = detail.get("retryDelay") orelse continue;
        if (delay != .string or !std.mem.endsWith(u8, delay.string, "s")) continue;
        const digits = delay.string[0 .. delay.string.len - 1];
        const point_at = std.mem.indexOfScalar(u8, digits, '.') orelse digits.len;
        const seconds = std.fmt.parseInt(u31, digits[0..point_at], 10) catch continue;
        const has_fraction = std.mem.trim(u8, digits[point_at..], ".0").len > 0;
        return @as(i64, seconds) + @intFromBool(has_fraction);
    }
    return null;
}

fn firstReason(body: Value) ?[]const u8 {
    const errors = service.valueAt(body, &.{ "error", "errors" }) orelse return null;
    if (errors != .array or errors.array.len == 0) return null;
    const reason = errors.array[0].get("reason") orelse return null;
    return if (reason == .string) reason.string else null;
}

/// Limits that are answered with 403 and not with 429: a rate, which is free again in a moment, or a quota, which takes
/// until tomorrow or never.
const Limit = enum { none, rate, quota };

fn findLimit(reason: []const u8) Limit {
    const limits = std.StaticStringMap(Limit).initComptime(.{
        .{ "rateLimitExceeded", .rate },
        .{ "userRateLimitExceeded", .rate },
        .{ "dailyLimitExceeded", .quota },
        .{ "quotaExceeded", .quota },
    });
    return limits.get(reason) orelse .none;
}
