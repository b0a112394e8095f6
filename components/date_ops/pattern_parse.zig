//! Texts read by a pattern in the manner of strptime.

const std = @import("std");
const sdk = @import("sdk");
const pattern = @import("pattern.zig");
const calendar = sdk.calendar;
const Error = sdk.Error;
const Input = sdk.Input;

pub const Found = union(enum) {
    /// By %s.
    instant: i64,
    wall: sdk.iso.Reading,
};

const Reader = struct {
    text: []const u8,
    at: usize = 0,
    year: ?i32 = null,
    month: u8 = 1,
    day: u8 = 1,
    day_of_year: ?u16 = null,
    hour: i64 = 0,
    /// The hour is one of twelve, and which half of the day it is in.
    is_half_day: bool = false,
    is_afternoon: bool = false,
    minute: i64 = 0,
    second: i64 = 0,
    micros: i64 = 0,
    offset: ?i16 = null,
    unix: ?i64 = null,

    /// Whether the text went on as the directive says; null if it is none that can be read.
    fn read(reader: *Reader, letter: u8) ?bool {
        switch (letter) {
            'Y' => {
                const year = reader.number(4, 4, calendar.min_year, calendar.max_year) orelse return false;
                reader.year = @intCast(year);
            },
            'y' => {
                // POSIX: 69 to 99 are in the last century.
                const year = reader.number(2, 2, 0, 99) orelse return false;
                reader.year = @intCast(if (year < 69) 2000 + year else 1900 + year);
            },
            'm' => reader.month = @intCast(reader.number(1, 2, 1, 12) orelse return false),
            'd', 'e' => {
                if (letter == 'e') _ = reader.skip(" ");
                reader.day = @intCast(reader.number(1, 2, 1, 31) orelse return false);
            },
            'j' => reader.day_of_year = @intCast(reader.number(1, 3, 1, 366) orelse return false),
            'H' => {
                reader.hour = reader.number(1, 2, 0, 24) orelse return false;
                reader.is_half_day = false;
            },
            'I' => {
                reader.hour = reader.number(1, 2, 1, 12) orelse return false;
                reader.is_half_day = true;
            },
            'M' => reader.minute = reader.number(1, 2, 0, 59) orelse return false,
            'S' => reader.second = reader.number(1, 2, 0, 60) orelse return false,
            'f' => return reader.readFraction(6),
            'L' => return reader.readFraction(3),
            'p', 'P' => {
                reader.is_afternoon = reader.skip("PM");
                return reader.is_afternoon or reader.skip("AM");
            },
            'B' => reader.month = @intCast(reader.readName(&calendar.month_names, null) orelse return false),
            'b', 'h' => reader.month = @intCast(reader.readName(&calendar.month_names, 3) orelse return false),
            'A' => _ = reader.readName(&calendar.weekday_names, null) orelse return false,
            'a' => _ = reader.readName(&calendar.weekday_names, 3) orelse return false,
            'z' => return reader.readOffset(),
            'Z' => {
                if (!reader.skip("UTC") and !reader.skip("GMT")) return false;
                reader.offset = 0;
            },
            's' => return reader.readUnix(),
            '%' => return reader.skip("%"),
            'n', 't' => return reader.skipSpace(),
            else => return null,
        }
        return true;
    }

    fn rest(reader: *const Reader) []const u8 {
        return reader.text[reader.at..];
    }

    /// As many digits as are there and still give a number in range.
    fn number(reader: *Reader, min_digits: usize, max_digits: usize, min: i64, max: i64) ?i64 {
        var length = @min(reader.digitsAhead(), max_digits);
        while (length >= min_digits) : (length -= 1) {
            const found = std.fmt.parseInt(i64, reader.rest()[0..length], 10) catch return null;
            if (min <= found and found <= max) {
                reader.at += length;
                return found;
            }
        }
        return null;
    }

    fn digitsAhead(reader: *const Reader) usize {
        for (reader.rest(), 0..) |char, count| {
            if (!std.ascii.isDigit(char)) return count;
        }
        return reader.rest().len;
    }

    fn skip(reader: *Reader, word: []const u8) bool {
        if (!std.ascii.startsWithIgnoreCase(reader.rest(), word)) return false;
        reader.at += word.len;
        return true;
    }

    fn skipSpace(reader: *Reader) bool {
        const start = reader.at;
        while (reader.at < reader.text.len and std.ascii.isWhitespace(reader.text[reader.at])) reader.at += 1;
        return reader.at > start;
    }

    /// Digits after the point of a second.
    fn readFraction(reader: *Reader, max_digits: usize) bool {
        const length = @min(reader.digitsAhead(), max_digits);
        reader.micros = 0;
        for (0..6) |i| reader.micros = reader.micros * 10 + if (i < length) reader.rest()[i] - '0' else 0;
        reader.at += length;
        return length > 0;
    }

    /// The place of a name among `names`, from 1 on.
    fn readName(reader: *Reader, names: []const []const u8, length: ?usize) ?usize {
        for (names, 1..) |name, place| {
            if (reader.skip(name[0 .. length orelse name.len])) return place;
        }
        return null;
    }

    fn readOffset(reader: *Reader) bool {
        if (reader.skip("Z")) {
            reader.offset = 0;
            return true;
        }
        // ±HH:MM, ±HHMM, ±HH
        for ([_]usize{ 6, 5, 3 }) |length| {
            if (reader.rest().len < length) continue;
            reader.offset = sdk.timezone.parseOffset(reader.rest()[0..length]) orelse continue;
            reader.at += length;
            return true;
        }
        return false;
    }

    fn readUnix(reader: *Reader) bool {
        const negative = reader.skip("-");
        const digits = reader.digitsAhead();
        if (digits == 0 or digits > 11) return false;
        const seconds = std.fmt.parseInt(i64, reader.rest()[0..digits], 10) catch return false;
        reader.at += digits;
        reader.unix = if (negative) -seconds else seconds;
        return true;
    }

    /// Null if there is no such day.
    fn date(reader: *const Reader, year: i32) ?calendar.Date {
        if (reader.day_of_year) |day| {
            const found: calendar.Date = .fromDays((calendar.Date{ .year = year }).toDays() + day - 1);
            return if (found.year == year) found else null;
        }
        if (reader.day > calendar.monthLength(year, reader.month)) return null;
        return .{ .year = year, .month = reader.month, .day = reader.day };
    }

    /// Microseconds after midnight. Null for what is later than 24:00:00, and for a second 60 that is no leap second.
    fn time(reader: *const Reader) ?i64 {
        var hour = reader.hour;
        if (reader.is_half_day) hour = @mod(hour, 12) + if (reader.is_afternoon) @as(i64, 12) else 0;
        const whole = hour * calendar.hour + reader.minute * calendar.minute + reader.second * calendar.second;
        if (reader.second == 60 and !sdk.iso.isLeapSecond(whole, reader.offset)) return null;
        return if (hour == 24 and whole + reader.micros > calendar.day) null else whole + reader.micros;
    }
};

pub fn parse(input: Input, format: []const u8, text: []const u8) Error!Found {
    var reader: Reader = .{ .text = std.mem.trim(u8, text, " ") };
    try readAll(input, &reader, format);
    if (reader.at < reader.text.len) return mismatch(input, format, text);
    if (reader.unix) |seconds| return .{ .instant = seconds * calendar.second };
    const year = reader.year orelse return input.ctx.failInput("`format` must hold a year, %Y or %y.", .{});
    const given: sdk.Value = .{ .string = text };
    const date = reader.date(year) orelse return input.mistyped("input", "a day that exists", given);
    const time = reader.time() orelse return input.mistyped("input", "a time that exists", given);
    const wall: calendar.Wall = .{ .date = date, .time = time };
    return .{ .wall = .{ .wall = .fromMicros(wall.toMicros()), .offset = reader.offset } };
}

fn readAll(input: Input, reader: *Reader, format: []const u8) Error!void {
    var pieces: pattern.Pieces = .{ .input = input, .format = format };
    while (try pieces.next()) |piece| {
        const fits = switch (piece) {
            .literal => |literal| skipLiteral(reader, literal),
            .directive => |directive| blk: {
                if (pattern.expansion(directive.letter)) |longer| {
                    try readAll(input, reader, longer);
                    break :blk true;
                }
                break :blk reader.read(directive.letter) orelse return pieces.unknown(directive, "read");
            },
        };
        if (!fits) return mismatch(input, input.fields.get("format").?.string, reader.text);
    }
}

/// Any space in the pattern stands for any space in the text.
fn skipLiteral(reader: *Reader, literal: []const u8) bool {
    var at: usize = 0;
    while (at < literal.len) : (at += 1) {
        if (std.ascii.isWhitespace(literal[at])) {
            if (at > 0 and std.ascii.isWhitespace(literal[at - 1])) continue;
            if (!reader.skipSpace()) return false;
        } else if (!reader.skip(literal[at..][0..1])) return false;
    }
    return true;
}

fn mismatch(input: Input, format: []const u8, text: []const u8) Error {
    const wanted = try input.ctx.print("a text of the form \"{s}\"", .{format});
    return input.mistyped("input", wanted, .{ .string = text });
}
