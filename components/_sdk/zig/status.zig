//! What an HTTP status says to somebody who thinks of trying again.

const std = @import("std");

pub fn isSuccess(status: i64) bool {
    return 200 <= status and status <= 299;
}

/// Whether the same request may succeed later: 408, 425, 429 and 5xx (RFC 9110, section 15; RFC 6585; RFC 8470). Not
/// 501 and 505, which say that the server can never do it, nor Cloudflare's 526, an invalid certificate.
pub fn isRetriable(status: i64) bool {
    return switch (status) {
        408, 425, 429, 500, 502...504, 506...525, 527...599 => true,
        else => false,
    };
}

test isRetriable {
    for ([_]i64{ 408, 425, 429, 500, 502, 503, 504, 507, 520, 530, 599 }) |status| {
        try std.testing.expect(isRetriable(status));
    }
    for ([_]i64{ 0, 200, 301, 400, 401, 404, 409, 418, 428, 499, 501, 505, 526, 600 }) |status| {
        try std.testing.expect(!isRetriable(status));
    }
}
