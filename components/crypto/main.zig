//! crypto: one cryptographic operation: digests, HMAC, random values, and JSON Web Tokens. What verifies fails unless all is
//! right, so that a step behind it never runs on what is forged.

const std = @import("std");
const sdk = @import("sdk");
const bytes = @import("bytes.zig");
const digest = @import("digest.zig");
const jwt = @import("jwt.zig");
const random = @import("random.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const Operation = enum { hash, hmac, verify_hmac, uuid, random, jwt_sign, jwt_verify };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    return switch (try input.choice(Operation, "operation")) {
        .hash => ctx.value(.{ .result = try hash(ctx, input) }),
        .hmac => ctx.value(.{ .result = try bytes.encode(input, try hmac(ctx, input), .hex) }),
        .verify_hmac => verifyHmac(ctx, input),
        .uuid => ctx.value(.{ .result = try random.uuid(ctx, input) }),
        .random => ctx.value(.{ .result = try random.text(ctx, input) }),
        .jwt_sign => ctx.value(.{ .result = try jwt.sign(ctx, input) }),
        .jwt_verify => jwt.verify(ctx, input),
    };
}

fn hash(ctx: *Context, input: Input) Error![]const u8 {
    const algorithm = try digest.algorithmOf(input);
    return bytes.encode(input, try digest.hash(ctx.allocator, algorithm, try bytes.read(input, "input", "input_encoding")), .hex);
}

fn hmac(ctx: *Context, input: Input) Error![]const u8 {
    const algorithm = try digest.algorithmOf(input);
    const key = try bytes.readSecret(input, "key", "key_encoding");
    return digest.hmac(ctx.allocator, algorithm, key, try bytes.read(input, "input", "input_encoding"));
}

fn verifyHmac(ctx: *Context, input: Input) Error!Value {
    const wanted = try hmac(ctx, input);
    const signature = try withoutName(input, try input.text("signature"));
    const given = try bytes.decodeGiven(input, "signature", signature, try bytes.encodingOf(input, "encoding", .hex));
    if (!bytes.isEqual(wanted, given)) {
        return ctx.fail("SIGNATURE_MISMATCH", "`signature` is not the HMAC of `input` under this key.");
    }
    return ctx.value(.{ .verified = true });
}

/// Without the algorithm's name before it, as in "sha256=5bdc...".
fn withoutName(input: Input, signature: []const u8) Error![]const u8 {
    const name = @tagName(try digest.algorithmOf(input));
    const is_named = std.mem.startsWith(u8, signature, name) and std.mem.startsWith(u8, signature[name.len..], "=");
    return if (is_named) signature[name.len + 1 ..] else signature;
}
