//! JSON text -> Value. Of members with the same name the last one counts, as in Python and JavaScript.

const std = @import("std");
const Allocator = std.mem.Allocator;
const json = @import("json.zig");
const scan = @import("scan.zig");
const Value = json.Value;

/// Levels of lists and objects. Values are walked by recursion, and this many levels fit the stack of 128 KiB.
pub const max_depth = 128;

const too_deep = std.fmt.comptimePrint("it is nested more than {d} levels deep", .{max_depth});

pub const Error = scan.Error || error{TooDeep};

pub const Parser = struct {
    scanner: scan.Scanner,

    pub fn init(allocator: Allocator, text: []const u8) Parser {
        return .{ .scanner = .{ .allocator = allocator, .text = text } };
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
            .number => |lexeme| .{ .number = lexeme },
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
