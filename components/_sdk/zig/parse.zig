//! JSON text -> Value. Of members with the same name the last one counts, as in Python and JavaScript.

const std = @import("std");
const Allocator = std.mem.Allocator;
const json = @import("json.zig");
const number = @import("number.zig");
const scan = @import("scan.zig");
const Value = json.Value;

/// Levels of lists and objects. Values are walked by recursion, and this many levels fit the stack of 128 KiB.
pub const max_depth = 128;

const too_deep = std.fmt.comptimePrint("it is nested more than {d} levels deep", .{max_depth});

pub const Error = scan.Error || error{TooDeep};

pub const Parser = struct {
    scanner: scan.Scanner,
    /// Whether a number that no double comes near, such as 1e400, becomes a string of its digits.
    beyond_double: enum { number, string } = .number,

    pub fn init(allocator: Allocator, text: []const u8) Parser {
        return .{ .scanner = .{ .allocator = allocator, .text = text } };
    }

    /// For JSON of others, which goes on to others: a byte order mark is skipped, and the numbers are such as everybody
    /// reads. Beyond a double's range they are strings; all others, of however many digits, stay as they are written.
    pub fn initForeign(allocator: Allocator, text: []const u8) Parser {
        const mark = "\u{FEFF}";
        const start = if (std.mem.startsWith(u8, text, mark)) mark.len else 0;
        return .{ .scanner = .{ .allocator = allocator, .text = text[start..] }, .beyond_double = .string };
    }

    /// Parse the whole text (WTF-8). After an error `explain` says what and where.
    pub fn parse(parser: *Parser) Error!Value {
        const value = try parser.parseValue(try parser.scanner.next());
        _ = try parser.scanner.next();
        return value;
    }

    /// "a value must stand here (line 1, column 5)".
    pub fn explain(parser: *const Parser, failure: error{ InvalidJson, TooDeep }) Allocator.Error![]const u8 {
        return switch (failure) {
            error.InvalidJson => parser.scanner.explain(),
            error.TooDeep => parser.scanner.locate(too_deep),
        };
    }

    fn parseValue(parser: *Parser, token: scan.Token) Error!Value {
        if (parser.scanner.open.items.len > max_depth) return error.TooDeep;
        return switch (token) {
            .null => .null,
            .boolean => |flag| .{ .boolean = flag },
            .number => |lexeme| if (parser.beyond_double == .string and isBeyondDouble(lexeme))
                .{ .string = lexeme }
            else
                .{ .number = lexeme },
            .string => |raw| .{ .string = try scan.unescape(parser.scanner.allocator, raw) },
            .array_begin => parser.parseArray(),
            .object_begin => parser.parseObject(),
            .name, .array_end, .object_end, .end => unreachable,
        };
    }

    fn parseArray(parser: *Parser) Error!Value {
        var items: std.ArrayList(Value) = .empty;
        while (true) {
            const token = try parser.scanner.next();
            if (token == .array_end) return .{ .array = items.items };
            try items.append(parser.scanner.allocator, try parser.parseValue(token));
        }
    }

    fn parseObject(parser: *Parser) Error!Value {
        const allocator = parser.scanner.allocator;
        const object = try json.newObject(allocator);
        while (true) {
            const token = try parser.scanner.next();
            if (token == .object_end) return .{ .object = object };
            const name = try scan.unescape(allocator, token.name);
            try object.put(allocator, name, try parser.parseValue(try parser.scanner.next()));
        }
    }
};

/// From here on the nearest double is infinite: 2^1024 - 2^970, its digits after these cut off.
const infinite_from = "1.797693134862315807937289714053e308";

/// No number of fewer than 309 bytes without an exponent is. (Text is compared: reading a double takes 20 KB of code.)
fn isBeyondDouble(lexeme: []const u8) bool {
    if (lexeme.len < 309 and std.mem.indexOfAny(u8, lexeme, "eE") == null) return false;
    return number.order(lexeme[@intFromBool(lexeme[0] == '-')..], infinite_from) != .lt;
}

test "numbers beyond a double, and a byte order mark" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const zeros: [308]u8 = @splat('0');
    const integer = "1" ++ zeros;
    var parser: Parser = .initForeign(arena.allocator(), "\u{FEFF}[1e400,-1E+309,1e308,1e-400,12345678901234567890," ++
        integer ++ "," ++ integer ++ "0]");
    const items = (try parser.parse()).array;
    for ([_]bool{ true, true, false, false, false, false, true }, items) |is_beyond, item| {
        try std.testing.expectEqual(is_beyond, item == .string);
    }
    var own: Parser = .init(arena.allocator(), "1e400");
    try std.testing.expectEqualStrings("1e400", (try own.parse()).number);
}
