//! Patterns in the manner of strftime, in English: "%A, %d %B %Y".

const std = @import("std");
const sdk = @import("sdk");
const Moment = @import("moment.zig").Moment;
const calendar = sdk.calendar;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;

/// What a pattern consists of.
pub const Piece = union(enum) { literal: []const u8, directive: Directive };

/// `flag` is '-' (not filled up) or ':' (of %:z), or 0.
pub const Directive = struct { flag: u8, letter: u8 };

pub const Pieces = struct {
    input: Input,
    format: []const u8,
    at: usize = 0,

    pub fn next(pieces: *Pieces) Error!?Piece {
        const rest = pieces.format[pieces.at..];
        if (rest.len == 0) return null;
        const literal_length = std.mem.indexOfScalar(u8, rest, '%') orelse rest.len;
        if (literal_length > 0) {
            pieces.at += literal_length;
            return .{ .literal = rest[0..literal_length] };
        }
        const has_flag = rest.len > 2 and (rest[1] == '-' or (rest[1] == ':' and rest[2] == 'z'));
        const length: usize = if (has_flag) 3 else 2;
        if (rest.len < length) return pieces.input.ctx.failInput("`format` ends within a directive.", .{});
        pieces.at += length;
        return .{ .directive = .{ .flag = if (has_flag) rest[1] else 0, .letter = rest[length - 1] } };
    }

    pub fn unknown(pieces: *const Pieces, directive: Directive, use: []const u8) Error {
        // The letter may be the first byte of a longer character.
        const rest = pieces.format[pieces.at - 1 ..];
        const flag: []const u8 = if (directive.flag == 0) "" else &.{directive.flag};
        return pieces.input.ctx.failInput("`format` has %{s}{s}, which cannot be {s}.", .{
            flag, sdk.text.prefix(rest, 1), use,
        });
    }
};

/// What a directive stands for, as others: %F is %Y-%m-%d.
pub fn expansion(letter: u8) ?[]const u8 {
    return switch (letter) {
        'F' => "%Y-%m-%d",
        'T' => "%H:%M:%S",
        'D' => "%m/%d/%y",
        'R' => "%H:%M",
        else => null,
    };
}

pub fn render(ctx: *Context, input: Input, shown: Moment, format: []const u8) Error![]const u8 {
    var out: std.ArrayList(u8) = .empty;
    try append(ctx, input, shown, format, &out);
    return out.items;
}

fn append(ctx: *Context, input: Input, shown: Moment, format: []const u8, out: *std.ArrayList(u8)) Error!void {
    var pieces: Pieces = .{ .input = input, .format = format };
    while (try pieces.next()) |piece| switch (piece) {
        .literal => |literal| try out.appendSlice(ctx.allocator, literal),
        .directive => |directive| {
            if (expansion(directive.letter)) |longer| {
                try append(ctx, input, shown, longer, out);
            } else try out.appendSlice(ctx.allocator, try renderOne(ctx, &pieces, shown, directive));
        },
    };
}

fn renderOne(ctx: *Context, pieces: *const Pieces, shown: Moment, directive: Directive) Error![]const u8 {
    const wall = shown.zone.wallAt(shown.instant);
    const date = wall.date;
    const days = date.toDays();
    const weekday = calendar.weekday(days);
    const hour = wall.part(calendar.hour, 24);
    const number: struct { i64, usize } = switch (directive.letter) {
        'Y' => .{ date.year, 4 },
        'G' => .{ date.isoWeek().year, 4 },
        'y' => .{ @mod(date.year, 100), 2 },
        'C' => .{ @divFloor(date.year, 100), 2 },
        'm' => .{ date.month, 2 },
        'd' => .{ date.day, 2 },
        'H' => .{ hour, 2 },
        'I' => .{ (hour + 11) % 12 + 1, 2 },
        'M' => .{ wall.part(calendar.minute, 60), 2 },
        'S' => .{ wall.part(calendar.second, 60), 2 },
        'f' => .{ wall.part(1, calendar.second), 6 },
        'L' => .{ wall.part(1000, 1000), 3 },
        'j' => .{ date.dayOfYear(), 3 },
        'V' => .{ date.isoWeek().week, 2 },
        'W' => .{ @divFloor(date.dayOfYear() + 6 - weekday, 7), 2 },
        'U' => .{ @divFloor(date.dayOfYear() + 6 - @mod(weekday + 1, 7), 7), 2 },
        'u' => .{ weekday + 1, 1 },
        'w' => .{ @mod(weekday + 1, 7), 1 },
        's' => .{ @divFloor(shown.instant, calendar.second), 1 },
        else => return renderText(ctx, pieces, shown, directive),
    };
    return renderNumber(ctx, number[0], if (directive.flag == '-') 1 else number[1]);
}

fn renderNumber(ctx: *Context, size: i64, width: usize) Error![]const u8 {
    const digits = try ctx.print("{d}", .{size});
    const zeros = "000000";
    return ctx.print("{s}{s}", .{ zeros[0..width -| digits.len], digits });
}

fn renderText(ctx: *Context, pieces: *const Pieces, shown: Moment, directive: Directive) Error![]const u8 {
    const wall = shown.zone.wallAt(shown.instant);
    const weekday = calendar.weekday_names[@intCast(calendar.weekday(wall.date.toDays()))];
    const month = calendar.month_names[wall.date.month - 1];
    const is_morning = wall.time < 12 * calendar.hour;
    const offset = shown.zone.offsetAt(shown.instant);
    return switch (directive.letter) {
        'A' => weekday,
        'a' => weekday[0..3],
        'B' => month,
        'b', 'h' => month[0..3],
        'e' => ctx.print("{d: >2}", .{wall.date.day}),
        'p' => if (is_morning) "AM" else "PM",
        'P' => if (is_morning) "am" else "pm",
        'z' => sdk.iso.renderOffset(ctx.allocator, offset.minutes, if (directive.flag == ':') ":" else ""),
        'Z' => if (offset.name.len > 0) offset.name else sdk.iso.renderOffset(ctx.allocator, offset.minutes, ":"),
        'n' => "\n",
        't' => "\t",
        '%' => "%",
        else => pieces.unknown(directive, "written"),
    };
}
