//! Typed access to the fields of an input. Every reader fails with INVALID_INPUT and a message that names the field,
//! what it must be and what it is: "`count` must be a whole number from 0 to 10, not 12."
//!
//! A field that is null counts as absent, because that is what `{{reference?}}` gives for a missing value.

const std = @import("std");
const context = @import("context.zig");
const json = @import("json.zig");
const number = @import("number.zig");
const Context = context.Context;
const Error = context.Error;
const Value = json.Value;

pub const Range = struct {
    min: i64 = 0,
    max: i64 = number.max_exact_integer,
};

pub const Input = struct {
    ctx: *Context,
    fields: *json.Object,
    /// What to put before a field's name in messages: `items[2].`
    prefix: []const u8 = "",

    pub fn optionalValue(input: Input, name: []const u8) ?Value {
        const found = input.fields.get(name) orelse return null;
        return if (found == .null) null else found;
    }

    /// Any value that is there, null included.
    pub fn value(input: Input, name: []const u8) Error!Value {
        return input.fields.get(name) orelse input.missing(name, "given");
    }

    pub fn optionalText(input: Input, name: []const u8) Error!?[]const u8 {
        const found = input.optionalValue(name) orelse return null;
        return if (found == .string) found.string else input.mistyped(name, "a text", found);
    }

    pub fn text(input: Input, name: []const u8) Error![]const u8 {
        return try input.optionalText(name) orelse input.missing(name, "a text");
    }

    pub fn optionalBoolean(input: Input, name: []const u8) Error!?bool {
        const found = input.optionalValue(name) orelse return null;
        return if (found == .boolean) found.boolean else input.mistyped(name, "true or false", found);
    }

    pub fn boolean(input: Input, name: []const u8) Error!bool {
        return try input.optionalBoolean(name) orelse input.missing(name, "true or false");
    }

    pub fn optionalInteger(input: Input, name: []const u8, range: Range) Error!?i64 {
        const found = input.optionalValue(name) orelse return null;
        if (found == .number) {
            if (number.toInteger(found.number)) |size| {
                if (range.min <= size and size <= range.max) return size;
            }
        }
        return input.mistyped(name, try input.describeRange(range), found);
    }

    pub fn integer(input: Input, name: []const u8, range: Range) Error!i64 {
        return try input.optionalInteger(name, range) orelse input.missing(name, try input.describeRange(range));
    }

    /// The number as it is written; see `sdk.number`.
    pub fn optionalNumeric(input: Input, name: []const u8) Error!?[]const u8 {
        const found = input.optionalValue(name) orelse return null;
        return if (found == .number) found.number else input.mistyped(name, "a number", found);
    }

    pub fn numeric(input: Input, name: []const u8) Error![]const u8 {
        return try input.optionalNumeric(name) orelse input.missing(name, "a number");
    }

    pub fn optionalList(input: Input, name: []const u8) Error!?[]const Value {
        const found = input.optionalValue(name) orelse return null;
        return if (found == .array) found.array else input.mistyped(name, "a list", found);
    }

    pub fn list(input: Input, name: []const u8) Error![]const Value {
        return try input.optionalList(name) orelse input.missing(name, "a list");
    }

    /// An Input of its own, whose messages name `outer.inner`.
    pub fn optionalObject(input: Input, name: []const u8) Error!?Input {
        const found = input.optionalValue(name) orelse return null;
        if (found != .object) return input.mistyped(name, "an object", found);
        const prefix = try input.ctx.print("{s}{s}.", .{ input.prefix, name });
        return .{ .ctx = input.ctx, .fields = found.object, .prefix = prefix };
    }

    pub fn object(input: Input, name: []const u8) Error!Input {
        return try input.optionalObject(name) orelse input.missing(name, "an object");
    }

    /// Fail if there is a field of another name than those of `known`, which the message lists: a misspelt one would
    /// else be left out without a word.
    pub fn allowOnly(input: Input, known: []const []const u8) Error!void {
        for (input.fields.members()) |member| {
            for (known) |name| {
                if (std.mem.eql(u8, name, member.name)) break;
            } else return input.unknown(member.name, known);
        }
    }

    noinline fn unknown(input: Input, name: []const u8, known: []const []const u8) Error {
        var listed: std.ArrayList(u8) = .empty;
        for (known, 0..) |field, i| {
            if (i > 0) try listed.appendSlice(input.ctx.allocator, ", ");
            try listed.appendSlice(input.ctx.allocator, field);
        }
        return input.ctx.failInput("`{s}{s}` is unknown; the fields are {s}.", .{ input.prefix, name, listed.items });
    }

    /// One of the names of the enum `Choice`.
    pub fn optionalChoice(input: Input, comptime Choice: type, name: []const u8) Error!?Choice {
        const found = input.optionalValue(name) orelse return null;
        if (found == .string) {
            if (std.meta.stringToEnum(Choice, found.string)) |choice_| return choice_;
        }
        return input.mistyped(name, comptime describeChoice(Choice), found);
    }

    pub fn choice(input: Input, comptime Choice: type, name: []const u8) Error!Choice {
        return try input.optionalChoice(Choice, name) orelse input.missing(name, comptime describeChoice(Choice));
    }

    pub fn missing(input: Input, name: []const u8, wanted: []const u8) Error {
        return input.ctx.failInput("`{s}{s}` must be {s}, but it is missing.", .{ input.prefix, name, wanted });
    }

    /// For rules of a component's own: `input.mistyped("separator", "a text that is not empty", found)`.
    pub fn mistyped(input: Input, name: []const u8, wanted: []const u8, found: Value) Error {
        const got = try describe(input.ctx, found);
        return input.ctx.failInput("`{s}{s}` must be {s}, not {s}.", .{ input.prefix, name, wanted, got });
    }

    /// The same with what is wrong: "..., not 12: it is odd."
    pub fn mistypedBecause(input: Input, name: []const u8, wanted: []const u8, found: Value, reason: []const u8) Error {
        const got = try describe(input.ctx, found);
        const arguments = .{ input.prefix, name, wanted, got, reason };
        return input.ctx.failInput("`{s}{s}` must be {s}, not {s}: {s}.", arguments);
    }

    fn describeRange(input: Input, range: Range) Error![]const u8 {
        return input.ctx.print("a whole number from {d} to {d}", .{ range.min, range.max });
    }
};

fn describeChoice(comptime Choice: type) []const u8 {
    comptime var listed: []const u8 = "one of";
    inline for (@typeInfo(Choice).@"enum".field_names, 0..) |name, i| {
        listed = listed ++ (if (i == 0) " " else ", ") ++ name;
    }
    return listed;
}

const max_shown_bytes = 60;

/// Short values as they are, others by their kind.
fn describe(ctx: *Context, found: Value) Error![]const u8 {
    return switch (found) {
        .boolean => |flag| if (flag) "true" else "false",
        .number => |lexeme| if (lexeme.len <= max_shown_bytes) lexeme else found.kind(),
        .string => |shown| if (shown.len <= max_shown_bytes) ctx.print("\"{s}\"", .{shown}) else found.kind(),
        else => found.kind(),
    };
}
