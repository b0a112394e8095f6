//! Percent-encoding (RFC 3986, section 2.1). All but the unreserved characters are encoded, so that the result is safe
//! in any part of a URL: `encodeURIComponent`, and Python's `quote(text, safe="")`.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub fn encode(allocator: Allocator, text: []const u8) Allocator.Error![]const u8 {
    var encoded: std.ArrayList(u8) = try .initCapacity(allocator, text.len);
    for (text) |byte| {
        switch (byte) {
            'A'...'Z', 'a'...'z', '0'...'9', '-', '.', '_', '~' => try encoded.append(allocator, byte),
            else => {
                try encoded.append(allocator, '%');
                try encoded.appendSlice(allocator, &std.fmt.bytesToHex([1]u8{byte}, .upper));
            },
        }
    }
    return encoded.items;
}

/// The bytes that `text` stands for. A `+` stays one. Null if a `%` is not followed by two hexadecimal digits.
pub fn decode(allocator: Allocator, text: []const u8) Allocator.Error!?[]const u8 {
    var decoded: std.ArrayList(u8) = try .initCapacity(allocator, text.len);
    var at: usize = 0;
    while (at < text.len) : (at += 1) {
        if (text[at] != '%') {
            decoded.appendAssumeCapacity(text[at]);
            continue;
        }
        if (text.len - at < 3) return null;
        const high = std.fmt.charToDigit(text[at + 1], 16) catch return null;
        const low = std.fmt.charToDigit(text[at + 2], 16) catch return null;
        decoded.appendAssumeCapacity(high << 4 | low);
        at += 2;
    }
    return decoded.items;
}
