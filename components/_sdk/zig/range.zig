//! The numbers that are calculated with: those up to 2^53, because beyond it readers of JSON round whole numbers.

const std = @import("std");
const sdk = @import("sdk.zig");
const decimal = @import("decimal.zig");
const Context = sdk.Context;
const Decimal = decimal.Decimal;
const Error = sdk.Error;
const Input = sdk.Input;

pub const max_size = sdk.number.max_exact_integer;
/// Digits after the decimal point. What is nearer to zero is zero.
pub const max_places = 400;
pub const bound: Decimal = .{ .digits = &.{ 9, 0, 0, 7, 1, 9, 9, 2, 5, 4, 7, 4, 0, 9, 9, 2 } };

pub fn read(input: Input, name: []const u8) Error!Decimal {
    return parse(input.ctx, name, try input.numeric(name));
}

pub fn readOptional(input: Input, name: []const u8) Error!?Decimal {
    const lexeme = try input.optionalNumeric(name) orelse return null;
    return try parse(input.ctx, name, lexeme);
}

/// `name` is the field's, for the message.
pub fn parse(ctx: *Context, name: []const u8, lexeme: []const u8) Error!Decimal {
    const number: Decimal = try .parse(ctx.allocator, lexeme);
    if (number.abs().order(bound) == .gt) return fail(ctx, try ctx.print("`{s}`", .{name}));
    if (number.exponent < -max_places) {
        const format = "`{s}` has more than {d} digits after the decimal point.";
        return ctx.fail("OUT_OF_RANGE", try ctx.print(format, .{ name, max_places }));
    }
    return number;
}

pub fn holds(number: Decimal) bool {
    return number.abs().order(bound) != .gt and number.exponent >= -max_places;
}

/// A result, cut to its precision; zero if it has nothing but zeros in the places that a number may have. Null beyond
/// the range.
pub fn keep(allocator: std.mem.Allocator, result: Decimal) std.mem.Allocator.Error!?Decimal {
    if (result.point() <= -max_places) return .{};
    if (result.abs().order(bound) == .gt) return null;
    return try result.limit(allocator, decimal.precision);
}

/// The same, with an error of the component's beyond the range.
pub fn check(ctx: *Context, result: Decimal) Error!Decimal {
    return try keep(ctx.allocator, result) orelse fail(ctx, "The result");
}

pub fn fail(ctx: *Context, subject: []const u8) Error {
    return ctx.fail("OUT_OF_RANGE", try ctx.print(
        "{s} is beyond 9007199254740992 (2^53), up to which whole numbers are exact.",
        .{subject},
    ));
}
