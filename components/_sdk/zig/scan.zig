//! The grammar of JSON (RFC 8259), token by token. Nesting costs one byte a level and no stack, so any depth is read.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const Token = union(enum) {
    object_begin,
    object_end,
    array_begin,
    array_end,
    /// A member's name, between its quotes and with its escapes.
    name: []const u8,
    /// The same for a string that is a value. `unescape` decodes both.
    string: []const u8,
    number: []const u8,
    boolean: bool,
    null,
    /// The text is complete.
    end,
};

pub const Error = error{ OutOfMemory, InvalidJson };

/// Lines and columns count from 1, columns in code points.
const Position = struct { line: usize, column: usize };

pub const Scanner = struct {
    allocator: Allocator,
    /// WTF-8.
    text: []const u8,
    at: usize = 0,
    /// The containers that are open: '{' or '['.
    open: std.ArrayList(u8) = .empty,
    next_is: enum { value, item_or_end, name_or_end, name, separator_or_end } = .value,
    /// Why the last call answered InvalidJson. The offending place is `at`.
    fault: []const u8 = "",

    pub fn next(scanner: *Scanner) Error!Token {
        scanner.skipSpace();
        switch (scanner.next_is) {
            .value => return scanner.readValue(),
            .item_or_end => return if (scanner.peek() == ']') scanner.close() else scanner.readValue(),
            .name_or_end => return if (scanner.peek() == '}') scanner.close() else scanner.readName(),
            .name => return scanner.readName(),
            .separator_or_end => {},
        }
        const container = scanner.open.last() orelse {
            return if (scanner.at == scanner.text.len) .end else scanner.fail("there is more after the value");
        };
        const found = scanner.peek();
        if (found == (if (container == '{') @as(u8, '}') else ']')) return scanner.close();
        if (found != ',') {
            return scanner.fail(if (container == '{') "a comma or `}` must follow" else "a comma or `]` must follow");
        }
        scanner.at += 1;
        scanner.skipSpace();
        return if (container == '{') scanner.readName() else scanner.readValue();
    }

    /// After InvalidJson: "a value must stand here (line 1, column 5)".
    pub fn explain(scanner: *const Scanner) Allocator.Error![]const u8 {
        return scanner.locate(scanner.fault);
    }

    /// `reason` with the place where the scanner stands.
    pub fn locate(scanner: *const Scanner, reason: []const u8) Allocator.Error![]const u8 {
        const place = scanner.position();
        return scanner.allocator.print("{s} (line {d}, column {d})", .{ reason, place.line, place.column });
    }

    /// Where the scanner stands.
    fn position(scanner: *const Scanner) Position {
        const before = scanner.text[0..scanner.at];
        const line_start = if (std.mem.lastIndexOfScalar(u8, before, '\n')) |newline| newline + 1 else 0;
        var column: usize = 1;
        for (before[line_start..]) |byte| column += @intFromBool(byte & 0xC0 != 0x80);
        return .{ .line = 1 + std.mem.count(u8, before, "\n"), .column = column };
    }

    /// The byte at hand; 0, which no token begins with, at the end.
    fn peek(scanner: *const Scanner) u8 {
        return if (scanner.at < scanner.text.len) scanner.text[scanner.at] else 0;
    }

    fn fail(scanner: *Scanner, reason: []const u8) Error {
        scanner.fault = if (scanner.at >= scanner.text.len) "the text ends too early" else reason;
        return error.InvalidJson;
    }

    fn skipSpace(scanner: *Scanner) void {
        while (scanner.at < scanner.text.len) : (scanner.at += 1) {
            switch (scanner.text[scanner.at]) {
                ' ', '\t', '\n', '\r' => {},
                else => return,
            }
        }
    }

    fn readValue(scanner: *Scanner) Error!Token {
        const first = scanner.peek();
        switch (first) {
            '{', '[' => {
                try scanner.open.append(scanner.allocator, first);
                scanner.at += 1;
                scanner.next_is = if (first == '{') .name_or_end else .item_or_end;
                return if (first == '{') .object_begin else .array_begin;
            },
            else => {},
        }
        scanner.next_is = .separator_or_end;
        switch (first) {
            '"' => return .{ .string = try scanner.readString() },
            '-', '0'...'9' => return .{ .number = try scanner.readNumber() },
            't' => return scanner.readWord("true", .{ .boolean = true }),
            'f' => return scanner.readWord("false", .{ .boolean = false }),
            'n' => return scanner.readWord("null", .null),
            else => {},
        }
        const has_mark = std.mem.startsWith(u8, scanner.text[scanner.at..], "\u{FEFF}");
        return scanner.fail(if (has_mark) "there is a byte order mark" else "a value must stand here");
    }

    fn close(scanner: *Scanner) Token {
        scanner.at += 1;
        scanner.next_is = .separator_or_end;
        return if (scanner.open.pop() == '{') .object_end else .array_end;
    }

    fn readWord(scanner: *Scanner, comptime word: []const u8, token: Token) Error!Token {
        for (word) |letter| {
            if (scanner.peek() != letter) return scanner.fail("only the words `true`, `false` and `null` are known");
            scanner.at += 1;
        }
        return token;
    }

    fn readName(scanner: *Scanner) Error!Token {
        if (scanner.peek() != '"') return scanner.fail("a member's name in double quotes must stand here");
        const name = try scanner.readString();
        scanner.skipSpace();
        if (scanner.peek() != ':') return scanner.fail("a colon must follow the member's name");
        scanner.at += 1;
        scanner.next_is = .value;
        return .{ .name = name };
    }

    fn readString(scanner: *Scanner) Error![]const u8 {
        scanner.at += 1;
        const start = scanner.at;
        while (scanner.at < scanner.text.len) : (scanner.at += 1) {
            switch (scanner.text[scanner.at]) {
                '"' => {
                    scanner.at += 1;
                    return scanner.text[start .. scanner.at - 1];
                },
                '\\' => try scanner.readEscape(),
                0...0x1F => return scanner.fail("a control character in a string must be escaped"),
                else => {},
            }
        }
        return scanner.fail("");
    }

    /// Leaves `at` on the last character of the escape.
    fn readEscape(scanner: *Scanner) Error!void {
        scanner.at += 1;
        switch (scanner.peek()) {
            '"', '\\', '/', 'b', 'f', 'n', 'r', 't' => {},
            'u' => for (0..4) |_| {
                scanner.at += 1;
                if (!std.ascii.isHex(scanner.peek())) return scanner.fail("four hexadecimal digits must follow `\\u`");
            },
            else => return scanner.fail("there is no such escape"),
        }
    }

    fn readNumber(scanner: *Scanner) Error![]const u8 {
        const start = scanner.at;
        if (scanner.peek() == '-') scanner.at += 1;
        if (scanner.peek() == '0') {
            scanner.at += 1;
            if (std.ascii.isDigit(scanner.peek())) return scanner.fail("a number must not begin with zeros");
        } else try scanner.readDigits();
        if (scanner.peek() == '.') {
            scanner.at += 1;
            try scanner.readDigits();
        }
        if (scanner.peek() | 0x20 == 'e') {
            scanner.at += 1;
            if (scanner.peek() == '+' or scanner.peek() == '-') scanner.at += 1;
            try scanner.readDigits();
        }
        return scanner.text[start..scanner.at];
    }

    fn readDigits(scanner: *Scanner) Error!void {
        if (!std.ascii.isDigit(scanner.peek())) return scanner.fail("a digit must stand here");
        while (std.ascii.isDigit(scanner.peek())) scanner.at += 1;
    }
};

/// Decode the escapes of a string that a Scanner has read. Returns `raw` itself where there are none.
pub fn unescape(allocator: Allocator, raw: []const u8) Allocator.Error![]const u8 {
    if (std.mem.indexOfScalar(u8, raw, '\\') == null) return raw;
    var decoded: std.ArrayList(u8) = try .initCapacity(allocator, raw.len);
    var at: usize = 0;
    while (at < raw.len) {
        if (raw[at] != '\\') {
            decoded.appendAssumeCapacity(raw[at]);
            at += 1;
            continue;
        }
        switch (raw[at + 1]) {
            'b' => decoded.appendAssumeCapacity(0x08),
            'f' => decoded.appendAssumeCapacity(0x0C),
            'n' => decoded.appendAssumeCapacity('\n'),
            'r' => decoded.appendAssumeCapacity('\r'),
            't' => decoded.appendAssumeCapacity('\t'),
            'u' => {
                at += appendUnicodeEscape(&decoded, raw[at..]);
                continue;
            },
            else => |quoted| decoded.appendAssumeCapacity(quoted),
        }
        at += 2;
    }
    return decoded.items;
}

/// Decode `\uXXXX`, or the two of a surrogate pair, at the start of `raw`. Returns how many bytes it took.
fn appendUnicodeEscape(decoded: *std.ArrayList(u8), raw: []const u8) usize {
    var code_point: u21 = parseHex(raw[2..6]);
    var taken: usize = 6;
    if (code_point & 0x1FFC00 == 0xD800 and std.mem.startsWith(u8, raw[6..], "\\u")) {
        const second: u21 = parseHex(raw[8..12]);
        if (second & 0x1FFC00 == 0xDC00) {
            code_point = 0x10000 + ((code_point & 0x3FF) << 10) + (second & 0x3FF);
            taken = 12;
        }
    }
    var bytes: [4]u8 = undefined;
    const length = std.unicode.wtf8Encode(code_point, &bytes) catch unreachable;
    decoded.appendSliceAssumeCapacity(bytes[0..length]);
    return taken;
}

fn parseHex(digits: *const [4]u8) u16 {
    return std.fmt.parseInt(u16, digits, 16) catch unreachable;
}

fn expectScan(expected: bool, text: []const u8) !void {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    var scanner: Scanner = .{ .allocator = arena.allocator(), .text = text };
    const valid = while (scanner.next()) |token| {
        if (token == .end) break true;
    } else |_| false;
    try std.testing.expectEqual(expected, valid);
}

test "the grammar" {
    for ([_][]const u8{ "0", "-0", "1.5e+3", "[]", "{}", " [1 , {\"a\":[true,false,null]}] ", "\"\\ud800\"" }) |text| {
        try expectScan(true, text);
    }
    for ([_][]const u8{
        "",     "01",      "-",   "1.",         ".5",    "+1",   "1e",  "nul",       "NaN",     "[1,]",
        "[,1]", "{\"a\"}", "{,}", "{\"a\":1,}", "{a:1}", "[1}",  "[1",  "\"\t\"",    "\"\\x\"", "\"\\u12g4\"",
        "1 2",  "\"a",     "]",   "\u{FEFF}1",  "tru e", "1.e5", "--1", "{\"a\" 1}", "\"\\",    "[1 2]",
    }) |text| try expectScan(false, text);
}
