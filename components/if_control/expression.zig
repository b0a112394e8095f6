//! The language of conditions, from its text to a tree:
//!
//!     any        = all { "or" all }
//!     all        = negation { "and" negation }
//!     negation   = "not" negation | comparison
//!     comparison = operand [ ("==" | "!=" | ">" | ">=" | "<" | "<=") operand ]
//!     operand    = "(" any ")" | text | number | "true" | "false" | "null" | path

const std = @import("std");
const sdk = @import("sdk");
const paths = sdk.path;
const Allocator = std.mem.Allocator;
const Value = sdk.Value;

pub const Operator = enum { @"==", @"!=", @">=", @"<=", @">", @"<" };

pub const Node = union(enum) {
    literal: Value,
    path: paths.Path,
    comparison: Comparison,
    not: *const Node,
    all: []const Node,
    any: []const Node,
};

pub const Comparison = struct {
    operator: Operator,
    /// The offset of the operator in the text.
    at: usize,
    left: *const Node,
    right: *const Node,
};

pub const Error = error{ OutOfMemory, Malformed };

/// Parentheses and `not`s within one another; more would not fit the stack.
const max_depth = 64;

const must_be_value = "a value or a path must stand here";

const must_be_hex = "four hexadecimal digits must follow `\\u`";

/// What people write who come from other languages.
const foreign_operators = [_]struct { u8, []const u8 }{
    .{ '=', "equality is written `==`" },
    .{ '&', "write `and`" },
    .{ '|', "write `or`" },
    .{ '!', "write `not`" },
};

pub const Parser = struct {
    allocator: Allocator,
    text: []const u8,
    at: usize = 0,
    depth: usize = 0,
    /// Why the last call answered Malformed. The offending place is `at`.
    fault: []const u8 = "",
    /// The first path that the condition reads.
    first_path: ?[]const u8 = null,

    pub fn parse(parser: *Parser) Error!Node {
        const node = try parser.parseAny();
        if (parser.at < parser.text.len) return parser.failToken("`and`, `or`, a comparison or the end must stand here");
        return node;
    }

    fn parseAny(parser: *Parser) Error!Node {
        const first = try parser.parseAll();
        if (!parser.takeWord("or")) return first;
        var nodes: std.ArrayList(Node) = .empty;
        try nodes.append(parser.allocator, first);
        while (true) {
            try nodes.append(parser.allocator, try parser.parseAll());
            if (!parser.takeWord("or")) return .{ .any = nodes.items };
        }
    }

    fn parseAll(parser: *Parser) Error!Node {
        const first = try parser.parseNegation();
        if (!parser.takeWord("and")) return first;
        var nodes: std.ArrayList(Node) = .empty;
        try nodes.append(parser.allocator, first);
        while (true) {
            try nodes.append(parser.allocator, try parser.parseNegation());
            if (!parser.takeWord("and")) return .{ .all = nodes.items };
        }
    }

    fn parseNegation(parser: *Parser) Error!Node {
        if (!parser.takeWord("not")) return parser.parseComparison();
        try parser.enter();
        defer parser.depth -= 1;
        return .{ .not = try parser.keep(try parser.parseNegation()) };
    }

    fn parseComparison(parser: *Parser) Error!Node {
        const left = try parser.parseOperand();
        parser.skipSpace();
        const at = parser.at;
        const operator = parser.takeOperator() orelse return left;
        const right = try parser.parseOperand();
        parser.skipSpace();
        const end = parser.at;
        if (parser.takeOperator() != null) {
            parser.at = end;
            return parser.fail("comparisons cannot be chained; join two of them with `and`");
        }
        return .{ .comparison = .{
            .operator = operator,
            .at = at,
            .left = try parser.keep(left),
            .right = try parser.keep(right),
        } };
    }

    fn parseOperand(parser: *Parser) Error!Node {
        parser.skipSpace();
        switch (parser.peek()) {
            '(' => {
                try parser.enter();
                defer parser.depth -= 1;
                parser.at += 1;
                const node = try parser.parseAny();
                if (parser.peek() != ')') return parser.failToken("`and`, `or`, a comparison or `)` must stand here");
                parser.at += 1;
                return node;
            },
            '"', '\'' => return .{ .literal = .{ .string = try parser.readText() } },
            '-', '0'...'9' => return .{ .literal = .{ .number = try parser.readNumber() } },
            else => return parser.readName(),
        }
    }

    /// A path, or a word that stands for a value.
    fn readName(parser: *Parser) Error!Node {
        const start = parser.at;
        const path = try paths.read(parser.allocator, parser.text, &parser.at, .words) orelse {
            if (parser.at == start) return parser.failToken(must_be_value);
            return parser.fail("this is no path like `a.b[0]`");
        };
        if (path.len == 1 and parser.text[start] != '[') {
            const words = enum { true, false, null, @"and", @"or", not };
            if (std.meta.stringToEnum(words, path[0])) |word| return switch (word) {
                .true, .false => .{ .literal = .{ .boolean = word == .true } },
                .null => .{ .literal = .null },
                .@"and", .@"or", .not => {
                    parser.at = start;
                    return parser.fail(must_be_value);
                },
            };
        }
        if (parser.first_path == null) parser.first_path = parser.text[start..parser.at];
        return .{ .path = path };
    }

    /// The escapes are those of JSON, and `\'`.
    fn readText(parser: *Parser) Error![]const u8 {
        const quote = parser.peek();
        parser.at += 1;
        const start = parser.at;
        while (parser.at < parser.text.len) : (parser.at += 1) {
            if (parser.peek() == quote) {
                parser.at += 1;
                return sdk.scan.unescape(parser.allocator, parser.text[start .. parser.at - 1]);
            }
            if (parser.peek() != '\\') continue;
            parser.at += 1;
            switch (parser.peek()) {
                '"', '\'', '\\', '/', 'b', 'f', 'n', 'r', 't' => {},
                'u' => for (0..4) |_| {
                    parser.at += 1;
                    if (!std.ascii.isHex(parser.peek())) return parser.fail(must_be_hex);
                },
                else => return parser.fail("there is no such escape"),
            }
        }
        return parser.fail("");
    }

    fn readNumber(parser: *Parser) Error![]const u8 {
        var scanner: sdk.scan.Scanner = .{ .allocator = parser.allocator, .text = parser.text[parser.at..] };
        const token = scanner.next() catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.InvalidJson => {
                parser.at += scanner.at;
                return parser.fail(scanner.fault);
            },
        };
        parser.at += scanner.at;
        if (parser.isInName() or parser.peek() == '.') return parser.fail("a number must end here");
        return token.number;
    }

    fn takeOperator(parser: *Parser) ?Operator {
        inline for (@typeInfo(Operator).@"enum".field_names) |name| {
            if (std.mem.startsWith(u8, parser.text[parser.at..], name)) {
                parser.at += name.len;
                return @field(Operator, name);
            }
        }
        return null;
    }

    fn takeWord(parser: *Parser, word: []const u8) bool {
        parser.skipSpace();
        const start = parser.at;
        if (!std.mem.startsWith(u8, parser.text[start..], word)) return false;
        parser.at += word.len;
        if (!parser.isInName() and parser.peek() != '.') return true;
        parser.at = start;
        return false;
    }

    /// Whether the character at hand would belong to a name.
    fn isInName(parser: *const Parser) bool {
        var code_points = sdk.text.codePoints(parser.text);
        code_points.i = parser.at;
        return paths.isNameCharacter(code_points.nextCodepoint() orelse return false);
    }

    fn skipSpace(parser: *Parser) void {
        while (parser.at < parser.text.len and std.ascii.isWhitespace(parser.peek())) parser.at += 1;
    }

    /// The byte at hand; 0, which stands for nothing, at the end.
    fn peek(parser: *const Parser) u8 {
        return if (parser.at < parser.text.len) parser.text[parser.at] else 0;
    }

    fn enter(parser: *Parser) Error!void {
        parser.depth += 1;
        const too_deep = comptime std.fmt.comptimePrint("it is nested more than {d} levels deep", .{max_depth});
        if (parser.depth > max_depth) return parser.fail(too_deep);
    }

    fn keep(parser: *Parser, node: Node) Error!*const Node {
        const kept = try parser.allocator.create(Node);
        kept.* = node;
        return kept;
    }

    fn fail(parser: *Parser, reason: []const u8) Error {
        parser.fault = reason;
        if (parser.at >= parser.text.len) parser.fault = "the condition ends too early";
        return error.Malformed;
    }

    /// The same where an operator or an operand is missing.
    fn failToken(parser: *Parser, reason: []const u8) Error {
        for (foreign_operators) |operator| {
            if (parser.peek() == operator[0]) return parser.fail(operator[1]);
        }
        return parser.fail(reason);
    }
};
