//! Decimal numbers, so that 0.1 plus 0.2 is 0.3: up to 2^53 before the point and 20 digits after it.

const std = @import("std");
const number = @import("../number.zig");
const Allocator = std.mem.Allocator;

/// Digits after the point; what a division gives beyond them is rounded.
const max_scale = 20;
/// A number with more digits than that, before and after the point, cannot be taken in.
const max_digits = 36;

pub const Error = error{OutOfRange};

/// coefficient / 10^scale.
pub const Decimal = struct {
    coefficient: i128,
    scale: u8 = 0,

    /// A JSON number. Digits after the twentieth are cut off.
    pub fn parse(lexeme: []const u8) Error!Decimal {
        const exponent_at = std.mem.indexOfAny(u8, lexeme, "eE") orelse lexeme.len;
        var exponent: i32 = 0;
        if (exponent_at < lexeme.len) {
            const is_small = lexeme[exponent_at + 1] == '-';
            exponent = std.fmt.parseInt(i16, lexeme[exponent_at + 1 ..], 10) catch if (is_small) -9999 else 9999;
        }
        var coefficient: i128 = 0;
        var digits: usize = 0;
        var is_fraction = false;
        for (lexeme[0..exponent_at]) |char| switch (char) {
            '.' => is_fraction = true,
            '0'...'9' => {
                if (is_fraction) {
                    if (exponent <= -max_scale) continue;
                    exponent -= 1;
                }
                digits += @intFromBool(digits > 0 or char != '0');
                if (digits > max_digits) return error.OutOfRange;
                coefficient = coefficient * 10 + (char - '0');
            },
            else => {},
        };
        if (lexeme[0] == '-') coefficient = -coefficient;
        if (coefficient == 0) return .{ .coefficient = 0 };
        while (exponent > 0) : (exponent -= 1) {
            if (@abs(coefficient) > number.max_exact_integer) return error.OutOfRange;
            coefficient *= 10;
        }
        while (exponent < -max_scale) : (exponent += 1) coefficient = @divTrunc(coefficient, 10);
        return fit(coefficient, @intCast(-exponent));
    }

    pub fn fromInteger(size: i64) Decimal {
        return .{ .coefficient = size };
    }

    pub fn add(a: Decimal, b: Decimal) Error!Decimal {
        const scale = @max(a.scale, b.scale);
        return fit(a.scaledTo(scale) + b.scaledTo(scale), scale);
    }

    pub fn negate(a: Decimal) Decimal {
        return .{ .coefficient = -a.coefficient, .scale = a.scale };
    }

    pub fn multiply(a: Decimal, b: Decimal) Error!Decimal {
        const scale = a.scale + b.scale;
        const kept = @min(scale, max_scale);
        return fit(try multiplyDivide(a.coefficient, b.coefficient, power(scale - kept)), kept);
    }

    /// The divisor must not be 0.
    pub fn divide(a: Decimal, b: Decimal) Error!Decimal {
        const exponent = max_scale + b.scale - a.scale;
        // 10^38 is the highest power that there is; a number without a fraction has room for two digits more.
        const first = exponent -| 38;
        const dividend = a.coefficient * power(first);
        return fit(try multiplyDivide(dividend, power(exponent - first), b.coefficient), max_scale);
    }

    /// With the sign of the divisor, which must not be 0.
    pub fn mod(a: Decimal, b: Decimal) Error!Decimal {
        const scale = @max(a.scale, b.scale);
        const divisor = b.scaledTo(scale);
        const rest = @rem(a.scaledTo(scale), divisor);
        return fit(if (rest != 0 and (rest < 0) != (divisor < 0)) rest + divisor else rest, scale);
    }

    pub const Rounding = enum { floor, ceil, nearest };

    /// To so many digits after the point; halves go away from zero.
    pub fn round(a: Decimal, decimals: u8, rounding: Rounding) Decimal {
        if (decimals >= a.scale) return a;
        const unit = power(a.scale - decimals);
        const rest = @rem(a.coefficient, unit);
        const is_up = switch (rounding) {
            .floor => false,
            .ceil => rest > 0,
            .nearest => rest > 0 and rest * 2 >= unit,
        };
        const is_down = switch (rounding) {
            .floor => rest < 0,
            .ceil => false,
            .nearest => rest < 0 and -rest * 2 >= unit,
        };
        const rounded = a.coefficient - rest + if (is_up) unit else if (is_down) -unit else 0;
        return .{ .coefficient = @divTrunc(rounded, unit), .scale = decimals };
    }

    fn scaledTo(a: Decimal, scale: u8) i128 {
        return a.coefficient * power(scale - a.scale);
    }

    pub fn render(a: Decimal, allocator: Allocator) Allocator.Error![]const u8 {
        // A sign, the digits of an i128, and a point.
        var buffer: [42]u8 = undefined;
        var at: usize = buffer.len;
        var rest = @abs(a.coefficient);
        var scale = a.scale;
        while (scale > 0 and rest % 10 == 0) : (scale -= 1) rest /= 10;
        var digits: usize = 0;
        while (rest > 0 or digits <= scale) : (digits += 1) {
            if (digits == scale and digits > 0) {
                at -= 1;
                buffer[at] = '.';
            }
            at -= 1;
            buffer[at] = '0' + @as(u8, @intCast(rest % 10));
            rest /= 10;
        }
        if (a.coefficient < 0) {
            at -= 1;
            buffer[at] = '-';
        }
        return allocator.dupe(u8, buffer[at..]);
    }
};

/// Up to 10^38.
fn power(exponent: usize) i128 {
    var found: i128 = 1;
    for (0..exponent) |_| found *= 10;
    return found;
}

/// Refuses what is beyond 2^53.
fn fit(coefficient: i128, scale: u8) Error!Decimal {
    if (@abs(coefficient) > @abs(number.max_exact_integer * power(scale))) return error.OutOfRange;
    return .{ .coefficient = coefficient, .scale = scale };
}

/// a * b / divisor, halves rounded away from zero. The product has 256 bits, which are divided one by one.
noinline fn multiplyDivide(a: i128, b: i128, divisor: i128) Error!i128 {
    const limbs = multiplyWide(@abs(a), @abs(b));
    const unit = @abs(divisor);
    var quotient: u128 = 0;
    var rest: u128 = 0;
    var bit: usize = 256;
    while (bit > 0) {
        bit -= 1;
        rest = rest << 1 | (limbs[bit / 64] >> @intCast(bit % 64) & 1);
        if (quotient >> 126 != 0) return error.OutOfRange;
        quotient <<= 1;
        if (rest >= unit) {
            rest -= unit;
            quotient |= 1;
        }
    }
    if (rest >= unit - rest) quotient += 1;
    const is_negative = ((a < 0) != (b < 0)) != (divisor < 0);
    return if (is_negative) -@as(i128, @intCast(quotient)) else @intCast(quotient);
}

fn multiplyWide(a: u128, b: u128) [4]u64 {
    var limbs: [4]u64 = @splat(0);
    for ([_]u64{ @truncate(a), @truncate(a >> 64) }, 0..) |x, i| {
        var carry: u64 = 0;
        for ([_]u64{ @truncate(b), @truncate(b >> 64) }, 0..) |y, j| {
            const sum = @as(u128, x) * y + limbs[i + j] + carry;
            limbs[i + j] = @truncate(sum);
            carry = @truncate(sum >> 64);
        }
        limbs[i + 2] = carry;
    }
    return limbs;
}

test "decimals" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const cases = [_]struct { []const u8, []const u8, []const u8, []const u8, []const u8 }{
        // a, b, a + b, a * b, a / b
        .{ "0.1", "0.2", "0.3", "0.02", "0.5" },
        .{ "-7", "3", "-4", "-21", "-2.33333333333333333333" },
        .{ "1e3", "2.50E-2", "1000.025", "25", "40000" },
        .{ "9007199254740991", "1", "9007199254740992", "9007199254740991", "9007199254740991" },
        .{ "2", "-3", "-1", "-6", "-0.66666666666666666667" },
        .{ "1", "0.00000000000000000001", "1.00000000000000000001", "0.00000000000000000001", "" },
        .{
            "94906265.5",                          "94906265.12345678901234567", "189812530.62345678901234567",
            "9007199195420180.295783160934795385", "1.00000000396752743876",
        },
    };
    for (cases) |case| {
        const a = try Decimal.parse(case[0]);
        const b = try Decimal.parse(case[1]);
        const results = [_]Error!Decimal{ a.add(b), a.multiply(b), a.divide(b) };
        for (results, [_][]const u8{ case[2], case[3], case[4] }) |found, expected| {
            const shown = if (found) |decimal| try decimal.render(arena.allocator()) else |_| "";
            try std.testing.expectEqualStrings(expected, shown);
        }
    }
    for ([_][]const u8{ "9007199254740993", "1e16", "1e999", "1e99999" }) |text| {
        try std.testing.expectError(error.OutOfRange, Decimal.parse(text));
    }
}
