//! Powers, right to more digits than are given: whole ones by squaring, others by way of exp and ln.

const std = @import("std");
const sdk = @import("sdk");
const operand = @import("operand.zig");
const Context = sdk.Context;
const Decimal = sdk.decimal.Decimal;
const Error = sdk.Error;

/// Digits that are calculated with. Of those some get lost on the way, far from the 34 that count.
const digits = 70;

/// As many square roots as make the exponent whole, so that whole results are exact.
const max_roots = 4;

/// ln 10.
const ln_ten: Decimal = .{
    .digits = &toDigits("2302585092994045684017991454684364207601101488628772976033327900967572609677352480236"),
    .exponent = -84,
};
const two: Decimal = .{ .digits = &.{2} };
const one_percent: Decimal = .{ .digits = &.{1}, .exponent = -2 };
/// Of exp: beyond it a result has more digits than are given, or nothing but zeros.
const max_logarithm: Decimal = .{ .digits = &.{1}, .exponent = 3 };

fn toDigits(comptime text: []const u8) [text.len]u8 {
    var found: [text.len]u8 = undefined;
    for (&found, text) |*digit, char| digit.* = char - '0';
    return found;
}

/// `base` must not be negative unless the exponent is whole, nor zero if that is negative.
pub fn raise(ctx: *Context, base: Decimal, exponent: Decimal) Error!Decimal {
    const allocator = ctx.allocator;
    if (base.isZero()) return if (exponent.isZero()) Decimal.one else base;
    var root = base;
    var power = exponent;
    for (0..max_roots) |_| {
        if (power.isInteger()) break;
        root = try root.squareRoot(allocator);
        power = try power.add(allocator, power);
    }
    if (power.isInteger()) {
        if (sdk.number.toInteger(try power.render(allocator))) |size| {
            const raised = try root.power(allocator, @abs(size));
            return if (exponent.negative) Decimal.one.divide(allocator, raised) else raised;
        }
    }
    const logarithm = try (try findLogarithm(ctx, base.abs())).multiply(allocator, exponent);
    const raised = try findExponential(ctx, logarithm);
    return if (base.negative and isOdd(exponent)) raised.negate() else raised;
}

fn isOdd(whole: Decimal) bool {
    return whole.exponent == 0 and whole.digits.len > 0 and whole.digits[whole.digits.len - 1] % 2 == 1;
}

/// ln x = 2 (t + t³/3 + t⁵/5 + ...) with t = (x-1) / (x+1), of a positive number.
fn findLogarithm(ctx: *Context, number: Decimal) Error!Decimal {
    const allocator = ctx.allocator;
    // Between 0.3 and 3, times a power of ten; then near to 1 by square roots, each of which halves the logarithm.
    const power = number.point() - @intFromBool(number.digits[0] < 3);
    var near: Decimal = .{ .digits = number.digits, .exponent = number.exponent - power };
    var times = two;
    while ((try near.add(allocator, Decimal.one.negate())).abs().order(one_percent) == .gt) {
        near = try near.squareRoot(allocator);
        times = try times.add(allocator, times);
    }
    const below = try near.add(allocator, Decimal.one.negate());
    const ratio = try (try below.divide(allocator, try near.add(allocator, Decimal.one))).limit(allocator, digits);
    const square = try (try ratio.multiply(allocator, ratio)).limit(allocator, digits);
    var sum = ratio;
    var term = ratio;
    var place: u64 = 3;
    while (isFelt(sum, term)) : (place += 2) {
        term = try (try term.multiply(allocator, square)).limit(allocator, digits);
        sum = try sum.add(allocator, try divideBy(ctx, term, place));
    }
    const tens = try ln_ten.multiply(allocator, try fromInteger(ctx, power));
    return (try tens.add(allocator, try sum.multiply(allocator, times))).limit(allocator, digits);
}

/// Halvings before the series, and so squarings after it.
const halvings = 8;

/// e^x = 10^n (e^(r / 256))^256 with x = n ln 10 + r, by 1 + y + y²/2! + y³/3! + ...
fn findExponential(ctx: *Context, number: Decimal) Error!Decimal {
    const allocator = ctx.allocator;
    if (number.abs().order(max_logarithm) == .gt) return if (number.negative) .{} else operand.failTooLarge(ctx);
    const tens = try (try number.divide(allocator, ln_ten)).round(allocator, 0, .half_away);
    const rest = try number.add(allocator, (try ln_ten.multiply(allocator, tens)).negate());
    const small = try divideBy(ctx, rest, 1 << halvings);
    var sum: Decimal = .one;
    var term: Decimal = .one;
    var place: u64 = 1;
    while (isFelt(sum, term)) : (place += 1) {
        term = try divideBy(ctx, try term.multiply(allocator, small), place);
        sum = try sum.add(allocator, term);
    }
    for (0..halvings) |_| sum = try (try sum.multiply(allocator, sum)).limit(allocator, digits);
    sum.exponent += sdk.number.toInteger(try tens.render(allocator)).?;
    return sum;
}

/// Whether a term of a series is large enough to change its sum.
fn isFelt(sum: Decimal, term: Decimal) bool {
    return !term.isZero() and sum.point() - term.point() <= digits;
}

fn divideBy(ctx: *Context, number: Decimal, divisor: u64) Error!Decimal {
    const by: Decimal = try .fromInteger(ctx.allocator, divisor);
    return (try number.divide(ctx.allocator, by)).limit(ctx.allocator, digits);
}

fn fromInteger(ctx: *Context, size: i64) Error!Decimal {
    return .parse(ctx.allocator, try ctx.print("{d}", .{size}));
}
