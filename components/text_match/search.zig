//! The matches of the input's pattern in a text, one after the other.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Finder = sdk.pattern.Finder;
const Input = sdk.Input;
const Value = sdk.Value;

const max_pattern_bytes = 10_000;
const max_groups = 50;
/// JSON of a match beside its texts.
const match_bytes = 60;

/// In bytes.
pub const Match = struct { start: usize, end: usize };

pub const Matches = struct {
    ctx: *Context,
    text: []const u8,
    finder: Finder,
    /// Their names; empty for those without.
    groups: []const []const u8,
    /// Where the next search begins; null when there is none.
    from: ?usize = 0,
    /// How many code points lie before a place, which only goes on.
    counted: struct { bytes: usize = 0, code_points: usize = 0 } = .{},

    pub fn init(ctx: *Context, input: Input, text: []const u8) Error!Matches {
        const source = try input.text("pattern");
        if (source.len > max_pattern_bytes) return input.ctx.failInput("`pattern` has more than {d} bytes.", .{max_pattern_bytes});
        const pattern = switch (try sdk.pattern.compileFinding(ctx.allocator, source, try readFlags(input))) {
            .problem => |problem| return ctx.fail("INVALID_PATTERN", try ctx.print("`pattern` cannot be used: {s}.", .{problem})),
            .pattern => |pattern| pattern,
        };
        if (pattern.groups.len > max_groups) {
            return ctx.fail("INVALID_PATTERN", try ctx.print("`pattern` has more than {d} groups; `(?:` begins one that is not kept.", .{max_groups}));
        }
        const program = try ctx.allocator.create(sdk.pattern.Program);
        program.* = pattern.program;
        return .{
            .ctx = ctx,
            .text = text,
            .groups = pattern.groups,
            .finder = try .init(ctx.allocator, program, text),
        };
    }

    pub fn next(matches: *Matches) Error!?Match {
        const from = matches.from orelse return null;
        if (!try matches.finder.find(from)) {
            matches.from = null;
            return null;
        }
        const match: Match = .{ .start = matches.finder.places[0], .end = matches.finder.places[1] };
        matches.from = if (match.end > match.start) match.end else matches.behind(match.end);
        return match;
    }

    /// Behind the code point at `place`.
    fn behind(matches: *const Matches, place: usize) ?usize {
        if (place == matches.text.len) return null;
        return place + sdk.text.prefix(matches.text[place..], 1).len;
    }

    /// The text of a group of the last match, from 1 on; 0 is the whole. Null if it has no part in it.
    pub fn group(matches: *const Matches, number: usize) ?[]const u8 {
        const start = matches.finder.places[2 * number];
        if (start == sdk.pattern.none) return null;
        return matches.text[start..matches.finder.places[2 * number + 1]];
    }

    /// About how many bytes of JSON the last match makes.
    pub fn sizeOf(matches: *const Matches, match: Match) usize {
        var bytes = match.end - match.start + match_bytes;
        for (1..matches.groups.len + 1) |number| {
            const text = matches.group(number) orelse "";
            bytes += (text.len + "\"\",".len) * 2;
        }
        return bytes;
    }

    /// {"text", "start", "end", "groups", "named"} of the last match; places count code points.
    pub fn describe(matches: *Matches, match: Match) Error!Value {
        const ctx = matches.ctx;
        const listed = try ctx.allocator.alloc(Value, matches.groups.len);
        const named = try sdk.newObject(ctx.allocator);
        for (listed, matches.groups, 1..) |*value, name, number| {
            value.* = if (matches.group(number)) |text| .{ .string = text } else .null;
            if (name.len > 0) try named.put(ctx.allocator, name, value.*);
        }
        return ctx.value(.{
            .text = matches.text[match.start..match.end],
            .start = matches.count(match.start),
            .end = matches.count(match.end),
            .groups = @as([]const Value, listed),
            .named = named,
        });
    }

    fn count(matches: *Matches, place: usize) usize {
        matches.counted.code_points += sdk.text.count(matches.text[matches.counted.bytes..place]);
        matches.counted.bytes = place;
        return matches.counted.code_points;
    }
};

fn readFlags(input: Input) Error!sdk.pattern.Flags {
    var flags: sdk.pattern.Flags = .{};
    const given = try input.optionalText("flags") orelse return flags;
    for (given) |flag| switch (flag) {
        'i' => flags.ignores_case = true,
        'm' => flags.multiline = true,
        's' => flags.dot_all = true,
        else => return input.mistyped("flags", "made of the letters i, m and s", .{ .string = given }),
    };
    return flags;
}
