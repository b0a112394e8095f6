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

const wanted_date = "a date of ISO 8601, or a number of ";
const min_instant = (calendar.Date{ .year = calendar.min_year }).toDays() * calendar.day;
const instants_end = (calendar.Date{ .year = calendar.max_year + 1 }).toDays() * calendar.day;

pub fn readZone(input: Input) Error!?Zone {
    const name = try input.optionalText("timezone") orelse return null;
    return Zone.parse(name) orelse input.mistyped("timezone", sdk.timezone.wanted, .{ .string = name });
}

const InputFormat = enum { iso, unix, unix_ms };

/// A field with a date. A number, and a text of digits alone, counts as `input_format` says; every other text is one of
/// ISO 8601. Without an offset of its own it is in `timezone`, which is UTC by default.
pub fn read(input: Input, name: []const u8) Error!Moment {
    const format = try input.optionalChoice(InputFormat, "input_format") orelse .iso;
    const unit: Unit = if (format == .unix_ms) .milliseconds else .seconds;
    const wanted = if (unit == .seconds) wanted_date ++ "seconds since 1970" else wanted_date ++ "milliseconds since 1970";
    const given = input.optionalValue(name) orelse return input.missing(name, wanted);
    switch (given) {
        .number => |lexeme| return readUnix(input, name, lexeme, unit),
        .string => |untrimmed| {
            const text = std.mem.trim(u8, untrimmed, " ");
            if (format != .iso and isCount(text)) return readUnix(input, name, text, unit);
            return switch (sdk.iso.read(text)) {
                .date => |reading| place(reading, try readZone(input)),
                .problem => |problem| {
                    const reason = if (looksUnix(text)) try explainUnix(input) else problem;
                    return input.mistypedBecause(name, wanted, given, reason);
                },
            };
        },
        else => return input.mistyped(name, wanted, given),
    }
}

/// Whether a text holds nothing but a number: digits, perhaps with a sign, a fraction or an exponent. A date with hyphens
/// does not: there a hyphen follows a digit.
fn isCount(text: []const u8) bool {
    var before: u8 = 'e';
    for (text) |char| {
        switch (char) {
            '0'...'9', '.', 'e', 'E' => {},
            '-', '+' => if (before | 0x20 != 'e') return false,
            else => return false,
        }
        before = char;
    }
    return std.mem.indexOfAny(u8, text, "0123456789") != null;
}

/// Whether a text is most likely a number of seconds or milliseconds of this time, which no date of ISO 8601 looks like.
fn looksUnix(text: []const u8) bool {
    const digits = std.mem.trimStart(u8, text, "-");
    const whole = digits[0 .. std.mem.indexOfScalar(u8, digits, '.') orelse digits.len];
    return isCount(text) and 9 <= whole.len and whole.len <= 13;
}

fn explainUnix(input: Input) Error![]const u8 {
    const field = formatField(input);
    return input.ctx.print("a text of digits needs `{s}: unix` if it counts seconds since 1970, or `{s}: unix_ms` if " ++
        "milliseconds", .{ field, field });
}

/// The field that says what a number counts.
fn formatField(input: Input) []const u8 {
    const operation = if (input.optionalValue("operation")) |given| given.scalarText() orelse "" else "";
    return if (std.mem.eql(u8, operation, "parse")) "format" else "input_format";
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
    const instant = try toInstant(input.ctx, text, unit) orelse return failUnix(input, name, text, unit);
    return .{ .instant = instant, .zone = try readZone(input) orelse .utc };
}

/// Null if the text is no number, or one beyond the years 1 to 9999.
fn toInstant(ctx: *Context, text: []const u8, unit: Unit) Error!?i64 {
    const micros = try scale(ctx, text, unit.places()) orelse return null;
    return if (min_instant <= micros and micros < instants_end) micros else null;
}

/// A number of seconds that is too large is most likely one of milliseconds, if that is in range.
fn failUnix(input: Input, name: []const u8, text: []const u8, unit: Unit) Error {
    const wanted = try input.ctx.print("a number of {s} since 1970 within the years 1 to 9999", .{@tagName(unit)});
    const found: Value = .{ .string = text };
    if (unit == .milliseconds or try toInstant(input.ctx, text, .milliseconds) == null) {
        return input.mistyped(name, wanted, found);
    }
    const hint = try input.ctx.print("milliseconds need `{s}: unix_ms`", .{formatField(input)});
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
