//! Selectors (CSS Selectors Level 4, as far as documents without a browser have them): text -> alternatives of compounds.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;

const max_depth = 10;
const max_compounds = 50;
const max_bytes = 5_000;

pub const Combinator = enum { descendant, child, next, later };

pub const Comparison = enum { exists, equals, word, dash, prefix, suffix, contains };

pub const AttributeTest = struct { name: []const u8, comparison: Comparison, value: []const u8 = "", ignores_case: bool = false };

/// The a*n + b of `:nth-child` and its like.
pub const Nth = struct { a: i32, b: i32, from_end: bool, of_type: bool };

pub const Test = union(enum) {
    tag: []const u8,
    id: []const u8,
    class: []const u8,
    attribute: AttributeTest,
    nth: Nth,
    only: struct { of_type: bool },
    empty,
    root,
    any_of: []const Selector,
    none_of: []const Selector,
    /// Whether something within, or beside, matches: relative selectors.
    has: []const Selector,
};

pub const Compound = struct {
    tests: []const Test,
    /// How it is reached from the compound before it; of a relative selector's first one, from where it is asked.
    combinator: Combinator = .descendant,
};

/// Compounds from left to right.
pub const Selector = []const Compound;

/// `told` is the field's name, for messages.
pub fn parse(ctx: *Context, told: []const u8, source: []const u8) Error![]const Selector {
    var parser: Parser = .{ .ctx = ctx, .told = told, .source = source };
    if (source.len > max_bytes) return parser.fail("it has more than 5,000 bytes");
    const selectors = try parser.parseList(false, 0);
    return if (parser.at == source.len) selectors else parser.failBehind();
}

const Parser = struct {
    ctx: *Context,
    told: []const u8,
    source: []const u8,
    at: usize = 0,

    fn failBehind(parser: *const Parser) Error {
        const is_at = parser.at < parser.source.len and parser.source[parser.at] == '@';
        return parser.fail(if (is_at) "a selector has no attributes to read, `fields` has" else "a selector cannot go on with it");
    }

    fn fail(parser: *const Parser, reason: []const u8) Error {
        const rest = parser.source[parser.at..];
        const place = if (rest.len == 0) "its end" else try parser.ctx.print("`{s}`", .{sdk.text.prefix(rest, 20)});
        const message = "`{s}` is no selector: at {s}, {s}.";
        return parser.ctx.fail("INVALID_SELECTOR", try parser.ctx.print(message, .{ parser.told, place, reason }));
    }

    fn peek(parser: *const Parser) u8 {
        return if (parser.at < parser.source.len) parser.source[parser.at] else 0;
    }

    fn skip(parser: *Parser, char: u8) bool {
        if (parser.peek() != char) return false;
        parser.at += 1;
        return true;
    }

    fn skipSpace(parser: *Parser) bool {
        const start = parser.at;
        while (parser.at < parser.source.len and std.ascii.isWhitespace(parser.source[parser.at])) parser.at += 1;
        return parser.at > start;
    }

    fn parseList(parser: *Parser, is_relative: bool, depth: usize) Error![]const Selector {
        if (depth > max_depth) return parser.fail("selectors are nested more than 10 levels deep");
        var selectors: std.ArrayList(Selector) = .empty;
        while (true) {
            try selectors.append(parser.ctx.allocator, try parser.parseSelector(is_relative, depth));
            if (!parser.skip(',')) return selectors.items;
        }
    }

    fn parseSelector(parser: *Parser, is_relative: bool, depth: usize) Error!Selector {
        var compounds: std.ArrayList(Compound) = .empty;
        _ = parser.skipSpace();
        var combinator: Combinator = if (is_relative) parser.takeCombinator() orelse .descendant else .descendant;
        while (true) {
            if (compounds.items.len == max_compounds) return parser.fail("a selector has more than 50 steps");
            const tests = try parser.parseCompound(depth);
            try compounds.append(parser.ctx.allocator, .{ .tests = tests, .combinator = combinator });
            const has_space = parser.skipSpace();
            switch (parser.peek()) {
                0, ',', ')' => return compounds.items,
                else => combinator = parser.takeCombinator() orelse if (has_space) .descendant else return parser.failBehind(),
            }
        }
    }

    fn takeCombinator(parser: *Parser) ?Combinator {
        const found: Combinator = switch (parser.peek()) {
            '>' => .child,
            '+' => .next,
            '~' => .later,
            else => return null,
        };
        parser.at += 1;
        _ = parser.skipSpace();
        return found;
    }

    fn parseCompound(parser: *Parser, depth: usize) Error![]const Test {
        var tests: std.ArrayList(Test) = .empty;
        const start = parser.at;
        const is_any = parser.skip('*');
        if (!is_any and isNameStart(parser.source[parser.at..])) {
            try tests.append(parser.ctx.allocator, .{ .tag = try parser.takeName() });
        }
        while (true) {
            const made: Test = switch (parser.peek()) {
                '#' => blk: {
                    parser.at += 1;
                    break :blk .{ .id = try parser.takeName() };
                },
                '.' => blk: {
                    parser.at += 1;
                    break :blk .{ .class = try parser.takeName() };
                },
                '[' => .{ .attribute = try parser.parseAttribute() },
                ':' => try parser.parsePseudo(depth),
                else => break,
            };
            try tests.append(parser.ctx.allocator, made);
        }
        if (parser.at == start) return parser.fail("a tag, `.class`, `#id`, `[attribute]` or `:` is due");
        return tests.items;
    }

    /// A letter, `_`, `-`, an escape, or what is not ASCII.
    fn isNameStart(rest: []const u8) bool {
        if (rest.len == 0) return false;
        return std.ascii.isAlphabetic(rest[0]) or rest[0] == '_' or rest[0] == '-' or rest[0] == '\\' or rest[0] >= 0x80;
    }

    /// An identifier (CSS Syntax Level 3), its escapes decoded.
    fn takeName(parser: *Parser) Error![]const u8 {
        var name: std.ArrayList(u8) = .empty;
        while (parser.at < parser.source.len) {
            const char = parser.source[parser.at];
            if (char == '\\') {
                try parser.takeEscape(&name);
            } else if (std.ascii.isAlphanumeric(char) or char == '_' or char == '-' or char >= 0x80) {
                try name.append(parser.ctx.allocator, char);
                parser.at += 1;
            } else break;
        }
        return if (name.items.len > 0) name.items else parser.fail("a name is due");
    }

    fn takeEscape(parser: *Parser, target: *std.ArrayList(u8)) Error!void {
        parser.at += 1;
        const start = parser.at;
        while (parser.at < parser.source.len and parser.at < start + 6 and std.ascii.isHex(parser.source[parser.at])) parser.at += 1;
        if (parser.at > start) {
            const number = std.fmt.parseInt(u24, parser.source[start..parser.at], 16) catch unreachable;
            if (parser.at < parser.source.len and std.ascii.isWhitespace(parser.source[parser.at])) parser.at += 1;
            const code_point: u21 = if (number == 0 or number > 0x10FFFF) 0xFFFD else @intCast(number);
            return sdk.text.append(target, parser.ctx.allocator, code_point);
        }
        if (parser.at == parser.source.len) return parser.fail("an escape is not complete");
        const escaped = sdk.text.prefix(parser.source[parser.at..], 1);
        try target.appendSlice(parser.ctx.allocator, escaped);
        parser.at += escaped.len;
    }

    fn takeString(parser: *Parser) Error![]const u8 {
        const quote = parser.peek();
        if (quote != '"' and quote != '\'') return parser.takeName();
        parser.at += 1;
        var value: std.ArrayList(u8) = .empty;
        while (parser.at < parser.source.len) {
            const char = parser.source[parser.at];
            if (char == '\\') {
                try parser.takeEscape(&value);
                continue;
            }
            parser.at += 1;
            if (char == quote) return value.items;
            try value.append(parser.ctx.allocator, char);
        }
        return parser.fail("a quote is not closed");
    }

    fn parseAttribute(parser: *Parser) Error!AttributeTest {
        parser.at += 1;
        _ = parser.skipSpace();
        const name = try parser.takeName();
        _ = parser.skipSpace();
        if (parser.skip(']')) return .{ .name = name, .comparison = .exists };
        const comparison: Comparison = switch (parser.peek()) {
            '=' => .equals,
            '~' => .word,
            '|' => .dash,
            '^' => .prefix,
            '$' => .suffix,
            '*' => .contains,
            else => return parser.fail("`]`, `=`, `~=`, `|=`, `^=`, `$=` or `*=` is due"),
        };
        if (comparison != .equals) parser.at += 1;
        if (!parser.skip('=')) return parser.fail("a `=` is due");
        _ = parser.skipSpace();
        const value = try parser.takeString();
        const has_space = parser.skipSpace();
        const ignores_case = parser.skip('i') or parser.skip('I');
        if (!ignores_case and has_space) _ = parser.skip('s') or parser.skip('S');
        _ = parser.skipSpace();
        if (!parser.skip(']')) return parser.fail("a `]` is due");
        return .{ .name = name, .comparison = comparison, .value = value, .ignores_case = ignores_case };
    }

    fn parsePseudo(parser: *Parser, depth: usize) Error!Test {
        const start = parser.at;
        parser.at += 1;
        const name = try parser.takeName();
        const plain = [_]struct { []const u8, Test }{
            .{ "first-child", .{ .nth = .{ .a = 0, .b = 1, .from_end = false, .of_type = false } } },
            .{ "last-child", .{ .nth = .{ .a = 0, .b = 1, .from_end = true, .of_type = false } } },
            .{ "first-of-type", .{ .nth = .{ .a = 0, .b = 1, .from_end = false, .of_type = true } } },
            .{ "last-of-type", .{ .nth = .{ .a = 0, .b = 1, .from_end = true, .of_type = true } } },
            .{ "only-child", .{ .only = .{ .of_type = false } } },
            .{ "only-of-type", .{ .only = .{ .of_type = true } } },
            .{ "empty", .empty },
            .{ "root", .root },
        };
        if (!parser.skip('(')) {
            for (plain) |known| if (std.ascii.eqlIgnoreCase(name, known[0])) return known[1];
        } else {
            const made = try parser.parseFunction(name, depth);
            _ = parser.skipSpace();
            if (made) |found| return if (parser.skip(')')) found else parser.fail("a `)` is due");
        }
        parser.at = start;
        return parser.fail("it is not supported; `:not`, `:is`, `:has`, `:nth-child`, `:first-child` and their like are");
    }

    fn parseFunction(parser: *Parser, name: []const u8, depth: usize) Error!?Test {
        const counting = [_]struct { []const u8, bool, bool }{
            .{ "nth-child", false, false },  .{ "nth-last-child", true, false },
            .{ "nth-of-type", false, true }, .{ "nth-last-of-type", true, true },
        };
        for (counting) |known| {
            if (!std.ascii.eqlIgnoreCase(name, known[0])) continue;
            const a, const b = try parser.parseNth();
            return .{ .nth = .{ .a = a, .b = b, .from_end = known[1], .of_type = known[2] } };
        }
        if (std.ascii.eqlIgnoreCase(name, "not")) return .{ .none_of = try parser.parseList(false, depth + 1) };
        if (std.ascii.eqlIgnoreCase(name, "has")) return .{ .has = try parser.parseList(true, depth + 1) };
        if (std.ascii.eqlIgnoreCase(name, "is") or std.ascii.eqlIgnoreCase(name, "where")) {
            return .{ .any_of = try parser.parseList(false, depth + 1) };
        }
        return null;
    }

    /// odd, even, 3, n, -n+2, 2n-1.
    fn parseNth(parser: *Parser) Error!struct { i32, i32 } {
        _ = parser.skipSpace();
        const rest = parser.source[parser.at..];
        for ([_][]const u8{ "odd", "even" }, 0..) |word, even| {
            if (std.ascii.startsWithIgnoreCase(rest, word)) {
                parser.at += word.len;
                return .{ 2, if (even == 0) 1 else 0 };
            }
        }
        const negative = parser.skip('-');
        if (!negative) _ = parser.skip('+');
        const number = parser.takeNumber();
        const size = number orelse 1;
        const signed = if (negative) -size else size;
        if (!parser.skip('n') and !parser.skip('N')) {
            return if (number != null) .{ 0, signed } else parser.fail("a number, `odd`, `even` or a form like 2n+1 is due");
        }
        _ = parser.skipSpace();
        const sign: i32 = if (parser.skip('+')) 1 else if (parser.skip('-')) -1 else return .{ signed, 0 };
        _ = parser.skipSpace();
        const offset = parser.takeNumber() orelse return parser.fail("a number is due");
        return .{ signed, sign * offset };
    }

    fn takeNumber(parser: *Parser) ?i32 {
        const start = parser.at;
        while (parser.at < parser.source.len and std.ascii.isDigit(parser.source[parser.at])) parser.at += 1;
        const digits = parser.source[start..parser.at];
        if (digits.len == 0) return null;
        return std.fmt.parseInt(i32, digits[0..@min(digits.len, 8)], 10) catch unreachable;
    }
};
