//! JSON numbers, worked on as the decimal text that they are: comparison, whole numbers and divisibility are exact.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// A whole number up to this is exact in every program that reads JSON (RFC 8259, section 6).
pub const max_exact_integer = 1 << 53;

/// Any exponent beyond this is as good as infinite.
const max_exponent = 1 << 40;

/// (-1)^negative * 0.DIGITS * 10^point.
const Decimal = struct {
    negative: bool,
    /// Begins and ends with a digit other than 0; may hold the decimal point. Empty for zero.
    digits: []const u8,
    point: i64,

    fn parse(lexeme: []const u8) Decimal {
        const negative = lexeme[0] == '-';
        const unsigned = lexeme[@intFromBool(negative)..];
        const exponent_at = std.mem.indexOfAny(u8, unsigned, "eE") orelse unsigned.len;
        const mantissa = unsigned[0..exponent_at];
        const digits = std.mem.trim(u8, mantissa, "0.");
        if (digits.len == 0) return .{ .negative = false, .digits = digits, .point = 0 };
        const point_at = std.mem.indexOfScalar(u8, mantissa, '.') orelse mantissa.len;
        const first_at = digits.ptr - mantissa.ptr;
        const exponent = if (exponent_at < unsigned.len) parseExponent(unsigned[exponent_at + 1 ..]) else 0;
        // The digits after a point lie one place further, because the point itself takes one.
        const offset = @as(i64, @intCast(point_at)) - @as(i64, @intCast(first_at)) + @intFromBool(first_at > point_at);
        return .{ .negative = negative, .digits = digits, .point = offset + exponent };
    }

    fn digitCount(decimal: Decimal) i64 {
        const has_point = std.mem.indexOfScalar(u8, decimal.digits, '.') != null;
        return @intCast(decimal.digits.len - @intFromBool(has_point));
    }

    /// The power of ten of the last digit.
    fn lastPower(decimal: Decimal) i64 {
        return decimal.point - decimal.digitCount();
    }

    fn orderMagnitude(a: Decimal, b: Decimal) std.math.Order {
        if (a.digits.len == 0 or b.digits.len == 0) return std.math.order(a.digits.len, b.digits.len);
        if (a.point != b.point) return std.math.order(a.point, b.point);
        var a_digits = std.mem.tokenizeScalar(u8, a.digits, '.');
        var b_digits = std.mem.tokenizeScalar(u8, b.digits, '.');
        var a_part: []const u8 = a_digits.next().?;
        var b_part: []const u8 = b_digits.next().?;
        while (true) {
            const length = @min(a_part.len, b_part.len);
            const found = std.mem.order(u8, a_part[0..length], b_part[0..length]);
            if (found != .eq) return found;
            a_part = if (a_part.len > length) a_part[length..] else a_digits.next() orelse "";
            b_part = if (b_part.len > length) b_part[length..] else b_digits.next() orelse "";
            if (a_part.len == 0 or b_part.len == 0) return std.math.order(a_part.len, b_part.len);
        }
    }
};

fn parseExponent(text: []const u8) i64 {
    const negative = text[0] == '-';
    var size: i64 = 0;
    for (text) |char| {
        if (std.ascii.isDigit(char)) size = @min(size * 10 + (char - '0'), max_exponent);
    }
    return if (negative) -size else size;
}

/// Compare by value: 1 = 1.0 = 10e-1.
pub fn order(a_lexeme: []const u8, b_lexeme: []const u8) std.math.Order {
    const a: Decimal = .parse(a_lexeme);
    const b: Decimal = .parse(b_lexeme);
    if (a.negative != b.negative) return if (a.negative) .lt else .gt;
    return if (a.negative) b.orderMagnitude(a) else a.orderMagnitude(b);
}

/// The same for numbers of the same value.
pub fn hash(lexeme: []const u8) u32 {
    const decimal: Decimal = .parse(lexeme);
    var hasher: std.hash.Fnv1a_32 = .init();
    hasher.update(&.{@intFromBool(decimal.negative)});
    hasher.update(std.mem.asBytes(&decimal.point));
    for (decimal.digits) |char| {
        if (char != '.') hasher.update(&.{char});
    }
    return hasher.final();
}

/// Whether the number has no fraction: 1, 1.0 and 15e1 have none.
pub fn isInteger(lexeme: []const u8) bool {
    const decimal: Decimal = .parse(lexeme);
    return decimal.digits.len == 0 or decimal.lastPower() >= 0;
}

/// The whole number that `lexeme` is; null if it has a fraction or does not fit.
pub fn toInteger(lexeme: []const u8) ?i64 {
    const decimal: Decimal = .parse(lexeme);
    if (decimal.digits.len == 0) return 0;
    if (decimal.lastPower() < 0 or decimal.point > 19) return null;
    // Nineteen digits and an i64's minimum fit a u64.
    var size: u64 = 0;
    for (decimal.digits) |char| {
        if (char != '.') size = size * 10 + (char - '0');
    }
    for (0..@intCast(decimal.lastPower())) |_| size *= 10;
    if (size > std.math.maxInt(i64)) return if (decimal.negative and size == 1 << 63) std.math.minInt(i64) else null;
    const signed: i64 = @intCast(size);
    return if (decimal.negative) -signed else signed;
}

/// Whether `lexeme` is a whole multiple of `divisor`, exactly: 0.3 is one of 0.1.
/// Null if the divisor is zero or has more than 18 significant digits.
pub fn isMultiple(lexeme: []const u8, divisor: []const u8) ?bool {
    const dividend: Decimal = .parse(lexeme);
    const unit: Decimal = .parse(divisor);
    if (unit.digits.len == 0 or unit.digitCount() > 18) return null;
    if (dividend.digits.len == 0) return true;
    var modulus: u64 = 0;
    for (unit.digits) |char| {
        if (char != '.') modulus = modulus * 10 + (char - '0');
    }
    // In units of the divisor's last place the dividend is DIGITS * 10^shift, and its last digit is not 0.
    const shift = dividend.lastPower() - unit.lastPower();
    if (shift < 0) return false;
    var remainder: u64 = 0;
    for (dividend.digits) |char| {
        if (char != '.') remainder = multiplyModulo(remainder, 10, modulus) + (char - '0');
    }
    return multiplyModulo(remainder, powerOfTenModulo(@intCast(shift), modulus), modulus) == 0;
}

fn powerOfTenModulo(exponent: u64, modulus: u64) u64 {
    var power: u64 = 1 % modulus;
    var square: u64 = 10 % modulus;
    var left = exponent;
    while (left > 0) : (left >>= 1) {
        if (left & 1 == 1) power = multiplyModulo(power, square, modulus);
        square = multiplyModulo(square, square, modulus);
    }
    return power;
}

fn multiplyModulo(a: u64, b: u64, modulus: u64) u64 {
    return @intCast(@as(u128, a) * b % modulus);
}

/// The nearest f64; infinite where it is out of range.
pub fn toFloat(lexeme: []const u8) f64 {
    return std.fmt.parseFloat(f64, lexeme) catch unreachable;
}

/// The shortest decimal that reads back as `number`, laid out as JavaScript does (ECMA-262, Number::toString):
/// 100, 0.5, 1e+21, 1.5e-7. Null for NaN and the infinities, for which JSON has nothing.
pub fn fromFloat(allocator: Allocator, number: f64) Allocator.Error!?[]const u8 {
    if (!std.math.isFinite(number)) return null;
    if (number == 0) return "0";
    var buffer: [std.fmt.float.min_buffer_size]u8 = undefined;
    const scientific = std.fmt.float.render(&buffer, @abs(number), .{ .mode = .scientific }) catch unreachable;
    const exponent_at = std.mem.indexOfScalar(u8, scientific, 'e').?;
    const sign = if (number < 0) "-" else "";
    const first, const rest = .{ scientific[0..1], if (exponent_at > 2) scientific[2..exponent_at] else "" };
    // The decimal point stands after this many digits.
    const point = 1 + (std.fmt.parseInt(i32, scientific[exponent_at + 1 ..], 10) catch unreachable);
    const count: i32 = @intCast(1 + rest.len);
    const zeros: [21]u8 = @splat('0');
    if (count <= point and point <= 21) {
        return try allocator.print("{s}{s}{s}{s}", .{ sign, first, rest, zeros[0..@intCast(point - count)] });
    }
    if (0 < point and point < count) {
        const split: usize = @intCast(point - 1);
        return try allocator.print("{s}{s}{s}.{s}", .{ sign, first, rest[0..split], rest[split..] });
    }
    if (-6 < point and point <= 0) {
        return try allocator.print("{s}0.{s}{s}{s}", .{ sign, zeros[0..@intCast(-point)], first, rest });
    }
    const dot = if (rest.len > 0) "." else "";
    const exponent_sign = if (point > 0) "+" else "-";
    return try allocator.print("{s}{s}{s}{s}e{s}{d}", .{ sign, first, dot, rest, exponent_sign, @abs(point - 1) });
}

test "order" {
    const expectEqual = std.testing.expectEqual;
    try expectEqual(.eq, order("1", "1.0"));
    try expectEqual(.eq, order("0", "-0.0e9"));
    try expectEqual(.eq, order("12.30", "0.00123E+4"));
    try expectEqual(.eq, order("100", "1e2"));
    try expectEqual(.lt, order("9007199254740992", "9007199254740993"));
    try expectEqual(.lt, order("-1e999", "1e-999"));
    try expectEqual(.gt, order("-1e-999", "-1"));
    try expectEqual(.gt, order("1.01", "1"));
    try expectEqual(.lt, order("1e-99999999999999999999", "1e-9"));
}

test "numbers of the same value have the same hash" {
    try std.testing.expectEqual(hash("12.30"), hash("0.00123E+4"));
    try std.testing.expectEqual(hash("0"), hash("-0.0e9"));
    try std.testing.expect(hash("1") != hash("10"));
}

test "whole numbers" {
    const expectEqual = std.testing.expectEqual;
    try expectEqual(12, toInteger("12"));
    try expectEqual(-1500, toInteger("-1.5e3"));
    try expectEqual(0, toInteger("0.000e77"));
    try expectEqual(std.math.maxInt(i64), toInteger("9223372036854775807"));
    try expectEqual(std.math.minInt(i64), toInteger("-9223372036854775808"));
    try expectEqual(null, toInteger("9223372036854775808"));
    try expectEqual(null, toInteger("1.5"));
    try expectEqual(null, toInteger("1e300"));
    try expectEqual(true, isInteger("1e300"));
    try expectEqual(false, isInteger("1e-1"));
}

test "multiples" {
    const expectEqual = std.testing.expectEqual;
    try expectEqual(true, isMultiple("0.3", "0.1"));
    try expectEqual(false, isMultiple("1e300", "3"));
    try expectEqual(true, isMultiple("1e300", "2"));
    try expectEqual(false, isMultiple("7.5", "2"));
    try expectEqual(true, isMultiple("-7.5", "2.5"));
    try expectEqual(true, isMultiple("0", "7"));
    try expectEqual(false, isMultiple("5", "10"));
    try expectEqual(true, isMultiple("10000000000000000000000000000001", "1"));
    try expectEqual(null, isMultiple("1", "0"));
}

test "shortest form" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const cases = [_]struct { f64, []const u8 }{
        .{ 0, "0" },
        .{ -0.0, "0" },
        .{ 1, "1" },
        .{ -2.5, "-2.5" },
        .{ 0.1, "0.1" },
        .{ 100, "100" },
        .{ 1e20, "100000000000000000000" },
        .{ 1e21, "1e+21" },
        .{ 1e300, "1e+300" },
        .{ 0.000001, "0.000001" },
        .{ 0.00000015, "1.5e-7" },
        .{ 123.456, "123.456" },
        .{ 5e-324, "5e-324" },
        .{ 9007199254740992, "9007199254740992" },
        .{ 1.7976931348623157e308, "1.7976931348623157e+308" },
    };
    for (cases) |case| {
        try std.testing.expectEqualStrings(case[1], (try fromFloat(arena.allocator(), case[0])).?);
    }
    try std.testing.expectEqual(null, try fromFloat(arena.allocator(), std.math.nan(f64)));
}
