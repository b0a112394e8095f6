//! Exact arithmetic on decimal numbers as they are written: 0.1 + 0.2 is 0.3.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Error = Allocator.Error;

/// The digits of a result that has no end, or too many: those of IEEE 754 decimal128.
pub const precision = 34;

/// The same for what a result is made from.
const working_precision = 64;

const max_power_point = 1000;

pub const Rounding = enum { half_away, floor, ceil };

/// (-1)^negative * DIGITS * 10^exponent.
pub const Decimal = struct {
    negative: bool = false,
    /// From 0 to 9 each, without zeros at either end. Empty for zero.
    digits: []const u8 = &.{},
    exponent: i64 = 0,

    const half: Decimal = .{ .digits = &.{5}, .exponent = -1 };
    pub const one: Decimal = .{ .digits = &.{1} };

    /// Any JSON number. Exponents beyond 2^40 count as 2^40.
    pub fn parse(allocator: Allocator, lexeme: []const u8) Error!Decimal {
        const end = std.mem.indexOfAny(u8, lexeme, "eE") orelse lexeme.len;
        const digits = try allocator.alloc(u8, end);
        var count: usize = 0;
        var exponent = if (end < lexeme.len) parseExponent(lexeme[end + 1 ..]) else 0;
        var follows_point = false;
        for (lexeme[0..end]) |char| switch (char) {
            '0'...'9' => {
                digits[count] = char - '0';
                count += 1;
                exponent -= @intFromBool(follows_point);
            },
            '.' => follows_point = true,
            else => {},
        };
        return make(lexeme[0] == '-', digits[0..count], exponent);
    }

    pub fn fromInteger(allocator: Allocator, size: u64) Error!Decimal {
        return parse(allocator, try allocator.print("{d}", .{size}));
    }

    fn make(negative: bool, digits: []const u8, exponent: i64) Decimal {
        const significant = std.mem.trimStart(u8, digits, &.{0});
        const trimmed = std.mem.trimEnd(u8, significant, &.{0});
        if (trimmed.len == 0) return .{};
        const zeros: i64 = @intCast(significant.len - trimmed.len);
        return .{ .negative = negative, .digits = trimmed, .exponent = exponent + zeros };
    }

    pub fn isZero(decimal: Decimal) bool {
        return decimal.digits.len == 0;
    }

    /// The power of ten above it: 3 for 123.4.
    pub fn point(decimal: Decimal) i64 {
        return decimal.exponent + @as(i64, @intCast(decimal.digits.len));
    }

    pub fn negate(decimal: Decimal) Decimal {
        return .{
            .negative = !decimal.negative and !decimal.isZero(),
            .digits = decimal.digits,
            .exponent = decimal.exponent,
        };
    }

    pub fn abs(decimal: Decimal) Decimal {
        return .{ .digits = decimal.digits, .exponent = decimal.exponent };
    }

    pub fn order(a: Decimal, b: Decimal) std.math.Order {
        if (a.negative != b.negative) return if (a.negative) .lt else .gt;
        return if (a.negative) b.orderMagnitude(a) else a.orderMagnitude(b);
    }

    fn orderMagnitude(a: Decimal, b: Decimal) std.math.Order {
        if (a.isZero() or b.isZero()) return std.math.order(a.digits.len, b.digits.len);
        if (a.point() != b.point()) return std.math.order(a.point(), b.point());
        return std.mem.order(u8, a.digits, b.digits);
    }

    pub fn add(a: Decimal, allocator: Allocator, b: Decimal) Error!Decimal {
        if (a.isZero()) return b;
        if (b.isZero()) return a;
        if (a.orderMagnitude(b) == .lt) return b.add(allocator, a);
        const exponent = @min(a.exponent, b.exponent);
        const count: usize = @intCast(a.point() - exponent + 1);
        const sum = try a.spread(allocator, count, exponent);
        const other = try b.spread(allocator, count, exponent);
        var carry: i8 = 0;
        for (0..count) |i| {
            const at = count - 1 - i;
            const digit: i8 = @intCast(other[at]);
            const total = @as(i8, @intCast(sum[at])) + carry + (if (a.negative == b.negative) digit else -digit);
            carry = @divFloor(total, 10);
            sum[at] = @intCast(@mod(total, 10));
        }
        return make(a.negative, sum, exponent);
    }

    /// `count` digits of which the last one has the power `exponent`.
    fn spread(decimal: Decimal, allocator: Allocator, count: usize, exponent: i64) Error![]u8 {
        const target = try allocator.alloc(u8, count);
        @memset(target, 0);
        const end = count - @as(usize, @intCast(decimal.exponent - exponent));
        @memcpy(target[end - decimal.digits.len .. end], decimal.digits);
        return target;
    }

    pub fn multiply(a: Decimal, allocator: Allocator, b: Decimal) Error!Decimal {
        const columns = try allocator.alloc(u32, a.digits.len + b.digits.len);
        @memset(columns, 0);
        for (a.digits, 0..) |x, i| {
            for (b.digits, 0..) |y, j| columns[i + j + 1] += @as(u32, x) * y;
        }
        const product = try allocator.alloc(u8, columns.len);
        var carry: u32 = 0;
        for (0..columns.len) |i| {
            const at = columns.len - 1 - i;
            carry += columns[at];
            product[at] = @intCast(carry % 10);
            carry /= 10;
        }
        return make(a.negative != b.negative, product, a.exponent + b.exponent);
    }

    /// Exact, or with more digits than any rounding looks at; `b` must not be zero.
    pub fn divide(a: Decimal, allocator: Allocator, b: Decimal) Error!Decimal {
        const zeros = (b.digits.len + working_precision) -| a.digits.len;
        const parts = try divideDigits(allocator, a.digits, zeros, b.digits);
        // One more digit stands for the rest, so that a quotient just above the middle does not look like one on it.
        parts.quotient[parts.quotient.len - 1] = @intFromBool(!allZero(parts.remainder));
        const exponent = a.exponent - b.exponent - @as(i64, @intCast(zeros)) - 1;
        return make(a.negative != b.negative, parts.quotient, exponent);
    }

    /// What remains of `a` above a whole multiple of `b`, with the sign of `b`, which must not be zero.
    pub fn floorMod(a: Decimal, allocator: Allocator, b: Decimal) Error!Decimal {
        if (a.isZero()) return a;
        const exponent = @min(a.exponent, b.exponent);
        const zeros: usize = @intCast(a.exponent - exponent);
        const divisor = try b.spread(allocator, @intCast(b.point() - exponent), exponent);
        const remainder = make(b.negative, (try divideDigits(allocator, a.digits, zeros, divisor)).remainder, exponent);
        if (remainder.isZero() or a.negative == b.negative) return remainder;
        return b.add(allocator, remainder.negate());
    }

    /// To a whole power: exact if the result has at most `working_precision` digits. One that is far beyond all ranges,
    /// or as near to zero, is only some such number.
    pub fn power(base: Decimal, allocator: Allocator, size: u64) Error!Decimal {
        var result = one;
        var bit: u64 = 1 << 63;
        while (bit > 0 and @abs(result.point()) < max_power_point) : (bit >>= 1) {
            result = try (try result.multiply(allocator, result)).limit(allocator, working_precision);
            if (size & bit == 0) continue;
            result = try (try result.multiply(allocator, base)).limit(allocator, working_precision);
        }
        return result;
    }

    /// Of a number that is not negative, by Newton's method: exact, or with more digits than any rounding looks at.
    pub fn squareRoot(square: Decimal, allocator: Allocator) Error!Decimal {
        if (square.isZero()) return square;
        // Half of an even power of ten; the first guess has 15 digits, and each step doubles them.
        const shift = @divFloor(square.point(), 2);
        const scaled: Decimal = .{ .digits = square.digits, .exponent = square.exponent - 2 * shift };
        var root = try fromFloat(allocator, @sqrt(scaled.toFloat()));
        root.exponent += shift;
        for (0..3) |_| {
            const quotient = try square.divide(allocator, root);
            root = try (try root.add(allocator, quotient)).multiply(allocator, half);
            root = try root.limit(allocator, working_precision);
        }
        return root.cutRoot(allocator, square);
    }

    /// A root near by, cut to its precision, with one more digit that stands for the rest.
    fn cutRoot(root: Decimal, allocator: Allocator, square: Decimal) Error!Decimal {
        const order_of_squares = (try root.multiply(allocator, root)).order(square);
        if (order_of_squares == .eq) return root;
        const last_power = root.point() - working_precision;
        const below: Decimal = .{ .negative = true, .digits = one.digits, .exponent = last_power };
        const cut = if (order_of_squares == .gt) try root.add(allocator, below) else root;
        return cut.add(allocator, .{ .digits = one.digits, .exponent = last_power - 1 });
    }

    pub fn isInteger(decimal: Decimal) bool {
        return decimal.exponent >= 0;
    }

    /// With at most `decimals` digits after the decimal point.
    pub fn round(decimal: Decimal, allocator: Allocator, decimals: i64, rounding: Rounding) Error!Decimal {
        const dropped = -decimal.exponent - decimals;
        if (dropped <= 0 or decimal.isZero()) return decimal;
        const count: i64 = @intCast(decimal.digits.len);
        const kept = decimal.digits[0..@intCast(@max(count - dropped, 0))];
        const moves_away = switch (rounding) {
            .half_away => dropped <= count and decimal.digits[@intCast(count - dropped)] >= 5,
            .floor => decimal.negative,
            .ceil => !decimal.negative,
        };
        const cut = make(decimal.negative, kept, -decimals);
        if (!moves_away) return cut;
        return cut.add(allocator, .{ .negative = decimal.negative, .digits = one.digits, .exponent = -decimals });
    }

    /// With at most `count` digits in all.
    pub fn limit(decimal: Decimal, allocator: Allocator, count: i64) Error!Decimal {
        return decimal.round(allocator, count - decimal.point(), .half_away);
    }

    /// The f64 nearby, right to 15 digits; for numbers that an f64 can hold.
    pub fn toFloat(decimal: Decimal) f64 {
        const used = decimal.digits[0..@min(decimal.digits.len, 17)];
        var size: u64 = 0;
        for (used) |digit| size = size * 10 + digit;
        const exponent: f64 = @floatFromInt(decimal.point() - @as(i64, @intCast(used.len)));
        const magnitude = @as(f64, @floatFromInt(size)) * std.math.pow(f64, 10, exponent);
        return if (decimal.negative) -magnitude else magnitude;
    }

    /// The decimal of 15 digits near a positive f64; zero for one below 1e-290.
    pub fn fromFloat(allocator: Allocator, size: f64) Error!Decimal {
        if (size < 1e-290) return .{};
        const exponent = @floor(std.math.log10(size)) - 14;
        const scaled: u64 = @trunc(@round(size * std.math.pow(f64, 10, -exponent)));
        var decimal = try fromInteger(allocator, scaled);
        decimal.exponent += @trunc(exponent);
        return decimal;
    }

    /// As a JSON number, laid out as JavaScript does: 100, 0.5, 1.5e-7.
    pub fn render(decimal: Decimal, allocator: Allocator) Error![]const u8 {
        if (decimal.isZero()) return "0";
        const sign = if (decimal.negative) "-" else "";
        const at = decimal.point();
        if (-6 < at and at <= 21) {
            const places: usize = @intCast(@max(-decimal.exponent, 0));
            return allocator.print("{s}{s}", .{ sign, try decimal.renderPlain(allocator, places, "", ".") });
        }
        const text = try renderDigits(allocator, decimal.digits);
        const dot = if (text.len > 1) "." else "";
        return allocator.print("{s}{s}{s}{s}e{s}{d}", .{
            sign, text[0..1], dot, text[1..], if (at > 0) "+" else "-", @abs(at - 1),
        });
    }

    /// Without its sign, with `places` digits after the point and `group_separator` between groups of three.
    /// `places` must reach its last digit.
    pub fn renderPlain(
        decimal: Decimal,
        allocator: Allocator,
        places: usize,
        group_separator: []const u8,
        point_text: []const u8,
    ) Error![]const u8 {
        const whole: usize = @intCast(@max(decimal.point(), 1));
        const last_power = -@as(i64, @intCast(places));
        const text = try renderDigits(allocator, try decimal.spread(allocator, whole + places, last_power));
        var rendered: std.ArrayList(u8) = .empty;
        for (text[0..whole], 0..) |char, i| {
            if (i > 0 and (whole - i) % 3 == 0) try rendered.appendSlice(allocator, group_separator);
            try rendered.append(allocator, char);
        }
        if (places > 0) try rendered.appendSlice(allocator, point_text);
        try rendered.appendSlice(allocator, text[whole..]);
        return rendered.items;
    }
};

fn renderDigits(allocator: Allocator, digits: []const u8) Error![]const u8 {
    const text = try allocator.alloc(u8, digits.len);
    for (text, digits) |*char, digit| char.* = '0' + digit;
    return text;
}

fn parseExponent(text: []const u8) i64 {
    var size: i64 = 0;
    for (text) |char| {
        if (std.ascii.isDigit(char)) size = @min(size * 10 + (char - '0'), 1 << 40);
    }
    return if (text[0] == '-') -size else size;
}

fn allZero(digits: []const u8) bool {
    return std.mem.allEqual(u8, digits, 0);
}

const Parts = struct {
    /// One digit longer than it is: a 0 at the end.
    quotient: []u8,
    remainder: []const u8,
};

/// Long division of whole numbers, of which the dividend goes on with `zeros` zeros.
fn divideDigits(allocator: Allocator, dividend: []const u8, zeros: usize, divisor: []const u8) Error!Parts {
    const quotient = try allocator.alloc(u8, dividend.len + zeros + 1);
    @memset(quotient, 0);
    const remainder = try allocator.alloc(u8, divisor.len + 1);
    @memset(remainder, 0);
    for (0..dividend.len + zeros) |i| {
        std.mem.copyForwards(u8, remainder, remainder[1..]);
        remainder[divisor.len] = if (i < dividend.len) dividend[i] else 0;
        while (remainder[0] > 0 or std.mem.order(u8, remainder[1..], divisor) != .lt) {
            subtractDigits(remainder, divisor);
            quotient[i] += 1;
        }
    }
    return .{ .quotient = quotient, .remainder = remainder };
}

/// `target`, one digit longer than `digits`, must not be less.
fn subtractDigits(target: []u8, digits: []const u8) void {
    var borrow: u8 = 0;
    for (0..digits.len) |i| {
        const at = digits.len - 1 - i;
        const taken = digits[at] + borrow;
        borrow = @intFromBool(target[at + 1] < taken);
        target[at + 1] = target[at + 1] + borrow * 10 - taken;
    }
    target[0] -= borrow;
}
