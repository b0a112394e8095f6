//! JSON Web Tokens (RFC 7519) as signed ones (RFC 7515, compact): HS256, RS256 and ES256 (RFC 7518, section 3).

const std = @import("std");
const sdk = @import("sdk");
const bytes = @import("bytes.zig");
const digest = @import("digest.zig");
const keys = @import("key.zig");
const random = @import("random.zig");
const rsa = @import("rsa.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;
const Ecdsa = std.crypto.sign.ecdsa.EcdsaP256Sha256;

const max_expires_in_s = 366 * 86_400;
const max_leeway_s = 600;
/// RFC 7518, section 3.2: as long as the digest.
const min_secret_bytes = 32;

pub fn sign(ctx: *Context, input: Input) Error![]const u8 {
    const algorithm = try algorithmOf(input);
    const payload = try input.object("payload");
    const header = try sdk.newObject(ctx.allocator);
    try header.put(ctx.allocator, "alg", .{ .string = @tagName(algorithm) });
    try header.put(ctx.allocator, "typ", .{ .string = "JWT" });
    const key_id = try input.optionalText("key_id");
    if (key_id) |id| try header.put(ctx.allocator, "kid", .{ .string = id });
    if (try input.optionalObject("header")) |more| for (more.fields.members()) |member| {
        if (std.mem.eql(u8, member.name, "alg")) return ctx.failInput("`header.alg` is what `algorithm` says.", .{});
        if (std.mem.eql(u8, member.name, "kid")) return ctx.failInput("`header.kid` is what `key_id` says.", .{});
        try header.put(ctx.allocator, member.name, member.value);
    };
    if (try input.optionalInteger("expires_in_s", .{ .min = 1, .max = max_expires_in_s })) |lifetime_s| {
        const now_s = nowSeconds();
        if (payload.fields.get("iat") == null) try payload.fields.put(ctx.allocator, "iat", try ctx.value(now_s));
        try payload.fields.put(ctx.allocator, "exp", try ctx.value(now_s + lifetime_s));
    }
    const key = try keys.read(ctx, input, algorithm, key_id);
    const message = try ctx.print("{s}.{s}", .{ try encodeJson(ctx, header), try encodeJson(ctx, payload.fields) });
    const signature = try bytes.encodeAs(ctx.allocator, try makeSignature(ctx, key, message), .base64url);
    return ctx.print("{s}.{s}", .{ message, signature });
}

fn algorithmOf(input: Input) Error!keys.Algorithm {
    return input.choice(keys.Algorithm, "algorithm");
}

fn nowSeconds() i64 {
    return @divFloor(sdk.clock.now(), std.time.us_per_s);
}

fn encodeJson(ctx: *Context, object: *sdk.Object) Error![]const u8 {
    return bytes.encodeAs(ctx.allocator, try sdk.render(ctx.allocator, .{ .object = object }), .base64url);
}

fn makeSignature(ctx: *Context, key: keys.Key, message: []const u8) Error![]const u8 {
    switch (key) {
        .HS256 => |secret| return makeMac(ctx, secret, message),
        .RS256 => |parts| {
            if (parts.d.len == 0) return keys.refuse(ctx, .RS256);
            const target = try ctx.allocator.create([512]u8);
            return rsa.sign(target, parts, message) catch keys.refuse(ctx, .RS256);
        },
        .ES256 => |parts| {
            if (parts.d.len != Ecdsa.SecretKey.encoded_length) return keys.refuse(ctx, .ES256);
            var noise: [Ecdsa.noise_length]u8 = undefined;
            try random.fill(ctx, &noise);
            const made = try ctx.allocator.create([Ecdsa.Signature.encoded_length]u8);
            made.* = (signByCurve(parts, message, noise) catch return keys.refuse(ctx, .ES256)).toBytes();
            return made;
        },
    }
}

fn signByCurve(parts: keys.Ec, message: []const u8, noise: [Ecdsa.noise_length]u8) !Ecdsa.Signature {
    const secret = try Ecdsa.SecretKey.fromBytes(parts.d[0..Ecdsa.SecretKey.encoded_length].*);
    return (try Ecdsa.KeyPair.fromSecretKey(secret)).sign(message, noise);
}

fn makeMac(ctx: *Context, secret: []const u8, message: []const u8) Error![]const u8 {
    if (secret.len < min_secret_bytes) return keys.refuse(ctx, .HS256);
    return digest.hmac(ctx.allocator, .sha256, secret, message);
}

/// {"header", "payload"}. The algorithm is the author's: what the token names must be the same.
pub fn verify(ctx: *Context, input: Input) Error!Value {
    const algorithm = try algorithmOf(input);
    const token = withoutScheme(try input.text("token"));
    var parts = std.mem.splitScalar(u8, token, '.');
    const header_part = parts.first();
    const payload_part = parts.next() orelse return refuseForm(ctx);
    const signature_part = parts.next() orelse return refuseForm(ctx);
    if (parts.next() != null) return refuseForm(ctx);
    const header = try decodeJson(ctx, header_part);
    if (!std.mem.eql(u8, textOf(header, "alg") orelse "", @tagName(algorithm))) {
        return ctx.fail("JWT_INVALID", try ctx.print("The token is not signed by {s}.", .{@tagName(algorithm)}));
    }
    if (header.get("crit") != null) return ctx.fail("JWT_INVALID", "The token has a header `crit` that is not known.");
    const key = try keys.read(ctx, input, algorithm, textOf(header, "kid"));
    const signature = try decodePart(ctx, signature_part);
    const message = token[0 .. header_part.len + 1 + payload_part.len];
    if (!try isSigned(ctx, key, message, signature)) {
        return ctx.fail("JWT_INVALID", "The token's signature is not by this key.");
    }
    const payload = try decodeJson(ctx, payload_part);
    try checkClaims(ctx, input, payload);
    return ctx.value(.{ .header = header, .payload = payload });
}

/// A token as it stands in a header: "Bearer eyJ...".
fn withoutScheme(given: []const u8) []const u8 {
    const scheme = "Bearer ";
    const token = std.mem.trim(u8, given, " \t\r\n");
    return if (std.ascii.startsWithIgnoreCase(token, scheme)) std.mem.trim(u8, token[scheme.len..], " ") else token;
}

fn refuseForm(ctx: *Context) Error {
    return ctx.fail("JWT_INVALID", "The token is not a signed JWT: three base64url texts with points between them, the first two JSON objects.");
}

fn textOf(value: Value, name: []const u8) ?[]const u8 {
    const found = value.get(name) orelse return null;
    return if (found == .string) found.string else null;
}

/// Base64url without padding and nothing between (RFC 7515, section 2): one text alone stands for some bytes.
fn decodePart(ctx: *Context, part: []const u8) Error![]const u8 {
    const decoder = std.base64.url_safe_no_pad.Decoder;
    const decoded = try ctx.allocator.alloc(u8, decoder.calcSizeForSlice(part) catch return refuseForm(ctx));
    decoder.decode(decoded, part) catch return refuseForm(ctx);
    return decoded;
}

fn decodeJson(ctx: *Context, part: []const u8) Error!Value {
    const decoded = try decodePart(ctx, part);
    if (!sdk.text.isUtf8(decoded)) return refuseForm(ctx);
    var parser: sdk.parse.Parser = .initForeign(ctx.allocator, decoded);
    const value = parser.parse() catch |problem| switch (problem) {
        error.OutOfMemory => return error.OutOfMemory,
        else => return refuseForm(ctx),
    };
    return if (value == .object) value else refuseForm(ctx);
}

fn isSigned(ctx: *Context, key: keys.Key, message: []const u8, signature: []const u8) Error!bool {
    switch (key) {
        .HS256 => |secret| return bytes.isEqual(try makeMac(ctx, secret, message), signature),
        .RS256 => |parts| return rsa.isSigned(parts, message, signature) catch keys.refuse(ctx, .RS256),
        .ES256 => |parts| {
            if (signature.len != Ecdsa.Signature.encoded_length) return false;
            const public = publicOf(parts) catch return keys.refuse(ctx, .ES256);
            Ecdsa.Signature.fromBytes(signature[0..Ecdsa.Signature.encoded_length].*).verify(message, public) catch return false;
            return true;
        },
    }
}

fn publicOf(parts: keys.Ec) !Ecdsa.PublicKey {
    const point = parts.point;
    if (point.len == 65 and point[0] == 4) {
        return .{ .p = try Ecdsa.Curve.fromSerializedAffineCoordinates(point[1..33].*, point[33..65].*, .big) };
    }
    if (parts.d.len != Ecdsa.SecretKey.encoded_length) return error.InvalidKey;
    const secret = try Ecdsa.SecretKey.fromBytes(parts.d[0..Ecdsa.SecretKey.encoded_length].*);
    return (try Ecdsa.KeyPair.fromSecretKey(secret)).public_key;
}

/// RFC 7519, section 4.1. `exp` and `nbf` count where they are there; `iss` and `aud` where the author asks for one.
fn checkClaims(ctx: *Context, input: Input, payload: Value) Error!void {
    const now_s = nowSeconds();
    const leeway_s = try input.optionalInteger("leeway_s", .{ .max = max_leeway_s }) orelse 0;
    if (try timeOf(ctx, payload, "exp")) |expires| {
        if (try isLater(ctx, now_s - leeway_s, expires)) return ctx.fail("JWT_EXPIRED", "The token's time `exp` is over.");
    }
    if (try timeOf(ctx, payload, "nbf")) |from| {
        if (!try isLater(ctx, now_s + leeway_s, from)) return ctx.fail("JWT_NOT_YET_VALID", "The token's time `nbf` has not come.");
    }
    if (try input.optionalText("issuer")) |issuer| {
        if (!isOneOf(payload.get("iss"), issuer, false)) return ctx.fail("JWT_REFUSED", "The token's `iss` is not `issuer`.");
    }
    if (try input.optionalText("audience")) |audience| {
        if (!isOneOf(payload.get("aud"), audience, true)) return ctx.fail("JWT_REFUSED", "The token's `aud` does not name `audience`.");
    }
}

/// Seconds since 1970, perhaps with a fraction.
fn timeOf(ctx: *Context, payload: Value, name: []const u8) Error!?[]const u8 {
    const found = payload.get(name) orelse return null;
    if (found == .number) return found.number;
    return ctx.fail("JWT_INVALID", try ctx.print("The token's `{s}` is not a number of seconds.", .{name}));
}

/// Whether it is `time_s` or later.
fn isLater(ctx: *Context, time_s: i64, since: []const u8) Error!bool {
    return sdk.number.order(try ctx.print("{d}", .{time_s}), since) != .lt;
}

fn isOneOf(found: ?Value, wanted: []const u8, may_be_list: bool) bool {
    const value = found orelse return false;
    if (value == .string) return std.mem.eql(u8, value.string, wanted);
    if (value != .array or !may_be_list) return false;
    for (value.array) |item| {
        if (item == .string and std.mem.eql(u8, item.string, wanted)) return true;
    }
    return false;
}
