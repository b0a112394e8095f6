//! Numbers as they come in and go out.
//!
//! Who reads JSON may keep a number as a double, of which 17 digits and whole numbers up to 2^53 are certain. So more
//! than that goes in and out as a text: 34 significant digits, those of IEEE 754 decimal128.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Decimal = sdk.decimal.Decimal;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// What a result is given as.
pub const Form = enum { number, text };

const max_places = sdk.range.max_places;
/// Digits before it.
const max_whole_digits = sdk.decimal.precision;
const exact = sdk.range.bound;
const exact_text = "9007199254740992 (2^53), up to which whole numbers are exact";

const wanted_number = "a number, or a text that is one";

pub fn read(input: Input, name: []const u8) Error!Decimal {
    return try readOptional(input, name) orelse input.missing(name, wanted_number);
}

pub fn readOptional(input: Input, name: []const u8) Error!?Decimal {
    const found = input.optionalValue(name) orelse return null;
    const lexeme = switch (found) {
        .number => |lexeme| lexeme,
        .string => |text| try readText(input.ctx, text) orelse return input.mistyped(name, wanted_number, found),
        else => return input.mistyped(name, wanted_number, found),
    };
    const number: Decimal = try .parse(input.ctx.allocator, lexeme);
    if (number.point() > max_whole_digits) {
        return failRange(input.ctx, "`{s}` has more than {d} digits before the decimal point.", .{ name, max_whole_digits });
    }
    if (number.exponent < -max_places) {
        return failRange(input.ctx, "`{s}` has more than {d} digits after the decimal point.", .{ name, max_places });
    }
    // Last, so that a text is offered only to what it can hold.
    if (found == .number and number.abs().order(exact) == .gt) {
        return failRange(input.ctx, "`{s}` is beyond " ++ exact_text ++ ". Give it as a text.", .{name});
    }
    return number;
}

/// The number that a text is, as JSON writes it, with spaces around it. Null if it is none.
fn readText(ctx: *Context, text: []const u8) Error!?[]const u8 {
    var parser: sdk.parse.Parser = .init(ctx.allocator, text);
    const parsed = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => return null,
    };
    return if (parsed == .number) parsed.number else null;
}

/// A result as it is given: the nearest double, or a text with all its digits.
pub fn show(ctx: *Context, result: Decimal, form: Form) Error!Value {
    const limited = try (if (result.point() <= -max_places) Decimal{} else result)
        .limit(ctx.allocator, sdk.decimal.precision);
    if (limited.point() > max_whole_digits) return failTooLarge(ctx);
    if (form == .text) return .{ .string = try render(ctx, limited) };
    if (limited.abs().order(exact) == .gt) {
        return failRange(ctx, "The result is beyond " ++ exact_text ++ ". `as: text` gives it.", .{});
    }
    const nearest = sdk.number.toFloat(try limited.render(ctx.allocator));
    return .{ .number = (try sdk.number.fromFloat(ctx.allocator, nearest)).? };
}

/// Without an exponent, unless it is nearer to zero than 0.000001.
fn render(ctx: *Context, number: Decimal) Error![]const u8 {
    if (number.point() <= 0) return number.render(ctx.allocator);
    const places: usize = @intCast(@max(-number.exponent, 0));
    const plain = try number.renderPlain(ctx.allocator, places, "", ".");
    return ctx.print("{s}{s}", .{ if (number.negative) "-" else "", plain });
}

pub fn failTooLarge(ctx: *Context) Error {
    return failRange(ctx, "The result has more than {d} digits before the decimal point.", .{max_whole_digits});
}

fn failRange(ctx: *Context, comptime format: []const u8, arguments: anytype) Error {
    return ctx.fail("OUT_OF_RANGE", try ctx.print(format, arguments));
}
