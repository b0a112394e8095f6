//! A cron expression of five fields: minute, hour, day of the month, month, day of the week.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

/// Part of a field's list. A single value has `last` equal to `first`.
pub const Item = struct {
    first: u8,
    last: u8,
    step: u8 = 1,
    /// Written as `*`.
    is_star: bool = false,

    pub fn isSingle(item: Item) bool {
        return item.first == item.last and !item.is_star;
    }
};

pub const Field = struct {
    /// Bit n is set if n is due.
    set: u64,
    items: []const Item,

    pub fn has(field: Field, value: i64) bool {
        return field.set >> @intCast(value) & 1 == 1;
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
        const on_day = expression.day.has(date.day);
        const on_weekday = expression.weekday.has(@mod(sdk.calendar.weekday(date.toDays()) + 1, 7));
        const is_either = !expression.day.isStar() and !expression.weekday.isStar();
        return if (is_either) on_day or on_weekday else on_day and on_weekday;
    }
};

pub const Reading = union(enum) { valid: Expression, invalid: []const Value };

const Shape = struct {
    name: []const u8,
    min: u8,
    max: u8,
    /// Three letters each; the first stands for `min`.
    names: []const u8 = "",
};

const shapes = [_]Shape{
    .{ .name = "minute", .min = 0, .max = 59 },
    .{ .name = "hour", .min = 0, .max = 23 },
    .{ .name = "day of month", .min = 1, .max = 31 },
    .{ .name = "month", .min = 1, .max = 12, .names = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC" },
    .{ .name = "day of week", .min = 0, .max = 7, .names = "SUNMONTUEWEDTHUFRISAT" },
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

pub fn parse(ctx: *Context, source: []const u8) Error!Reading {
    var parser: Parser = .{ .ctx = ctx };
    var parts = std.mem.tokenizeAny(u8, expandMacro(source), " \t\r\n");
    var fields: [shapes.len]Field = undefined;
    var count: usize = 0;
    while (parts.next()) |part| : (count += 1) {
        if (count < shapes.len) fields[count] = try parser.parseField(shapes[count], part);
    }
    if (count != shapes.len) {
        const form = "the expression must have 5 fields (minute, hour, day of month, month, day of week), not {d}";
        parser.problems.clearRetainingCapacity();
        try parser.add("expression", try ctx.print(form, .{count}));
    }
    if (parser.problems.items.len > 0) return .{ .invalid = parser.problems.items };
    // 7 is Sunday as well.
    fields[4].set = (fields[4].set | fields[4].set >> 7) & 0x7F;
    return .{ .valid = .{
        .minute = fields[0],
        .hour = fields[1],
        .day = fields[2],
        .month = fields[3],
        .weekday = fields[4],
    } };
}

fn expandMacro(source: []const u8) []const u8 {
    const text = std.mem.trim(u8, source, " \t\r\n");
    for (macros) |macro| {
        if (std.ascii.eqlIgnoreCase(text, macro.name)) return macro.meaning;
    }
    return text;
}

const Parser = struct {
    ctx: *Context,
    problems: std.ArrayList(Value) = .empty,

    fn add(parser: *Parser, field: []const u8, message: []const u8) Error!void {
        const problem = try parser.ctx.value(.{ .field = field, .message = message });
        try parser.problems.append(parser.ctx.allocator, problem);
    }

    fn report(parser: *Parser, shape: Shape, comptime format: []const u8, arguments: anytype) Error!?Item {
        const reason = try parser.ctx.print(format, arguments);
        try parser.add(shape.name, try parser.ctx.print("{s}: {s}", .{ shape.name, reason }));
        return null;
    }

    fn parseField(parser: *Parser, shape: Shape, text: []const u8) Error!Field {
        var items: std.ArrayList(Item) = .empty;
        var set: u64 = 0;
        var parts = std.mem.splitScalar(u8, text, ',');
        while (parts.next()) |part| {
            const item = try parser.parseItem(shape, part) orelse continue;
            try items.append(parser.ctx.allocator, item);
            var value: usize = item.first;
            while (value <= item.last) : (value += item.step) set |= @as(u64, 1) << @intCast(value);
        }
        return .{ .set = set, .items = items.items };
    }

    fn parseItem(parser: *Parser, shape: Shape, text: []const u8) Error!?Item {
        const slash = std.mem.indexOfScalar(u8, text, '/');
        var item = try parser.parseRange(shape, text[0 .. slash orelse text.len]) orelse return null;
        const step_text = text[(slash orelse return item) + 1 ..];
        const limit = shape.max - shape.min + @intFromBool(shape.min == 0 and shape.max != 7);
        const step = parseDigits(step_text) orelse 0;
        if (step < 1 or step > limit) {
            return parser.report(shape, "the step \"{s}\" must be a whole number from 1 to {d}", .{ step_text, limit });
        }
        // 5/15 is 5-59/15.
        if (item.isSingle() and std.mem.indexOfScalar(u8, text, '-') == null) item.last = lastOf(shape);
        item.step = step;
        return item;
    }

    fn parseRange(parser: *Parser, shape: Shape, text: []const u8) Error!?Item {
        if (std.mem.eql(u8, text, "*")) return .{ .first = shape.min, .last = lastOf(shape), .is_star = true };
        const dash = std.mem.indexOfScalar(u8, text, '-') orelse {
            const value = try parser.parseValue(shape, text) orelse return null;
            return .{ .first = value, .last = value };
        };
        const first = try parser.parseValue(shape, text[0..dash]) orelse return null;
        var last = try parser.parseValue(shape, text[dash + 1 ..]) orelse return null;
        // In FRI-SUN, Sunday is the week's last day.
        if (shape.max == 7 and last == 0 and first > 0) last = 7;
        if (first > last) return parser.report(shape, "the range \"{s}\" runs backwards", .{text});
        return .{ .first = first, .last = last };
    }

    fn parseValue(parser: *Parser, shape: Shape, text: []const u8) Error!?u8 {
        if (parseName(shape, text)) |value| return value;
        if (parseDigits(text)) |value| {
            if (shape.min <= value and value <= shape.max) return value;
        }
        const names = if (shape.names.len == 0) "" else try parser.ctx.print(", or {s} to {s}", .{
            shape.names[0..3], shape.names[shape.names.len - 3 ..],
        });
        _ = try parser.report(shape, "\"{s}\" must be a whole number from {d} to {d}{s}", .{
            text, shape.min, shape.max, names,
        });
        return null;
    }
};

/// The last of `*`, which does not count Sunday twice.
fn lastOf(shape: Shape) u8 {
    return if (shape.max == 7) 6 else shape.max;
}

fn parseName(shape: Shape, text: []const u8) ?u8 {
    if (text.len != 3) return null;
    var place: u8 = 0;
    while (place * 3 < shape.names.len) : (place += 1) {
        if (std.ascii.eqlIgnoreCase(text, shape.names[place * 3 ..][0..3])) return place + shape.min;
    }
    return null;
}

fn parseDigits(text: []const u8) ?u8 {
    if (text.len == 0 or text.len > 2) return null;
    for (text) |char| {
        if (!std.ascii.isDigit(char)) return null;
    }
    return std.fmt.parseInt(u8, text, 10) catch null;
}
