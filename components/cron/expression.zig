//! A cron expression of five fields: minute, hour, day of the month, month, day of the week.

const std = @import("std");
const sdk = @import("sdk");
const days = @import("days.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

/// Part of a field's list. A single value has `last` equal to `first`; a range that begins again has `last` before it.
pub const Item = struct {
    first: u8 = 0,
    last: u8 = 0,
    step: u8 = 1,
    /// Written as `*`, or in a field of days as `?`.
    is_star: bool = false,
    /// A day that each month places anew; then the others have no meaning.
    day: ?days.Day = null,

    pub fn isSingle(item: Item) bool {
        return item.first == item.last and !item.is_star and item.day == null;
    }
};

pub const Field = struct {
    /// Bit n is set if n is due.
    set: u64,
    items: []const Item,

    pub fn has(field: Field, value: i64) bool {
        return field.set >> @intCast(value) & 1 == 1;
    }

    /// For a field of days: whether `value` is due, or the date is one of those that each month places anew.
    fn hasDate(field: Field, value: i64, date: sdk.calendar.Date) bool {
        if (field.has(value)) return true;
        return for (field.items) |item| {
            if (item.day) |day| if (day.has(date)) break true;
        } else false;
    }

    /// Begins with `*`: then the field does not narrow down the other field of days (as in Vixie's cron).
    pub fn isStar(field: Field) bool {
        return field.items[0].is_star;
    }

    /// `*` alone, without a step.
    pub fn isAny(field: Field) bool {
        return field.isStar() and field.items[0].step == 1;
    }
};

pub const Expression = struct {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    /// 0 is Sunday.
    weekday: Field,

    pub fn hasDate(expression: Expression, date: sdk.calendar.Date) bool {
        if (!expression.month.has(date.month)) return false;
        const on_day = expression.day.hasDate(date.day, date);
        const on_weekday = expression.weekday.hasDate(days.weekdayOf(date), date);
        const is_either = !expression.day.isStar() and !expression.weekday.isStar();
        return if (is_either) on_day or on_weekday else on_day and on_weekday;
    }
};

pub const Reading = union(enum) { valid: Expression, invalid: []const Value };

const Shape = struct {
    name: []const u8,
    min: u8,
    max: u8,
    /// How many values there are until they begin again: of 0 to 7, Sunday is both ends.
    cycle: u8,
    /// Three letters each; the first stands for `min`.
    names: []const u8 = "",
    days: enum { none, of_month, of_week } = .none,

    /// The days beside numbers and names, for a message.
    fn others(shape: Shape) []const u8 {
        return switch (shape.days) {
            .none => "",
            .of_month => ", or one like L, L-3, 15W or LW",
            .of_week => ", or one like FRIL or FRI#2",
        };
    }

    /// What days of the form of `text` there are, if it has one of theirs: a letter and a number that is out of range.
    fn limitsNear(shape: Shape, text: []const u8) ?[]const u8 {
        switch (shape.days) {
            .none => return null,
            .of_month => {
                const is_weekday = std.ascii.endsWithIgnoreCase(text, "W");
                const body = text[0 .. text.len - @intFromBool(is_weekday)];
                if (std.ascii.startsWithIgnoreCase(body, "L-") and isNumber(body[2..])) {
                    return if (is_weekday) "L-0W to L-30W" else "L-0 to L-30";
                }
                return if (is_weekday and isNumber(body)) "1W to 31W" else null;
            },
            .of_week => {
                const at = std.mem.indexOfScalar(u8, text, '#') orelse return null;
                if (readValue(shape, text[0..at]) == null or !isNumber(text[at + 1 ..])) return null;
                return "#1 to #5 of the month";
            },
        }
    }

    /// The last of `*`, which does not count Sunday twice.
    fn last(shape: Shape) u8 {
        return shape.min + shape.cycle - 1;
    }
};

const shapes = [_]Shape{
    .{ .name = "minute", .min = 0, .max = 59, .cycle = 60 },
    .{ .name = "hour", .min = 0, .max = 23, .cycle = 24 },
    .{ .name = "day of month", .min = 1, .max = 31, .cycle = 31, .days = .of_month },
    .{ .name = "month", .min = 1, .max = 12, .cycle = 12, .names = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC" },
    .{ .name = "day of week", .min = 0, .max = 7, .cycle = 7, .names = "SUNMONTUEWEDTHUFRISAT", .days = .of_week },
};

const macros = [_]struct { name: []const u8, meaning: []const u8 }{
    .{ .name = "@yearly", .meaning = "0 0 1 1 *" },
    .{ .name = "@annually", .meaning = "0 0 1 1 *" },
    .{ .name = "@monthly", .meaning = "0 0 1 * *" },
    .{ .name = "@weekly", .meaning = "0 0 * * 0" },
    .{ .name = "@daily", .meaning = "0 0 * * *" },
    .{ .name = "@midnight", .meaning = "0 0 * * *" },
    .{ .name = "@hourly", .meaning = "0 * * * *" },
};

const form = "the expression must have 5 fields (minute, hour, day of month, month, day of week), not {d}";

pub fn parse(ctx: *Context, source: []const u8) Error!Reading {
    var parser: Parser = .{ .ctx = ctx };
    const text = std.mem.trim(u8, source, " \t\r\n");
    if (std.mem.startsWith(u8, text, "@")) {
        const meaning = findMacro(text) orelse {
            try parser.add("expression", try explainMacro(ctx, text));
            return .{ .invalid = parser.problems.items };
        };
        return parser.parseFields(meaning);
    }
    return parser.parseFields(text);
}

fn findMacro(text: []const u8) ?[]const u8 {
    for (macros) |macro| {
        if (std.ascii.eqlIgnoreCase(text, macro.name)) return macro.meaning;
    }
    return null;
}

fn explainMacro(ctx: *Context, text: []const u8) Error![]const u8 {
    if (std.ascii.eqlIgnoreCase(text, "@reboot")) {
        return "@reboot has no time at which it is due: there is no computer that starts";
    }
    comptime var listed: []const u8 = "";
    inline for (macros, 0..) |macro, i| listed = listed ++ (if (i == 0) "" else ", ") ++ macro.name;
    return ctx.print("\"{s}\" must be one of " ++ listed, .{text});
}

const Parser = struct {
    ctx: *Context,
    problems: std.ArrayList(Value) = .empty,

    fn add(parser: *Parser, field: []const u8, message: []const u8) Error!void {
        const problem = try parser.ctx.value(.{ .field = field, .message = message });
        try parser.problems.append(parser.ctx.allocator, problem);
    }

    fn parseFields(parser: *Parser, text: []const u8) Error!Reading {
        var parts = std.mem.tokenizeAny(u8, text, " \t\r\n");
        var fields: [shapes.len]Field = undefined;
        var count: usize = 0;
        while (parts.next()) |part| : (count += 1) {
            if (count < shapes.len) fields[count] = try parser.parseField(shapes[count], part);
        }
        if (count != shapes.len) {
            parser.problems.clearRetainingCapacity();
            const hint = if (count == 6 or count == 7) "; there are none for seconds and years" else "";
            try parser.add("expression", try parser.ctx.print(form ++ "{s}", .{ count, hint }));
        }
        if (parser.problems.items.len > 0) return .{ .invalid = parser.problems.items };
        return .{ .valid = .{
            .minute = fields[0],
            .hour = fields[1],
            .day = fields[2],
            .month = fields[3],
            .weekday = fields[4],
        } };
    }

    fn report(parser: *Parser, shape: Shape, comptime format: []const u8, arguments: anytype) Error!?Item {
        const reason = try parser.ctx.print(format, arguments);
        try parser.add(shape.name, try parser.ctx.print("{s}: {s}", .{ shape.name, reason }));
        return null;
    }

    fn parseField(parser: *Parser, shape: Shape, text: []const u8) Error!Field {
        var items: std.ArrayList(Item) = .empty;
        var set: u64 = 0;
        var has_gap = false;
        var parts = std.mem.splitScalar(u8, text, ',');
        while (parts.next()) |part| {
            if (part.len == 0) {
                if (!has_gap) _ = try parser.report(shape, "the list \"{s}\" has an empty place", .{text});
                has_gap = true;
                continue;
            }
            if (std.mem.eql(u8, part, "?") and part.len < text.len and shape.days != .none) {
                _ = try parser.report(shape, "\"?\" must stand alone, not in a list like \"{s}\"", .{text});
                continue;
            }
            const item = try parser.parseItem(shape, part) orelse continue;
            try items.append(parser.ctx.allocator, item);
            if (item.day == null) set |= findSet(shape, item);
        }
        return .{ .set = set, .items = items.items };
    }

    fn parseItem(parser: *Parser, shape: Shape, text: []const u8) Error!?Item {
        const slash = std.mem.indexOfScalar(u8, text, '/');
        const base = text[0 .. slash orelse text.len];
        if (findDay(shape, base)) |day| {
            if (slash == null) return .{ .day = day };
            return parser.report(shape, "no step can follow \"{s}\"", .{base});
        }
        if (slash) |at| {
            const is_unfit = shape.days != .none and std.mem.eql(u8, base, "?");
            if (is_unfit) return parser.report(shape, "no step can follow \"?\"; write \"*{s}\"", .{text[at..]});
            if (at == 0) return parser.report(shape, "nothing stands before the step of \"{s}\"; for all write \"*{s}\"", .{ text, text });
            if (at + 1 == text.len) return parser.report(shape, "no number stands behind the slash of \"{s}\"", .{text});
        }
        var item = try parser.parseRange(shape, base) orelse return null;
        const step_text = text[(slash orelse return item) + 1 ..];
        const limit = shape.max - shape.min + @intFromBool(shape.min == 0 and shape.max != 7);
        const step = days.parseDigits(step_text) orelse 0;
        if (step < 1 or step > limit) {
            return parser.report(shape, "the step \"{s}\" must be a whole number from 1 to {d}", .{ step_text, limit });
        }
        // 5/15 is 5-59/15.
        if (item.isSingle() and std.mem.indexOfScalar(u8, base, '-') == null) {
            item.first = shape.min + (item.first - shape.min) % shape.cycle;
            item.last = shape.last();
        }
        item.step = step;
        return item;
    }

    fn parseRange(parser: *Parser, shape: Shape, text: []const u8) Error!?Item {
        const is_any = shape.days != .none and std.mem.eql(u8, text, "?");
        if (is_any or std.mem.eql(u8, text, "*")) return .{ .first = shape.min, .last = shape.last(), .is_star = true };
        if (try parser.reportNearDay(shape, text)) return null;
        const dash = std.mem.indexOfScalar(u8, text, '-') orelse {
            const value = readValue(shape, text) orelse return parser.reportValue(shape, text, shape.others());
            return .{ .first = value, .last = value };
        };
        if (dash == 0) return parser.reportValue(shape, text, shape.others());
        if (dash + 1 == text.len) return parser.report(shape, "the range \"{s}\" has no end", .{text});
        const first = try parser.parseEnd(shape, text, text[0..dash]) orelse return null;
        const last = try parser.parseEnd(shape, text, text[dash + 1 ..]) orelse return null;
        return .{ .first = first, .last = last };
    }

    /// An end of the range `range`, which is a plain value.
    fn parseEnd(parser: *Parser, shape: Shape, range: []const u8, text: []const u8) Error!?u8 {
        if (readValue(shape, text)) |value| return value;
        if (findDay(shape, text) == null) {
            _ = try parser.reportValue(shape, text, "");
        } else _ = try parser.report(shape, "no range, such as \"{s}\", can have \"{s}\"", .{ range, text });
        return null;
    }

    /// Says what is out of range in a text that has the form of L-3, 15W or FRI#2. False if it has none of these.
    fn reportNearDay(parser: *Parser, shape: Shape, text: []const u8) Error!bool {
        const limits = shape.limitsNear(text) orelse return false;
        _ = try parser.report(shape, "\"{s}\" must be from {s}", .{ text, limits });
        return true;
    }

    fn reportValue(parser: *Parser, shape: Shape, text: []const u8, others: []const u8) Error!?Item {
        const names = if (shape.names.len == 0) "" else try parser.ctx.print(", or {s} to {s}", .{
            shape.names[0..3], shape.names[shape.names.len - 3 ..],
        });
        return parser.report(shape, "\"{s}\" must be a whole number from {d} to {d}{s}{s}", .{
            text, shape.min, shape.max, names, others,
        });
    }
};

fn findDay(shape: Shape, text: []const u8) ?days.Day {
    return switch (shape.days) {
        .none => null,
        .of_month => days.parseOfMonth(text),
        .of_week => {
            const at = std.mem.indexOfScalar(u8, text, '#') orelse text.len -| 1;
            const weekday = readValue(shape, text[0..at]) orelse return null;
            return days.parseOfWeek(weekday % 7, text[at..]);
        },
    };
}

/// What a range has: one that ends before it begins goes on from the start, so that FRI-MON are four days.
fn findSet(shape: Shape, item: Item) u64 {
    const ahead = item.last + if (item.last < item.first) shape.cycle else 0;
    var set: u64 = 0;
    var value: usize = item.first;
    while (value <= ahead) : (value += item.step) {
        set |= @as(u64, 1) << @intCast(shape.min + (value - shape.min) % shape.cycle);
    }
    return set;
}

fn isNumber(text: []const u8) bool {
    for (text) |char| if (!std.ascii.isDigit(char)) return false;
    return text.len > 0;
}

fn readValue(shape: Shape, text: []const u8) ?u8 {
    if (parseName(shape, text)) |value| return value;
    const value = days.parseDigits(text) orelse return null;
    return if (shape.min <= value and value <= shape.max) value else null;
}

fn parseName(shape: Shape, text: []const u8) ?u8 {
    if (text.len != 3) return null;
    var place: u8 = 0;
    while (place * 3 < shape.names.len) : (place += 1) {
        if (std.ascii.eqlIgnoreCase(text, shape.names[place * 3 ..][0..3])) return place + shape.min;
    }
    return null;
}
