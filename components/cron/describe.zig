//! An expression in words: "At 09:30 on Monday through Friday".

const std = @import("std");
const sdk = @import("sdk");
const expression = @import("expression.zig");
const calendar = sdk.calendar;
const Context = sdk.Context;
const Day = @import("days.zig").Day;
const Error = sdk.Error;
const Expression = expression.Expression;
const Field = expression.Field;
const Item = expression.Item;

/// More times than this are described by their hours and minutes.
const max_times = 6;

pub fn describe(ctx: *Context, described: Expression) Error![]const u8 {
    return std.mem.concat(ctx.allocator, u8, &.{
        try describeTime(ctx, described),
        try describeDays(ctx, described),
        try describeMonths(ctx, described.month),
    });
}

fn describeTime(ctx: *Context, described: Expression) Error![]const u8 {
    if (areSingle(described.minute) and areSingle(described.hour)) {
        const count = @popCount(described.minute.set) * @popCount(described.hour.set);
        if (count <= max_times) return ctx.print("At {s}", .{try listTimes(ctx, described)});
    }
    const minutes = try describeMinutes(ctx, described.minute);
    if (described.hour.isAny()) {
        if (!areSingle(described.minute)) return minutes;
        return ctx.print("{s} of every hour", .{minutes});
    }
    const hours = try describeField(ctx, described.hour, "hour", renderNumber);
    const preposition: []const u8 = if (described.hour.isStar()) "of" else "past";
    return ctx.print("{s} {s} {s}", .{ minutes, preposition, hours });
}

fn describeMinutes(ctx: *Context, minute: Field) Error![]const u8 {
    const described = try describeField(ctx, minute, "minute", renderNumber);
    const is_every = minute.items.len == 1 and minute.items[0].is_star;
    if (!is_every) return ctx.print("At {s}", .{described});
    if (minute.isAny()) return "Every minute";
    return ctx.print("Every {d} minutes", .{minute.items[0].step});
}

fn describeDays(ctx: *Context, described: Expression) Error![]const u8 {
    const days = try describeField(ctx, described.day, "day", renderNumber);
    const weekdays = try describeField(ctx, described.weekday, "day of the week", renderWeekday);
    const has_days = !described.day.isAny();
    const has_weekdays = !described.weekday.isAny();
    if (!has_days and !has_weekdays) return "";
    if (!has_weekdays) return ctx.print(" on {s} of the month", .{days});
    if (!has_days) return ctx.print(" on {s}", .{weekdays});
    const is_either = !described.day.isStar() and !described.weekday.isStar();
    const relation = if (is_either) "or" else "and only";
    return ctx.print(" on {s} of the month {s} on {s}", .{ days, relation, weekdays });
}

fn describeMonths(ctx: *Context, month: Field) Error![]const u8 {
    if (month.isAny()) return "";
    return ctx.print(" in {s}", .{try describeField(ctx, month, "month", renderMonth)});
}

fn areSingle(field: Field) bool {
    return for (field.items) |item| {
        if (!item.isSingle()) break false;
    } else true;
}

fn listTimes(ctx: *Context, described: Expression) Error![]const u8 {
    var times: std.ArrayList([]const u8) = .empty;
    for (0..24) |hour| {
        if (!described.hour.has(@intCast(hour))) continue;
        for (0..60) |minute| {
            if (!described.minute.has(@intCast(minute))) continue;
            try times.append(ctx.allocator, try ctx.print("{d:0>2}:{d:0>2}", .{ hour, minute }));
        }
    }
    return join(ctx, times.items);
}

/// What a value of a field is called.
const Name = fn (*Context, u8) Error![]const u8;

/// "hours 9 through 17", "every 2nd day", "Monday and Friday".
fn describeField(ctx: *Context, field: Field, noun: []const u8, name: *const Name) Error![]const u8 {
    const parts = try ctx.allocator.alloc([]const u8, field.items.len);
    const is_plain = for (field.items) |item| {
        if (!isPlain(item)) break false;
    } else true;
    const has_names = name != &renderNumber;
    for (field.items, parts) |item, *part| {
        const described = try describeItem(ctx, item, noun, name);
        const stands_alone = has_names or is_plain or !isPlain(item);
        part.* = if (stands_alone) described else try prefix(ctx, noun, item.isSingle(), described);
    }
    const listed = try join(ctx, parts);
    if (!is_plain or has_names) return listed;
    return prefix(ctx, noun, field.items.len == 1 and field.items[0].isSingle(), listed);
}

/// Made of numbers alone, which need a noun.
fn isPlain(item: Item) bool {
    return item.step == 1 and !item.is_star and item.day == null;
}

fn prefix(ctx: *Context, noun: []const u8, is_one: bool, listed: []const u8) Error![]const u8 {
    return ctx.print("{s}{s} {s}", .{ noun, if (is_one) "" else "s", listed });
}

fn describeDay(ctx: *Context, day: Day) Error![]const u8 {
    return switch (day) {
        .before_last => |before| if (before == 0) "the last day" else ctx.print("{s} the last day", .{
            try renderBefore(ctx, before),
        }),
        .nearest => |wanted| ctx.print("the weekday nearest to day {d}", .{wanted}),
        .nearest_before_last => |before| if (before == 0) "the last weekday" else ctx.print(
            "the weekday nearest to {s} the last day",
            .{try renderBefore(ctx, before)},
        ),
        .last => |weekday| ctx.print("the last {s} of the month", .{try renderWeekday(ctx, weekday)}),
        .nth => |nth| ctx.print("the {s} {s} of the month", .{
            try renderOrdinal(ctx, nth.place), try renderWeekday(ctx, nth.weekday),
        }),
    };
}

fn renderBefore(ctx: *Context, count: u8) Error![]const u8 {
    return ctx.print("the day {d} {s} before", .{ count, if (count == 1) "day" else "days" });
}

fn describeItem(ctx: *Context, item: Item, noun: []const u8, name: *const Name) Error![]const u8 {
    if (item.day) |day| return describeDay(ctx, day);
    if (item.isSingle()) return name(ctx, item.first);
    const every = if (item.step == 1)
        try ctx.print("every {s}", .{noun})
    else
        try ctx.print("every {s} {s}", .{ try renderOrdinal(ctx, item.step), noun });
    if (item.is_star) return every;
    const first = try name(ctx, item.first);
    const last = try name(ctx, item.last);
    if (item.step == 1) return ctx.print("{s} through {s}", .{ first, last });
    return ctx.print("{s} from {s} through {s}", .{ every, first, last });
}

fn join(ctx: *Context, parts: []const []const u8) Error![]const u8 {
    if (parts.len == 1) return parts[0];
    const last = parts.len - 1;
    const before = try std.mem.join(ctx.allocator, ", ", parts[0..last]);
    return ctx.print("{s} and {s}", .{ before, parts[last] });
}

fn renderNumber(ctx: *Context, value: u8) Error![]const u8 {
    return ctx.print("{d}", .{value});
}

fn renderWeekday(_: *Context, value: u8) Error![]const u8 {
    // Those of the calendar begin with Monday.
    return calendar.weekday_names[(value + 6) % 7];
}

fn renderMonth(_: *Context, value: u8) Error![]const u8 {
    return calendar.month_names[value - 1];
}

fn renderOrdinal(ctx: *Context, value: u8) Error![]const u8 {
    const ending = if (value / 10 == 1) "th" else switch (value % 10) {
        1 => "st",
        2 => "nd",
        3 => "rd",
        else => "th",
    };
    return ctx.print("{d}{s}", .{ value, ending });
}
