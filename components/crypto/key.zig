//! Keys of signatures, as PEM (RFC 7468: PKCS #8, PKCS #1, SEC 1, SubjectPublicKeyInfo, certificates) and as JWK (RFC 7517).

const std = @import("std");
const sdk = @import("sdk");
const bytes = @import("bytes.zig");
const der = @import("der.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub const Algorithm = enum { HS256, RS256, ES256 };

/// Whole numbers in big-endian order, without leading zeros. Of a public key the private parts are empty; of a private one
/// the last five may be.
pub const Rsa = struct {
    n: []const u8,
    e: []const u8,
    d: []const u8 = "",
    p: []const u8 = "",
    q: []const u8 = "",
    dp: []const u8 = "",
    dq: []const u8 = "",
    qi: []const u8 = "",
};

/// Of the curve P-256. `d` is empty in a public key; `point` is the uncompressed one of SEC 1, and may be empty in a
/// private key.
pub const Ec = struct { d: []const u8 = "", point: []const u8 = "" };

pub const Key = union(Algorithm) { HS256: []const u8, RS256: Rsa, ES256: Ec };

const rsa_identifier = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const ec_identifier = "\x2a\x86\x48\xce\x3d\x02\x01";
const p256_identifier = "\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// The field `key` for `algorithm`: a secret, PEM, a JWK, or a set of them, of which `key_id` or the algorithm tells one.
/// No message shows any of it.
pub fn read(ctx: *Context, input: Input, algorithm: Algorithm, key_id: ?[]const u8) Error!Key {
    const given = input.optionalValue("key") orelse return input.missing("key", "a text or an object");
    const value = if (given == .string) parseObject(ctx, given.string) orelse given else given;
    const found = switch (value) {
        .string => |text| if (algorithm == .HS256) readSecret(input, text) else readPem(ctx, text),
        .object => if (accountKey(value)) |text| readPem(ctx, text) else readJwk(ctx, choose(value, algorithm, key_id) orelse return ctx.fail(
            "KEY_NOT_FOUND",
            "None of the keys in `key` fits the token's key id and algorithm.",
        )),
        else => error.InvalidKey,
    } catch |problem| switch (problem) {
        error.OutOfMemory, error.Failed => |ended| return ended,
        error.InvalidKey => return refuse(ctx, algorithm),
    };
    return if (std.meta.activeTag(found) == algorithm) found else refuse(ctx, algorithm);
}

pub fn refuse(ctx: *Context, algorithm: Algorithm) Error {
    return ctx.fail("INVALID_KEY", switch (algorithm) {
        .HS256 => "`key` must be a secret of at least 32 bytes for HS256, as a text or as a JWK of the type oct.",
        .RS256 => "`key` must be an RSA key of 2048 to 4096 bits for RS256, as PEM without a password or as a JWK; one that signs must be private.",
        .ES256 => "`key` must be a key of the curve P-256 for ES256, as PEM without a password or as a JWK; one that signs must be private.",
    });
}

/// A key in PEM could be taken for a secret: what everybody knows of it would then sign (the "algorithm confusion").
fn readSecret(input: Input, text: []const u8) (Error || Problem)!Key {
    if (std.mem.indexOf(u8, text, begin) != null) return error.InvalidKey;
    return .{ .HS256 = try bytes.readSecret(input, "key", "key_encoding") };
}

/// The PEM in the JSON file of a service account, as Google gives it.
fn accountKey(value: Value) ?[]const u8 {
    const text = textOf(value, "private_key");
    return if (text.len > 0) text else null;
}

fn parseObject(ctx: *Context, text: []const u8) ?Value {
    const trimmed = std.mem.trim(u8, text, " \t\r\n");
    if (trimmed.len == 0 or trimmed[0] != '{') return null;
    var parser: sdk.parse.Parser = .initForeign(ctx.allocator, trimmed);
    return parser.parse() catch null;
}

/// Of a set of keys (RFC 7517, section 5) the one with the id; without an id, the only one that the algorithm can use.
fn choose(value: Value, algorithm: Algorithm, key_id: ?[]const u8) ?Value {
    const keys = value.get("keys") orelse return value;
    if (keys != .array) return null;
    var found: ?Value = null;
    for (keys.array) |key| {
        if (!std.mem.eql(u8, textOf(key, "kty"), switch (algorithm) {
            .HS256 => "oct",
            .RS256 => "RSA",
            .ES256 => "EC",
        })) continue;
        if (key_id) |wanted| {
            if (!std.mem.eql(u8, textOf(key, "kid"), wanted)) continue;
        } else if (found != null) return null;
        found = key;
        if (key_id != null) break;
    }
    return found;
}

fn textOf(value: Value, name: []const u8) []const u8 {
    const found = value.get(name) orelse return "";
    return if (found == .string) found.string else "";
}

const Problem = error{ OutOfMemory, InvalidKey };

fn readJwk(ctx: *Context, jwk: Value) Problem!Key {
    const kind = textOf(jwk, "kty");
    if (std.mem.eql(u8, kind, "oct")) return .{ .HS256 = try memberOf(ctx, jwk, "k") };
    if (std.mem.eql(u8, kind, "RSA")) {
        var key: Rsa = .{ .n = "", .e = "" };
        inline for (@typeInfo(Rsa).@"struct".field_names) |name| {
            @field(key, name) = std.mem.trimStart(u8, try memberOf(ctx, jwk, name), &.{0});
        }
        return .{ .RS256 = key };
    }
    if (!std.mem.eql(u8, kind, "EC") or !std.mem.eql(u8, textOf(jwk, "crv"), "P-256")) return error.InvalidKey;
    const x = try memberOf(ctx, jwk, "x");
    const y = try memberOf(ctx, jwk, "y");
    if (x.len != 32 or y.len != 32) return error.InvalidKey;
    return .{ .ES256 = .{
        .d = try memberOf(ctx, jwk, "d"),
        .point = try std.mem.concat(ctx.allocator, u8, &.{ "\x04", x, y }),
    } };
}

fn memberOf(ctx: *Context, jwk: Value, name: []const u8) Problem![]const u8 {
    return try sdk.base64.decode(ctx.allocator, textOf(jwk, name)) orelse error.InvalidKey;
}

const begin = "-----BEGIN ";

/// Its line breaks may be written as `\n`, as in JSON or in a variable of an environment.
fn readPem(ctx: *Context, source: []const u8) Problem!Key {
    const text = try std.mem.replaceOwned(u8, ctx.allocator, source, "\\n", "\n");
    // openssl writes the curve's name before an EC key, in a block of its own; the key names it too.
    const parameters_end = "-----END EC PARAMETERS-----";
    const from = std.mem.indexOf(u8, text, parameters_end) orelse 0;
    const start = std.mem.indexOfPos(u8, text, from, begin) orelse return error.InvalidKey;
    const label_end = std.mem.indexOfPos(u8, text, start + begin.len, "-----") orelse return error.InvalidKey;
    const label = text[start + begin.len .. label_end];
    const end = std.mem.indexOfPos(u8, text, label_end, "-----END ") orelse return error.InvalidKey;
    const content = try sdk.base64.decode(ctx.allocator, text[label_end + 5 .. end]) orelse return error.InvalidKey;
    var reader: der.Reader = .{ .rest = content };
    var body = try reader.enter(.sequence);
    if (std.mem.eql(u8, label, "PRIVATE KEY")) return readPkcs8(&body);
    if (std.mem.eql(u8, label, "RSA PRIVATE KEY")) return readRsaPrivate(&body);
    if (std.mem.eql(u8, label, "EC PRIVATE KEY")) return readEcPrivate(&body, "");
    if (std.mem.eql(u8, label, "PUBLIC KEY")) return readPublic(&body);
    if (std.mem.eql(u8, label, "RSA PUBLIC KEY")) return readRsaPublic(&body);
    if (std.mem.eql(u8, label, "CERTIFICATE")) return readCertificate(&body);
    return error.InvalidKey;
}

/// RFC 5958, section 2.
fn readPkcs8(body: *der.Reader) der.Error!Key {
    _ = try body.number();
    var algorithm = try body.enter(.sequence);
    const identifier = try algorithm.expect(.object_identifier);
    var private = try body.enter(.octet_string);
    var key = try private.enter(.sequence);
    if (std.mem.eql(u8, identifier, rsa_identifier)) return readRsaPrivate(&key);
    if (!std.mem.eql(u8, identifier, ec_identifier)) return error.InvalidKey;
    return readEcPrivate(&key, try algorithm.expect(.object_identifier));
}

/// RFC 8017, appendix A.1.2.
fn readRsaPrivate(body: *der.Reader) der.Error!Key {
    _ = try body.number();
    var key: Rsa = .{ .n = "", .e = "" };
    inline for (@typeInfo(Rsa).@"struct".field_names) |name| @field(key, name) = try body.number();
    return .{ .RS256 = key };
}

fn readRsaPublic(body: *der.Reader) der.Error!Key {
    const n = try body.number();
    return .{ .RS256 = .{ .n = n, .e = try body.number() } };
}

/// RFC 5915, section 3. `curve` is what stands around it.
fn readEcPrivate(body: *der.Reader, curve: []const u8) der.Error!Key {
    _ = try body.number();
    var key: Ec = .{ .d = try body.expect(.octet_string) };
    var named = curve;
    while (body.rest.len > 0) {
        const element = try body.next();
        var inner: der.Reader = .{ .rest = element.content };
        if (element.tag == .first) named = try inner.expect(.object_identifier);
        if (element.tag == .second) key.point = try inner.bits();
    }
    return if (std.mem.eql(u8, named, p256_identifier)) .{ .ES256 = key } else error.InvalidKey;
}

/// RFC 5280, section 4.1.2.7.
fn readPublic(body: *der.Reader) der.Error!Key {
    var algorithm = try body.enter(.sequence);
    const identifier = try algorithm.expect(.object_identifier);
    const bits = try body.bits();
    if (std.mem.eql(u8, identifier, rsa_identifier)) {
        var outer: der.Reader = .{ .rest = bits };
        var key = try outer.enter(.sequence);
        return readRsaPublic(&key);
    }
    const is_p256 = std.mem.eql(u8, identifier, ec_identifier) and
        std.mem.eql(u8, try algorithm.expect(.object_identifier), p256_identifier);
    return if (is_p256) .{ .ES256 = .{ .point = bits } } else error.InvalidKey;
}

/// Its key alone: who signed it, and until when it holds, is not looked at.
fn readCertificate(body: *der.Reader) der.Error!Key {
    var certificate = try body.enter(.sequence);
    if ((try certificate.next()).tag == .first) _ = try certificate.next(); // the version, and the serial number
    for (0..4) |_| _ = try certificate.next(); // signature, issuer, validity, subject
    var public = try certificate.enter(.sequence);
    return readPublic(&public);
}
