//! The time of day, by WASI's own clock.

const std = @import("std");
const wasi = std.os.wasi;

/// Microseconds since 1970.
pub fn now() i64 {
    var nanoseconds: wasi.timestamp_t = 0;
    if (wasi.clock_time_get(.REALTIME, 1000, &nanoseconds) != .SUCCESS) return 0;
    return @intCast(nanoseconds / 1000);
}
