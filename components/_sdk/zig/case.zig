//! Case mapping of all of Unicode, exactly as Python's str.upper, str.lower and str.capitalize.

const std = @import("std");
const Allocator = std.mem.Allocator;
const tables = @import("unicode_tables.zig");
const text = @import("text.zig");

pub fn upper(allocator: Allocator, source: []const u8) Allocator.Error![]const u8 {
    var mapped: std.ArrayList(u8) = try .initCapacity(allocator, source.len);
    var code_points = text.codePoints(source);
    while (code_points.nextCodepoint()) |code_point| try appendUpper(&mapped, allocator, code_point);
    return mapped.items;
}

pub fn lower(allocator: Allocator, source: []const u8) Allocator.Error![]const u8 {
    var mapped: std.ArrayList(u8) = try .initCapacity(allocator, source.len);
    try appendLower(&mapped, allocator, source, 0);
    return mapped.items;
}

/// The first code point in title case ("ǆ" -> "ǅ"), the others in lower case.
pub fn capitalize(allocator: Allocator, source: []const u8) Allocator.Error![]const u8 {
    var mapped: std.ArrayList(u8) = try .initCapacity(allocator, source.len);
    var code_points = text.codePoints(source);
    const first = code_points.nextCodepoint() orelse return source;
    if (findSpecial(&tables.title_specials, first)) |special| {
        try appendSpecial(&mapped, allocator, special);
    } else try appendUpper(&mapped, allocator, first);
    try appendLower(&mapped, allocator, source, code_points.i);
    return mapped.items;
}

fn appendUpper(mapped: *std.ArrayList(u8), allocator: Allocator, code_point: u21) Allocator.Error!void {
    if (findSpecial(&tables.upper_specials, code_point)) |special| return appendSpecial(mapped, allocator, special);
    try text.append(mapped, allocator, mapByRuns(&tables.upper_runs, code_point));
}

const Text = std.ArrayList(u8);

/// Appends `source[start..]` in lower case; what lies before decides about a sigma at its beginning.
fn appendLower(mapped: *Text, allocator: Allocator, source: []const u8, start: usize) Allocator.Error!void {
    var code_points = text.codePoints(source);
    var follows_cased = false;
    while (code_points.nextCodepoint()) |code_point| {
        const is_final = code_point == 'Σ' and follows_cased and !precedesCased(source[code_points.i..]);
        if (!contains(&tables.case_ignorable_bounds, code_point)) {
            follows_cased = contains(&tables.cased_base_bounds, code_point);
        }
        if (code_points.i <= start) continue;
        if (is_final) {
            try text.append(mapped, allocator, 'ς');
        } else if (findSpecial(&tables.lower_specials, code_point)) |special| {
            try appendSpecial(mapped, allocator, special);
        } else try text.append(mapped, allocator, mapByRuns(&tables.lower_runs, code_point));
    }
}

/// Whether `rest` goes on with a cased letter, past what is case-ignorable (Unicode, Final_Sigma).
fn precedesCased(rest: []const u8) bool {
    var code_points = text.codePoints(rest);
    while (code_points.nextCodepoint()) |code_point| {
        if (contains(&tables.case_ignorable_bounds, code_point)) continue;
        return contains(&tables.cased_base_bounds, code_point);
    }
    return false;
}

fn mapByRuns(runs: []const tables.Run, code_point: u21) u21 {
    const after = std.sort.upperBound(tables.Run, runs, code_point, orderRun);
    if (after == 0) return code_point;
    const run = runs[after - 1];
    const distance = code_point - run.first;
    if (distance % run.stride != 0 or distance / run.stride >= run.count) return code_point;
    return @intCast(@as(i32, code_point) + run.delta);
}

fn orderRun(code_point: u21, run: tables.Run) std.math.Order {
    return std.math.order(code_point, run.first);
}

fn findSpecial(specials: []const tables.Special, code_point: u21) ?tables.Special {
    const at = std.sort.binarySearch(tables.Special, specials, code_point, orderSpecial) orelse return null;
    return specials[at];
}

fn orderSpecial(code_point: u21, special: tables.Special) std.math.Order {
    return std.math.order(code_point, special.from);
}

fn appendSpecial(mapped: *std.ArrayList(u8), allocator: Allocator, special: tables.Special) Allocator.Error!void {
    for (special.to) |code_point| {
        if (code_point != 0) try text.append(mapped, allocator, code_point);
    }
}

/// Whether a set, given by where it begins, ends, begins again and so on, has the code point.
pub fn contains(bounds: []const u21, code_point: u21) bool {
    return std.sort.upperBound(u21, bounds, code_point, orderBound) % 2 == 1;
}

fn orderBound(code_point: u21, bound: u21) std.math.Order {
    return std.math.order(code_point, bound);
}
