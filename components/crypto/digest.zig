//! Digests (FIPS 180-4; RFC 1321 for MD5) and HMAC (RFC 2104).

const std = @import("std");
const sdk = @import("sdk");
const Allocator = std.mem.Allocator;
const sha2 = std.crypto.hash.sha2;

pub const Algorithm = enum { md5, sha1, sha256, sha384, sha512 };

pub fn algorithmOf(input: sdk.Input) sdk.Error!Algorithm {
    return try input.optionalChoice(Algorithm, "algorithm") orelse .sha256;
}

fn Hash(comptime algorithm: Algorithm) type {
    return switch (algorithm) {
        .md5 => std.crypto.hash.Md5,
        .sha1 => std.crypto.hash.Sha1,
        .sha256 => sha2.Sha256,
        .sha384 => sha2.Sha384,
        .sha512 => sha2.Sha512,
    };
}

pub fn hash(allocator: Allocator, algorithm: Algorithm, source: []const u8) Allocator.Error![]const u8 {
    switch (algorithm) {
        inline else => |known| {
            const H = Hash(known);
            const made = try allocator.create([H.digest_length]u8);
            H.hash(source, made, .{});
            return made;
        },
    }
}

pub fn hmac(allocator: Allocator, algorithm: Algorithm, key: []const u8, source: []const u8) Allocator.Error![]const u8 {
    switch (algorithm) {
        inline else => |known| {
            const Mac = std.crypto.auth.hmac.Hmac(Hash(known));
            const made = try allocator.create([Mac.mac_length]u8);
            Mac.create(made, source, key);
            return made;
        },
    }
}
