//! Regular expressions in time linear in the text, whoever wrote them: what JSON Schema recommends of ECMA-262, with its
//! flag u. There are no backreferences and no lookaround, because those cannot be matched so.
//!
//!     const compiled = try sdk.pattern.compile(allocator, "^[a-z]+$");
//!     switch (compiled) {
//!         .problem => |problem| ...,                                  // "the group is not closed"
//!         .program => |*program| try matcher.isFound(program, text), // anywhere in the text
//!     }

const std = @import("std");
const fold = @import("pattern/fold.zig");
const parse = @import("pattern/parse.zig");
const program = @import("pattern/program.zig");
const Allocator = std.mem.Allocator;

pub const Program = program.Program;
pub const Matcher = @import("pattern/match.zig").Matcher;

/// `i`, `m` and `s` of ECMA-262; `u` always holds.
pub const Flags = struct { ignores_case: bool = false, multiline: bool = false, dot_all: bool = false };
const find = @import("pattern/find.zig");
pub const Finder = find.Finder;
pub const none = find.none;

/// `problem` says what is wrong with the pattern, or what it has that is not supported.
pub const Outcome = union(enum) { program: Program, problem: []const u8 };

pub fn compile(allocator: Allocator, source: []const u8) Allocator.Error!Outcome {
    var parser: parse.Parser = .{ .allocator = allocator, .source = source };
    const root = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidPattern => return .{ .problem = parser.problem },
    };
    const compiled = program.emit(allocator, root) catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.TooLarge => return .{ .problem = program.too_large },
    };
    return .{ .program = compiled };
}

/// A pattern with what it is to find: `groups` are the names of its groups, in order, empty for those without.
pub const Finding = union(enum) {
    pattern: struct { program: Program, groups: []const []const u8 },
    problem: []const u8,
};

pub fn compileFinding(allocator: Allocator, source: []const u8, flags: Flags) Allocator.Error!Finding {
    var parser: parse.Parser = .{
        .allocator = allocator,
        .source = source,
        .close_case = if (flags.ignores_case) fold.close else null,
        .multiline = flags.multiline,
        .dot_all = flags.dot_all,
    };
    const root = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidPattern => return .{ .problem = parser.problem },
    };
    const compiled = program.emitSaving(allocator, root, parser.groups.items.len) catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.TooLarge => return .{ .problem = program.too_large },
    };
    return .{ .pattern = .{ .program = compiled, .groups = parser.groups.items } };
}

test {
    _ = @import("pattern/class.zig");
}

fn expectFound(expected: bool, source: []const u8, text: []const u8) !void {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const compiled = try compile(arena.allocator(), source);
    var matcher: Matcher = .{ .allocator = arena.allocator() };
    std.testing.expectEqual(expected, matcher.isFound(&compiled.program, text)) catch |failure| {
        std.debug.print("pattern {s}, text {s}\n", .{ source, text });
        return failure;
    };
}

test "patterns" {
    for ([_]struct { []const u8, []const u8, bool }{
        .{ "", "", true },               .{ "b", "abc", true },            .{ "^b", "abc", false },
        .{ "a|b|", "x", true },          .{ "^(?:a|bc)*$", "abca", true }, .{ "^(?:a|bc)*$", "ab", false },
        .{ "^a{2,3}$", "aaa", true },    .{ "^a{2,3}$", "aaaa", false },   .{ "^(a*)*$", "aab", false },
        .{ "\\bfoo\\b", "a foo", true }, .{ "\\bfoo\\b", "afoo", false },
        .{ "^[^\\d\\s]+$", "aé", true },
        .{ "^.$", "😀", true },
        .{ "^.$", "\n", false },
        .{ "^\\u{1F600}$", "😀", true },
    }) |case| try expectFound(case[2], case[0], case[1]);
}

test "what is not supported" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    for ([_][]const u8{
        "(a", "a)", "*", "a**", "[a", "\\1", "(?=a)", "(?<!a)", "\\p{L}", "a{2,1}", "a{,2}", "a{,}", "\\", "(a{1,1000}){1,1000}", "[b-a]",
    }) |source| try std.testing.expect(try compile(arena.allocator(), source) == .problem);
}
