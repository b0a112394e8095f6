//! The text of a pattern -> a tree (ECMA-262, section 22.2.1, with the flag u; but a brace or bracket that closes or
//! counts nothing stands for itself, and so does an escaped punctuation mark). `{,2}` is refused, as the flag demands:
//! other languages read it as `{0,2}`, and without the flag it would be these four characters.

const std = @import("std");
const class = @import("class.zig");
const tree = @import("tree.zig");
const text = @import("../text.zig");
const Allocator = std.mem.Allocator;
const Node = tree.Node;
const Range = class.Range;

/// Groups within one another; they are parsed by recursion.
const max_depth = 50;
const max_count = 1000;

const too_deep = std.fmt.comptimePrint("groups are nested more than {d} levels deep", .{max_depth});
const count_too_large = std.fmt.comptimePrint("a repetition counts more than {d}", .{max_count});

pub const Error = Allocator.Error || error{InvalidPattern};

/// What closes ranges under case. Given as a function, its tables are only in a component that asks for it.
const CloseCase = *const fn (Allocator, []const Range) Allocator.Error![]const Range;

const Escape = union(enum) { code_point: u21, class: []const Range };

pub const Parser = struct {
    allocator: Allocator,
    source: []const u8,
    /// The flags `i`, `m` and `s` of ECMA-262.
    close_case: ?CloseCase = null,
    multiline: bool = false,
    dot_all: bool = false,
    /// The names of the groups, in their order; empty for those without.
    groups: std.ArrayList([]const u8) = .empty,
    at: usize = 0,
    depth: usize = 0,
    /// What is wrong, after error.InvalidPattern.
    problem: []const u8 = "",

    pub fn parse(parser: *Parser) Error!Node {
        const node = try parser.parseChoice();
        return if (parser.at == parser.source.len) node else parser.fail("a `)` closes no group");
    }

    fn fail(parser: *Parser, problem: []const u8) error{InvalidPattern} {
        parser.problem = problem;
        return error.InvalidPattern;
    }

    fn failAbout(parser: *Parser, comptime format: []const u8, subject: []const u8) Error {
        return parser.fail(try parser.allocator.print(format, .{subject}));
    }

    fn rest(parser: *const Parser) []const u8 {
        return parser.source[parser.at..];
    }

    fn peek(parser: *const Parser) ?u8 {
        return if (parser.at < parser.source.len) parser.source[parser.at] else null;
    }

    fn skip(parser: *Parser, prefix: []const u8) bool {
        if (!std.mem.startsWith(u8, parser.rest(), prefix)) return false;
        parser.at += prefix.len;
        return true;
    }

    /// There must be one.
    fn takeCodePoint(parser: *Parser) u21 {
        var code_points = text.codePoints(parser.rest());
        const code_point = code_points.nextCodepoint().?;
        parser.at += code_points.i;
        return code_point;
    }

    fn parseChoice(parser: *Parser) Error!Node {
        var nodes: std.ArrayList(Node) = .empty;
        while (true) {
            try nodes.append(parser.allocator, try parser.parseSequence());
            if (!parser.skip("|")) break;
        }
        return if (nodes.items.len == 1) nodes.items[0] else .{ .choice = nodes.items };
    }

    fn parseSequence(parser: *Parser) Error!Node {
        var nodes: std.ArrayList(Node) = .empty;
        while (parser.peek()) |char| {
            if (char == '|' or char == ')') break;
            const outer: u16 = @intCast(parser.groups.items.len);
            const atom = try parser.parseAtom();
            const is_bare_assertion = atom == .assertion and char != '(';
            try nodes.append(parser.allocator, try parser.parseRepeat(atom, outer, is_bare_assertion));
        }
        return switch (nodes.items.len) {
            0 => .empty,
            1 => nodes.items[0],
            else => .{ .sequence = nodes.items },
        };
    }

    fn parseAtom(parser: *Parser) Error!Node {
        const start = parser.at;
        const code_point = parser.takeCodePoint();
        switch (code_point) {
            '^' => return .{ .assertion = if (parser.multiline) .line_start else .start },
            '$' => return .{ .assertion = if (parser.multiline) .line_end else .end },
            '(' => return parser.parseGroup(),
            '[' => return parser.parseClass(),
            '.' => {
                const excluded: []const Range = if (parser.dot_all) &.{} else class.line_ends;
                return .{ .class = try class.complement(parser.allocator, excluded) };
            },
            '*', '+', '?' => return parser.fail("there is nothing to repeat before `*`, `+` or `?`"),
            '{' => {
                parser.at = start;
                if (try parser.parseCount() != null) return parser.fail("there is nothing to repeat before `{`");
                parser.at = start + 1;
            },
            '\\' => {
                if (parser.skip("b")) return .{ .assertion = .word_bound };
                if (parser.skip("B")) return .{ .assertion = .no_word_bound };
                return switch (try parser.parseEscape()) {
                    .class => |ranges| .{ .class = ranges },
                    .code_point => |escaped| parser.single(escaped),
                };
            },
            else => {},
        }
        return parser.single(code_point);
    }

    fn single(parser: *Parser, code_point: u21) Allocator.Error!Node {
        return .{ .class = try parser.anyCase(&.{.{ .first = code_point, .last = code_point }}) };
    }

    /// The ranges, with the flag `i` in whatever case. They are normalized.
    fn anyCase(parser: *Parser, ranges: []const Range) Allocator.Error![]const Range {
        if (parser.close_case) |close| return close(parser.allocator, ranges);
        return class.normalize(try parser.allocator.dupe(Range, ranges));
    }

    /// What follows "(".
    fn parseGroup(parser: *Parser) Error!Node {
        if (parser.depth == max_depth) return parser.fail(too_deep);
        const name = if (parser.skip("?")) try parser.parseGroupName() else "";
        if (name) |kept| try parser.addGroup(kept);
        const number: u16 = @intCast(parser.groups.items.len);
        parser.depth += 1;
        const node = try parser.parseChoice();
        parser.depth -= 1;
        if (!parser.skip(")")) return parser.fail("a group is not closed");
        if (name == null) return node;
        const inner = try parser.allocator.create(Node);
        inner.* = node;
        return .{ .group = .{ .node = inner, .number = number } };
    }

    fn addGroup(parser: *Parser, name: []const u8) Error!void {
        for (parser.groups.items) |other| {
            if (name.len > 0 and std.mem.eql(u8, name, other)) {
                return parser.failAbout("two groups have the name `{s}`", name);
            }
        }
        try parser.groups.append(parser.allocator, name);
    }

    /// What follows "(?". Null if the group is not kept.
    fn parseGroupName(parser: *Parser) Error!?[]const u8 {
        if (parser.skip(":")) return null;
        for ([_][]const u8{ "<=", "<!", "=", "!" }) |kind| {
            if (!parser.skip(kind)) continue;
            const name = if (kind.len == 2) "lookbehind" else "lookahead";
            return parser.fail(try parser.allocator.print("{s}, `(?{s}`, is not supported", .{ name, kind }));
        }
        if (!parser.skip("<")) return parser.fail("`(?` must be followed by `:` or a group's name, as in `(?<name>`");
        const length = std.mem.indexOfScalar(u8, parser.rest(), '>') orelse 0;
        if (length == 0) return parser.fail("a group's name is not closed");
        const name = parser.rest()[0..length];
        for (name) |char| {
            if (!std.ascii.isAlphanumeric(char) and char != '_' and char != '$' and char < 0x80) {
                return parser.fail("a group's name is made of letters, digits, `_` and `$`");
            }
        }
        parser.at += length + 1;
        return name;
    }

    /// `outer`: how many groups begin before the atom.
    fn parseRepeat(parser: *Parser, atom: Node, outer: u16, is_bare_assertion: bool) Error!Node {
        const count = try parser.parseCount() orelse return atom;
        const is_lazy = parser.skip("?");
        if (is_bare_assertion) return parser.fail("`^`, `$`, `\\b` and `\\B` cannot be repeated");
        const again = parser.at;
        if (try parser.parseCount() != null) {
            return parser.failAbout("there is nothing to repeat before `{s}`", parser.source[again..parser.at]);
        }
        const node = try parser.allocator.create(Node);
        node.* = atom;
        return .{ .repeat = .{
            .node = node,
            .min = count.min,
            .max = count.max,
            .is_lazy = is_lazy,
            .groups = .{ outer + 1, @intCast(parser.groups.items.len + 1) },
        } };
    }

    const Count = struct { min: u16, max: ?u16 };

    fn parseCount(parser: *Parser) Error!?Count {
        if (parser.skip("*")) return .{ .min = 0, .max = null };
        if (parser.skip("+")) return .{ .min = 1, .max = null };
        if (parser.skip("?")) return .{ .min = 0, .max = 1 };
        const start = parser.at;
        if (!parser.skip("{")) return null;
        const min = try parser.parseNumber() orelse {
            if (parser.restOfCountWithoutLeast()) |count| {
                return parser.fail(try parser.allocator.print("`{{{s}` has no least number; write `{{0{s}` for a " ++
                    "repetition, or `\\{{{s}` for the text", .{ count, count, count }));
            }
            parser.at = start;
            return null;
        };
        var max: ?u16 = min;
        if (parser.skip(",")) max = try parser.parseNumber();
        if (!parser.skip("}")) {
            parser.at = start;
            return null;
        }
        if (max) |most| if (most < min) return parser.fail("the numbers of a repetition are out of order");
        return .{ .min = min, .max = max };
    }

    /// What follows "{" if it is ",2}" or ",}".
    fn restOfCountWithoutLeast(parser: *const Parser) ?[]const u8 {
        const ahead = parser.rest();
        const end = std.mem.indexOfScalar(u8, ahead, '}') orelse return null;
        if (end == 0 or ahead[0] != ',') return null;
        for (ahead[1..end]) |char| if (!std.ascii.isDigit(char)) return null;
        return ahead[0 .. end + 1];
    }

    fn parseNumber(parser: *Parser) Error!?u16 {
        const start = parser.at;
        var number: u16 = 0;
        while (parser.peek()) |char| : (parser.at += 1) {
            if (!std.ascii.isDigit(char)) break;
            number = number * 10 + (char - '0');
            if (number > max_count) return parser.fail(count_too_large);
        }
        return if (parser.at > start) number else null;
    }

    /// What follows "[".
    fn parseClass(parser: *Parser) Error!Node {
        const is_negated = parser.skip("^");
        var ranges: std.ArrayList(Range) = .empty;
        while (!parser.skip("]")) {
            const first = switch (try parser.parseClassAtom()) {
                .class => |listed| {
                    try ranges.appendSlice(parser.allocator, listed);
                    if (parser.startsRange()) return parser.failAboutRange();
                    continue;
                },
                .code_point => |code_point| code_point,
            };
            var last = first;
            if (parser.startsRange()) {
                parser.at += 1;
                last = switch (try parser.parseClassAtom()) {
                    .class => return parser.failAboutRange(),
                    .code_point => |code_point| code_point,
                };
            }
            if (last < first) return parser.fail("the ends of a range are out of order");
            try ranges.append(parser.allocator, .{ .first = first, .last = last });
        }
        const listed = try parser.anyCase(ranges.items);
        return .{ .class = if (is_negated) try class.complement(parser.allocator, listed) else listed };
    }

    /// A hyphen that is not the last in its class.
    fn startsRange(parser: *const Parser) bool {
        const ahead = parser.rest();
        return ahead.len > 1 and ahead[0] == '-' and ahead[1] != ']';
    }

    fn failAboutRange(parser: *Parser) Error {
        return parser.fail("a range needs a character at each end");
    }

    fn parseClassAtom(parser: *Parser) Error!Escape {
        if (parser.at == parser.source.len) return parser.fail("a class is not closed");
        const code_point = parser.takeCodePoint();
        if (code_point != '\\') return .{ .code_point = code_point };
        return if (parser.skip("b")) .{ .code_point = 0x08 } else parser.parseEscape();
    }

    /// What follows a backslash, in a class or outside.
    fn parseEscape(parser: *Parser) Error!Escape {
        if (parser.at == parser.source.len) return parser.fail("the pattern ends with a backslash");
        const code_point = parser.takeCodePoint();
        switch (code_point) {
            'd' => return .{ .class = class.digits },
            'D' => return .{ .class = try class.complement(parser.allocator, class.digits) },
            'w' => return .{ .class = try parser.anyCase(class.words) },
            'W' => return .{ .class = try class.complement(parser.allocator, try parser.anyCase(class.words)) },
            's' => return .{ .class = class.spaces },
            'S' => return .{ .class = try class.complement(parser.allocator, class.spaces) },
            't' => return .{ .code_point = '\t' },
            'n' => return .{ .code_point = '\n' },
            'v' => return .{ .code_point = 0x0B },
            'f' => return .{ .code_point = 0x0C },
            'r' => return .{ .code_point = '\r' },
            'c' => return .{ .code_point = try parser.parseControl() },
            'x' => return .{ .code_point = try parser.parseHex(2) },
            'u' => return .{ .code_point = try parser.parseUnicode() },
            '0' => {
                if (parser.peek()) |char| if (std.ascii.isDigit(char)) return parser.fail("`\\0` before a digit");
                return .{ .code_point = 0 };
            },
            '1'...'9', 'k' => return parser.failAboutEscape("a backreference, `\\{s}`, is not supported", code_point),
            'p', 'P' => return parser.failAboutEscape("a Unicode property, `\\{s}`, is not supported", code_point),
            'a', 'e', 'g'...'j', 'l', 'm', 'o', 'q', 'y', 'z', 'A'...'C', 'E'...'O', 'Q', 'R', 'T'...'V', 'X'...'Z' => {
                return parser.failAboutEscape("there is no escape `\\{s}`", code_point);
            },
            else => return .{ .code_point = code_point },
        }
    }

    fn failAboutEscape(parser: *Parser, comptime format: []const u8, letter: u21) Error {
        return parser.failAbout(format, &.{@intCast(letter)});
    }

    fn parseControl(parser: *Parser) Error!u21 {
        const letter = parser.peek() orelse 0;
        if (!std.ascii.isAlphabetic(letter)) return parser.fail("a letter must follow `\\c`");
        parser.at += 1;
        return letter % 32;
    }

    fn parseHex(parser: *Parser, length: usize) Error!u21 {
        const problem = "hexadecimal digits must follow: `\\x41`, `\\u0041`, `\\u{41}`";
        if (parser.rest().len < length) return parser.fail(problem);
        var number: u32 = 0;
        for (parser.rest()[0..length]) |char| {
            number = number * 16 + (std.fmt.charToDigit(char, 16) catch return parser.fail(problem));
        }
        if (number > class.max_code_point) return parser.fail("a code point is at most `\\u{10FFFF}`");
        parser.at += length;
        return @intCast(number);
    }

    /// What follows "\u": two of them may make one code point.
    fn parseUnicode(parser: *Parser) Error!u21 {
        if (parser.skip("{")) {
            const length = std.mem.indexOfScalar(u8, parser.rest(), '}') orelse 0;
            if (length > 6) return parser.fail("a code point has at most six digits");
            const number = try parser.parseHex(@max(length, 1));
            parser.at += 1;
            return number;
        }
        const unit = try parser.parseHex(4);
        const start = parser.at;
        if (unit & 0xFC00 == 0xD800 and parser.skip("\\u")) {
            const low = try parser.parseHex(4);
            if (low & 0xFC00 == 0xDC00) return 0x10000 + ((unit & 0x3FF) << 10 | (low & 0x3FF));
            parser.at = start;
        }
        return unit;
    }
};
