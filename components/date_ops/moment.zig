//! Dates as they come in and go out.

const std = @import("std");
const sdk = @import("sdk");
const pattern = @import("pattern.zig");
const calendar = sdk.calendar;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;
const Zone = sdk.timezone.Zone;

/// Microseconds since 1970, and the zone in which they are looked at.
pub const Moment = struct { instant: i64, zone: Zone };

const wanted_date = "a date of ISO 8601, or a number of seconds since 1970";
const min_instant = (calendar.Date{ .year = calendar.min_year }).toDays() * calendar.day;
const instants_end = (calendar.Date{ .year = calendar.max_year + 1 }).toDays() * calendar.day;

pub fn readZone(input: Input) Error!?Zone {
    const name = try input.optionalText("timezone") orelse return null;
    return Zone.parse(name) orelse input.mistyped("timezone", sdk.timezone.wanted, .{ .string = name });
}

const InputFormat = enum { iso, unix, unix_ms };

/// A field with a date, in `input_format`. Without an offset of its own it is in `timezone`, which is UTC by default.
pub fn read(input: Input, name: []const u8) Error!Moment {
    const given = input.optionalValue(name) orelse return input.missing(name, wanted_date);
    const format = try input.optionalChoice(InputFormat, "input_format") orelse .iso;
    if (format != .iso) {
        const text = given.scalarText() orelse return input.mistyped(name, wanted_date, given);
        return readUnix(input, name, text, if (format == .unix) .seconds else .milliseconds);
    }
    switch (given) {
        .number => |lexeme| return readUnix(input, name, lexeme, .seconds),
        .string => |text| switch (sdk.iso.read(std.mem.trim(u8, text, " "))) {
            .date => |reading| return place(reading, try readZone(input)),
            .problem => |problem| return input.mistypedBecause(name, wanted_date, given, problem),
        },
        else => return input.mistyped(name, wanted_date, given),
    }
}

/// An offset of the text's own says when it was, the zone how it is looked at.
pub fn place(reading: sdk.iso.Reading, zone: ?Zone) Moment {
    if (reading.offset) |minutes| {
        const own: Zone = if (minutes == 0) .utc else .{ .fixed = minutes };
        return .{ .instant = reading.wall.toMicros() - minutes * calendar.minute, .zone = zone orelse own };
    }
    const looked_at = zone orelse .utc;
    return .{ .instant = looked_at.resolve(reading.wall), .zone = looked_at };
}

/// What a number counts since 1970.
pub const Unit = enum {
    seconds,
    milliseconds,

    /// How many digits microseconds have more.
    fn places(unit: Unit) u8 {
        return if (unit == .seconds) 6 else 3;
    }
};

pub fn readUnix(input: Input, name: []const u8, text: []const u8, unit: Unit) Error!Moment {
    const micros = try scale(input.ctx, text, unit.places()) orelse min_instant - 1;
    if (micros < min_instant or micros >= instants_end) return failUnix(input, name, text, unit);
    return .{ .instant = micros, .zone = try readZone(input) orelse .utc };
}

/// A number of seconds that is too large is most likely one of milliseconds.
fn failUnix(input: Input, name: []const u8, text: []const u8, unit: Unit) Error {
    const wanted = try input.ctx.print("a number of {s} since 1970 within the years 1 to 9999", .{@tagName(unit)});
    const found: Value = .{ .string = text };
    if (unit == .milliseconds) return input.mistyped(name, wanted, found);
    const operation = if (input.optionalValue("operation")) |given| given.scalarText() orelse "" else "";
    const field = if (std.mem.eql(u8, operation, "parse")) "format" else "input_format";
    const hint = try input.ctx.print("milliseconds need `{s}: unix_ms`", .{field});
    return input.mistypedBecause(name, wanted, found, hint);
}

/// A decimal number times ten to the power of `places`; what is finer is cut off. Null if it is none, or huge.
fn scale(ctx: *Context, text: []const u8, places: u8) Error!?i64 {
    var parser: sdk.parse.Parser = .init(ctx.allocator, text);
    const parsed = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => return null,
    };
    if (parsed != .number) return null;
    const exponent_at = std.mem.indexOfAny(u8, parsed.number, "eE") orelse {
        const point = std.mem.indexOfScalar(u8, parsed.number, '.') orelse parsed.number.len;
        const kept = parsed.number[0..@min(point + 1 + places, parsed.number.len)];
        return sdk.number.toInteger(try ctx.print("{s}e{d}", .{ kept, places }));
    };
    const exponent = std.fmt.parseInt(i32, parsed.number[exponent_at + 1 ..], 10) catch return null;
    const mantissa = parsed.number[0..exponent_at];
    return sdk.number.toInteger(try ctx.print("{s}e{d}", .{ mantissa, exponent +| places }));
}

/// By `format`: iso (the default), unix, unix_ms, or a pattern.
pub fn show(ctx: *Context, input: Input, shown: Moment) Error!Value {
    const format = try input.optionalText("format") orelse "iso";
    if (std.mem.eql(u8, format, "iso")) return showIso(ctx, shown);
    if (std.mem.eql(u8, format, "unix")) return ctx.value(@divFloor(shown.instant, calendar.second));
    if (std.mem.eql(u8, format, "unix_ms")) return ctx.value(@divFloor(shown.instant, 1000));
    try checkRange(ctx, shown);
    return ctx.value(try pattern.render(ctx, input, shown, format));
}

pub fn showIso(ctx: *Context, shown: Moment) Error!Value {
    try checkRange(ctx, shown);
    return ctx.value(try sdk.iso.render(ctx.allocator, shown.instant, shown.zone));
}

/// Refuses what four digits cannot write.
fn checkRange(ctx: *Context, shown: Moment) Error!void {
    const year = shown.zone.wallAt(shown.instant).date.year;
    if (year < calendar.min_year or year > calendar.max_year) return outOfRange(ctx);
}

pub fn outOfRange(ctx: *Context) Error {
    return ctx.fail("DATE_OUT_OF_RANGE", "The result lies outside of the years 1 to 9999.");
}
