//! Base64 (RFC 4648): sections 4 (the standard alphabet) and 5 (the URL-safe one).

const std = @import("std");
const Allocator = std.mem.Allocator;

pub fn encode(allocator: Allocator, bytes: []const u8) Allocator.Error![]const u8 {
    const encoder = std.base64.standard.Encoder;
    return encoder.encode(try allocator.alloc(u8, encoder.calcSize(bytes.len)), bytes);
}

/// Decode either alphabet, with or without padding; spaces and line breaks are skipped, as in e-mail.
/// Null if there is another character, or the text ends inside a byte.
pub fn decode(allocator: Allocator, text: []const u8) Allocator.Error!?[]const u8 {
    var decoded: std.ArrayList(u8) = try .initCapacity(allocator, text.len / 4 * 3 + 3);
    var bits: u32 = 0;
    var digits: usize = 0;
    var padding: usize = 0;
    for (text) |char| {
        const digit: u32 = switch (char) {
            'A'...'Z' => char - 'A',
            'a'...'z' => char - 'a' + 26,
            '0'...'9' => char - '0' + 52,
            '+', '-' => 62,
            '/', '_' => 63,
            ' ', '\t', '\r', '\n' => continue,
            '=' => {
                padding += 1;
                continue;
            },
            else => return null,
        };
        if (padding > 0) return null;
        bits = bits << 6 | digit;
        digits += 1;
        if (digits % 4 != 1) decoded.appendAssumeCapacity(@truncate(bits >> @intCast((4 - digits % 4) % 4 * 2)));
    }
    if (digits % 4 == 1 or (padding > 0 and (digits + padding) % 4 != 0) or padding > 2) return null;
    return decoded.items;
}
