//! A template's text -> its nodes.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;

/// Sections within one another; they are parsed and written by recursion.
pub const max_depth = 100;

pub const Node = union(enum) {
    text: []const u8,
    variable: struct { name: []const u8, is_raw: bool },
    section: struct { name: []const u8, is_inverted: bool, nodes: []const Node },
    /// `indent` stands before each of its lines.
    partial: struct { name: []const u8, indent: []const u8 },
};

/// `told` is what messages call the template: `template`, `partials.row`.
pub fn parse(ctx: *Context, told: []const u8, source: []const u8) Error![]const Node {
    var parser: Parser = .{ .ctx = ctx, .told = told, .source = source };
    return parser.parseNodes(null, 0);
}

const Tag = struct {
    kind: u8,
    name: []const u8,
    /// Where the tag begins, and what is behind it.
    start: usize,
    end: usize,
};

const Parser = struct {
    ctx: *Context,
    told: []const u8,
    source: []const u8,
    at: usize = 0,
    open: []const u8 = "{{",
    close: []const u8 = "}}",

    fn parseNodes(parser: *Parser, section: ?Tag, depth: usize) Error![]const Node {
        if (depth > max_depth) return parser.fail(section.?.start, "sections are nested more than 100 levels deep", .{});
        const allocator = parser.ctx.allocator;
        var nodes: std.ArrayList(Node) = .empty;
        while (try parser.nextTag()) |tag| {
            const text_start = parser.at;
            const line = if (isAloneKind(tag.kind)) parser.lineAround(tag) else null;
            const text_end = if (line) |whole| whole.start else tag.start;
            if (text_end > text_start) try nodes.append(allocator, .{ .text = parser.source[text_start..text_end] });
            parser.at = if (line) |whole| whole.end else tag.end;
            switch (tag.kind) {
                '!' => {},
                '=' => try parser.setDelimiters(tag),
                '/' => {
                    const opened = section orelse return parser.fail(tag.start, "`{s}` closes no section", .{tag.name});
                    if (std.mem.eql(u8, opened.name, tag.name)) return nodes.items;
                    return parser.fail(tag.start, "`{s}` closes the section `{s}`", .{ tag.name, opened.name });
                },
                '#', '^' => try nodes.append(allocator, .{ .section = .{
                    .name = tag.name,
                    .is_inverted = tag.kind == '^',
                    .nodes = try parser.parseNodes(tag, depth + 1),
                } }),
                '>' => try nodes.append(allocator, .{ .partial = .{
                    .name = tag.name,
                    .indent = if (line) |whole| parser.source[whole.start..tag.start] else "",
                } }),
                else => try nodes.append(allocator, .{ .variable = .{ .name = tag.name, .is_raw = tag.kind != 0 } }),
            }
        }
        if (section) |opened| return parser.fail(opened.start, "the section `{s}` is not closed", .{opened.name});
        if (parser.at < parser.source.len) try nodes.append(allocator, .{ .text = parser.source[parser.at..] });
        return nodes.items;
    }

    /// The next tag, from `at` on, which stays where it is. Null if there is no more.
    fn nextTag(parser: *Parser) Error!?Tag {
        const start = std.mem.indexOfPos(u8, parser.source, parser.at, parser.open) orelse return null;
        const content_start = start + parser.open.len;
        const rest = parser.source[content_start..];
        const kind: u8 = if (rest.len > 0 and std.mem.indexOfScalar(u8, "#^/>!=&{<$", rest[0]) != null) rest[0] else 0;
        const closing = switch (kind) {
            '{' => try std.mem.concat(parser.ctx.allocator, u8, &.{ "}", parser.close }),
            '=' => try std.mem.concat(parser.ctx.allocator, u8, &.{ "=", parser.close }),
            else => parser.close,
        };
        const name_start = content_start + @intFromBool(kind != 0);
        const end = std.mem.indexOfPos(u8, parser.source, name_start, closing) orelse
            return parser.fail(start, "a tag is not closed by `{s}`", .{closing});
        const name = std.mem.trim(u8, parser.source[name_start..end], " \t\r\n");
        if (kind == '<' or kind == '$') return parser.fail(start, "inheritance, `{s}{c}`, is not supported", .{ parser.open, kind });
        if (kind == '>' and std.mem.startsWith(u8, name, "*")) return parser.fail(start, "dynamic names, `>*`, are not supported", .{});
        if (name.len == 0 and kind != '!') return parser.fail(start, "a tag has no name", .{});
        if (kind != '!' and kind != '=' and std.mem.indexOfAny(u8, name, " \t\r\n") != null) {
            const problem = "a tag has one name, not `{s}`: Mustache has no helpers or filters, `{{{{#name}}}}` loops or asks";
            return parser.fail(start, problem, .{sdk.text.prefix(name, 40)});
        }
        return .{ .kind = kind, .name = name, .start = start, .end = end + closing.len };
    }

    fn isAloneKind(kind: u8) bool {
        return kind != 0 and kind != '&' and kind != '{';
    }

    const Line = struct { start: usize, end: usize };

    /// The line of a tag that stands alone in it, but for spaces: it leaves no line behind. Null if it does not.
    fn lineAround(parser: *const Parser, tag: Tag) ?Line {
        var start = tag.start;
        while (start > 0 and isSpace(parser.source[start - 1])) start -= 1;
        if (start > 0 and parser.source[start - 1] != '\n') return null;
        var end = tag.end;
        while (end < parser.source.len and isSpace(parser.source[end])) end += 1;
        const rest = parser.source[end..];
        if (rest.len == 0) return .{ .start = start, .end = end };
        if (rest[0] == '\n') return .{ .start = start, .end = end + 1 };
        return if (std.mem.startsWith(u8, rest, "\r\n")) .{ .start = start, .end = end + 2 } else null;
    }

    fn isSpace(char: u8) bool {
        return char == ' ' or char == '\t';
    }

    fn setDelimiters(parser: *Parser, tag: Tag) Error!void {
        var words = std.mem.tokenizeAny(u8, tag.name, " \t\r\n");
        const open = words.next() orelse "";
        const close = words.next() orelse "";
        if (close.len == 0 or words.next() != null or std.mem.indexOfScalar(u8, tag.name, '=') != null) {
            return parser.fail(tag.start, "delimiters are set by two texts, as in `=<% %>=`", .{});
        }
        parser.open = open;
        parser.close = close;
    }

    fn fail(parser: *const Parser, place: usize, comptime format: []const u8, arguments: anytype) Error {
        const line = std.mem.count(u8, parser.source[0..place], "\n") + 1;
        const reason = try parser.ctx.print(format, arguments);
        const message = "`{s}` cannot be used: {s} (its line {d}).";
        return parser.ctx.fail("INVALID_MUSTACHE", try parser.ctx.print(message, .{ parser.told, reason, line }));
    }
};
