//! RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2).

const std = @import("std");
const ff = std.crypto.ff;
const Rsa = @import("key.zig").Rsa;

const max_bits = 4096;
const min_bits = 2048;
const max_bytes = max_bits / 8;
const Modulus = ff.Modulus(max_bits);
const Prime = ff.Modulus(max_bits / 2);

pub const Error = error{InvalidKey};

/// The DER of a DigestInfo up to the digest itself.
const digest_prefix = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// The signature, as long as the modulus, at the start of `target`.
pub fn sign(target: *[max_bytes]u8, key: Rsa, message: []const u8) Error![]const u8 {
    const modulus = try modulusOf(key);
    const padded = pad(target, key.n.len, message);
    const represented = Modulus.Fe.fromBytes(modulus, padded, .big) catch return error.InvalidKey;
    const signature = if (key.p.len > 0 and key.q.len > 0) try signByPrimes(modulus, key, represented) else try signWhole(modulus, key, represented);
    // A fault on the way, or a key whose parts do not belong together, would tell the primes to who reads the signature.
    const again = modulus.powWithEncodedPublicExponent(signature, key.e, .big) catch return error.InvalidKey;
    if (!again.eql(represented)) return error.InvalidKey;
    signature.toBytes(target[0..key.n.len], .big) catch return error.InvalidKey;
    return target[0..key.n.len];
}

pub fn isSigned(key: Rsa, message: []const u8, signature: []const u8) Error!bool {
    const modulus = try modulusOf(key);
    if (signature.len != key.n.len) return false;
    const given = Modulus.Fe.fromBytes(modulus, signature, .big) catch return false;
    const opened = modulus.powWithEncodedPublicExponent(given, key.e, .big) catch return error.InvalidKey;
    var target: [max_bytes]u8 = undefined;
    const wanted = Modulus.Fe.fromBytes(modulus, pad(&target, key.n.len, message), .big) catch return false;
    return opened.eql(wanted);
}

fn modulusOf(key: Rsa) Error!Modulus {
    if (key.e.len == 0 or key.e.len > 4 or key.e[key.e.len - 1] & 1 == 0 or (key.e.len == 1 and key.e[0] < 3)) {
        return error.InvalidKey;
    }
    if (key.n.len > max_bytes) return error.InvalidKey;
    const modulus = Modulus.fromBytes(key.n, .big) catch return error.InvalidKey;
    return if (modulus.bits() >= min_bits) modulus else error.InvalidKey;
}

/// EMSA-PKCS1-v1_5: 00 01 ff ... ff 00 and the DigestInfo.
fn pad(target: *[max_bytes]u8, length: usize, message: []const u8) []const u8 {
    const Sha256 = std.crypto.hash.sha2.Sha256;
    const digest_start = length - Sha256.digest_length;
    const prefix_start = digest_start - digest_prefix.len;
    target[0] = 0;
    target[1] = 1;
    @memset(target[2 .. prefix_start - 1], 0xff);
    target[prefix_start - 1] = 0;
    @memcpy(target[prefix_start..digest_start], digest_prefix);
    Sha256.hash(message, target[digest_start..][0..Sha256.digest_length], .{});
    return target[0..length];
}

fn signWhole(modulus: Modulus, key: Rsa, represented: Modulus.Fe) Error!Modulus.Fe {
    return modulus.powWithEncodedExponent(represented, key.d, .big) catch error.InvalidKey;
}

/// By the Chinese remainder theorem (RFC 8017, section 5.2.1): a quarter of the work.
fn signByPrimes(modulus: Modulus, key: Rsa, represented: Modulus.Fe) Error!Modulus.Fe {
    return computeByPrimes(modulus, key, represented) catch error.InvalidKey;
}

fn computeByPrimes(modulus: Modulus, key: Rsa, represented: Modulus.Fe) !Modulus.Fe {
    const p = try Prime.fromBytes(key.p, .big);
    const q = try Prime.fromBytes(key.q, .big);
    const first = try p.powWithEncodedExponent(p.reduce(represented.v), key.dp, .big);
    const second = try q.powWithEncodedExponent(q.reduce(represented.v), key.dq, .big);
    const inverse = try Prime.Fe.fromBytes(p, key.qi, .big);
    const h = p.mul(p.sub(first, p.reduce(second.v)), inverse);
    return modulus.add(modulus.mul(try widen(modulus, p, h), try widenBytes(modulus, key.q)), try widen(modulus, q, second));
}

fn widen(modulus: Modulus, prime: Prime, element: Prime.Fe) !Modulus.Fe {
    var encoded: [max_bytes / 2]u8 = undefined;
    const used = encoded[0..prime.encodedLen()];
    try element.toBytes(used, .big);
    return widenBytes(modulus, used);
}

fn widenBytes(modulus: Modulus, encoded: []const u8) !Modulus.Fe {
    return Modulus.Fe.fromBytes(modulus, encoded, .big);
}
