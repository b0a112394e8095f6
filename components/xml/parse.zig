//! The text of a document -> its tree (XML 1.0, fifth edition; Namespaces in XML 1.0). No DTD is read: nothing outside of the
//! text is asked for, and the only entities are XML's own five. Feeds are read as they come, see `Leniency`.

const std = @import("std");
const sdk = @import("sdk");
const entities = @import("entities.zig");
const tree = @import("tree.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Attribute = tree.Attribute;
const Element = tree.Element;
const Node = tree.Node;

/// Elements within one another. As JSON each may be two levels.
const max_depth = 60;
const max_reference_bytes = 40;
const xml_namespace = "http://www.w3.org/XML/1998/namespace";

/// A feed may have names of HTML, an `&` that stands for itself, prefixes that it does not declare, and something behind its
/// root element, as half of the feeds in the world have.
pub const Leniency = enum { document, feed };

pub fn parse(ctx: *Context, source: []const u8, leniency: Leniency) Error!*const Element {
    var parser: Parser = .{ .ctx = ctx, .source = source, .is_feed = leniency == .feed };
    const mark = "\u{FEFF}";
    if (std.mem.startsWith(u8, source, mark)) parser.at = mark.len;
    try parser.skipOutside();
    if (parser.at == source.len) return parser.fail("there is no element", .{});
    const root = try parser.parseElement(null, 1);
    if (parser.is_feed) return root;
    try parser.skipOutside();
    return if (parser.at == source.len) root else parser.fail("something follows the root element", .{});
}

/// What a prefix stands for, within an element; the prefix is empty for names without one.
const Binding = struct { prefix: []const u8, namespace: []const u8, outer: ?*const Binding };

const Parser = struct {
    ctx: *Context,
    source: []const u8,
    is_feed: bool,
    at: usize = 0,

    fn fail(parser: *const Parser, comptime format: []const u8, arguments: anytype) Error {
        const line = std.mem.count(u8, parser.source[0..parser.at], "\n") + 1;
        const reason = try parser.ctx.print(format, arguments);
        const hint = if (parser.isPage()) " It is an HTML page, which the component `html` reads." else "";
        const message = try parser.ctx.print("`input` is not well-formed XML: {s} (line {d}).{s}", .{ reason, line, hint });
        return parser.ctx.fail("INVALID_XML", message);
    }

    fn isPage(parser: *const Parser) bool {
        const start = std.mem.trimStart(u8, parser.source, "\u{FEFF} \t\r\n");
        return std.ascii.startsWithIgnoreCase(start, "<!doctype html") or std.ascii.startsWithIgnoreCase(start, "<html");
    }

    fn rest(parser: *const Parser) []const u8 {
        return parser.source[parser.at..];
    }

    fn skip(parser: *Parser, prefix: []const u8) bool {
        if (!std.mem.startsWith(u8, parser.rest(), prefix)) return false;
        parser.at += prefix.len;
        return true;
    }

    fn skipSpace(parser: *Parser) bool {
        const start = parser.at;
        while (parser.at < parser.source.len and isSpace(parser.source[parser.at])) parser.at += 1;
        return parser.at > start;
    }

    /// Moves behind `end`, and returns what lies before it.
    fn take(parser: *Parser, end: []const u8, what: []const u8) Error![]const u8 {
        const found = std.mem.indexOfPos(u8, parser.source, parser.at, end) orelse return parser.fail("{s} is not closed", .{what});
        defer parser.at = found + end.len;
        return parser.source[parser.at..found];
    }

    /// What may stand before and behind the root element.
    fn skipOutside(parser: *Parser) Error!void {
        while (true) {
            _ = parser.skipSpace();
            if (parser.skip("<?")) {
                _ = try parser.take("?>", "an instruction `<?`");
            } else if (parser.skip("<!--")) {
                _ = try parser.take("-->", "a comment");
            } else if (parser.skip("<!DOCTYPE")) {
                try parser.skipDoctype();
            } else return;
        }
    }

    /// Its declarations are not read, but quotes and brackets in it do not end it.
    fn skipDoctype(parser: *Parser) Error!void {
        var is_inside = false;
        while (parser.at < parser.source.len) {
            const char = parser.source[parser.at];
            parser.at += 1;
            switch (char) {
                '"', '\'' => _ = try parser.take(&.{char}, "a quote in the DOCTYPE"),
                '[' => is_inside = true,
                ']' => is_inside = false,
                '>' => if (!is_inside) return,
                '<' => if (parser.skip("!--")) {
                    _ = try parser.take("-->", "a comment");
                },
                else => {},
            }
        }
        return parser.fail("the DOCTYPE is not closed", .{});
    }

    fn parseElement(parser: *Parser, outer: ?*const Binding, depth: usize) Error!*const Element {
        const allocator = parser.ctx.allocator;
        if (depth > max_depth) return parser.fail("elements are nested more than {d} levels deep", .{max_depth});
        if (!parser.skip("<")) return parser.fail("text stands outside of the root element", .{});
        const name = try parser.takeName("an element");
        var attributes: std.ArrayList(Attribute) = .empty;
        var bindings = outer;
        while (true) {
            const has_space = parser.skipSpace();
            const ahead = parser.rest();
            if (ahead.len == 0) return parser.fail("the tag `{s}` is not closed", .{shorten(name)});
            if (ahead[0] == '>' or ahead[0] == '/') break;
            if (!has_space) return parser.fail("a space is missing before an attribute of `{s}`", .{shorten(name)});
            const attribute = try parser.parseAttribute(name);
            for (attributes.items) |other| {
                if (std.mem.eql(u8, other.name, attribute.name)) return parser.fail("the attribute `{s}` is there twice", .{shorten(attribute.name)});
            }
            try attributes.append(allocator, attribute);
            if (boundPrefix(attribute.name)) |prefix| {
                const binding = try allocator.create(Binding);
                binding.* = .{ .prefix = prefix, .namespace = attribute.value, .outer = bindings };
                bindings = binding;
            }
        }
        const element = try allocator.create(Element);
        const is_empty = parser.skip("/>");
        if (!is_empty and !parser.skip(">")) return parser.fail("the tag `{s}` is not closed", .{shorten(name)});
        element.* = .{
            .name = name,
            .namespace = parser.findNamespace(bindings, name),
            .attributes = attributes.items,
            .children = if (is_empty) &.{} else try parser.parseContent(name, bindings, depth),
        };
        return element;
    }

    fn boundPrefix(name: []const u8) ?[]const u8 {
        if (std.mem.eql(u8, name, "xmlns")) return "";
        return if (std.mem.startsWith(u8, name, "xmlns:")) name["xmlns:".len..] else null;
    }

    fn findNamespace(parser: *const Parser, bindings: ?*const Binding, name: []const u8) []const u8 {
        const prefix = name[0 .. std.mem.indexOfScalar(u8, name, ':') orelse 0];
        var binding = bindings;
        while (binding) |each| : (binding = each.outer) {
            if (std.mem.eql(u8, each.prefix, prefix)) return each.namespace;
        }
        if (std.mem.eql(u8, prefix, "xml")) return xml_namespace;
        return if (parser.is_feed) tree.feed_prefixes.get(prefix) orelse "" else "";
    }

    fn takeName(parser: *Parser, what: []const u8) Error![]const u8 {
        const start = parser.at;
        while (parser.at < parser.source.len and isNameCharacter(parser.source[parser.at])) parser.at += 1;
        const name = parser.source[start..parser.at];
        if (name.len > 0 and !std.ascii.isDigit(name[0]) and name[0] != '-' and name[0] != '.') return name;
        parser.at = start;
        return parser.fail("the name of {s} is missing", .{what});
    }

    fn parseAttribute(parser: *Parser, element: []const u8) Error!Attribute {
        const name = try parser.takeName("an attribute");
        _ = parser.skipSpace();
        if (!parser.skip("=")) return parser.fail("the attribute `{s}` of `{s}` has no value", .{ shorten(name), shorten(element) });
        _ = parser.skipSpace();
        const quote = if (parser.skip("\"")) "\"" else if (parser.skip("'")) "'" else {
            return parser.fail("the value of `{s}` is not in quotes", .{shorten(name)});
        };
        const start = parser.at;
        const raw = try parser.take(quote, "the value of an attribute");
        if (std.mem.indexOfScalar(u8, raw, '<')) |at| {
            parser.at = start + at;
            return parser.fail("the value of `{s}` has a `<`", .{shorten(name)});
        }
        return .{ .name = name, .value = try parser.decode(raw, start, .attribute) };
    }

    /// Up to the end tag of `name`.
    fn parseContent(parser: *Parser, name: []const u8, bindings: ?*const Binding, depth: usize) Error![]const Node {
        const allocator = parser.ctx.allocator;
        var children: std.ArrayList(Node) = .empty;
        while (true) {
            const start = parser.at;
            const end = std.mem.indexOfScalarPos(u8, parser.source, start, '<') orelse
                return parser.fail("the element `{s}` is not closed", .{shorten(name)});
            if (end > start) {
                try addText(allocator, &children, try parser.decode(parser.source[start..end], start, .content));
            }
            parser.at = end;
            if (parser.skip("</")) {
                const closed = try parser.takeName("an end tag");
                if (!std.mem.eql(u8, closed, name)) {
                    return parser.fail("`</{s}>` closes the element `{s}`", .{ shorten(closed), shorten(name) });
                }
                _ = parser.skipSpace();
                return if (parser.skip(">")) children.items else parser.fail("an end tag is not closed", .{});
            } else if (parser.skip("<!--")) {
                _ = try parser.take("-->", "a comment");
            } else if (parser.skip("<![CDATA[")) {
                try addText(allocator, &children, try parser.takeLines(try parser.take("]]>", "a CDATA section")));
            } else if (parser.skip("<?")) {
                _ = try parser.take("?>", "an instruction `<?`");
            } else {
                try children.append(allocator, .{ .element = try parser.parseElement(bindings, depth + 1) });
            }
        }
    }

    fn addText(allocator: std.mem.Allocator, children: *std.ArrayList(Node), text: []const u8) Error!void {
        if (text.len == 0) return;
        if (children.items.len > 0) {
            const last = &children.items[children.items.len - 1];
            if (last.* == .text) {
                last.* = .{ .text = try std.mem.concat(allocator, u8, &.{ last.text, text }) };
                return;
            }
        }
        try children.append(allocator, .{ .text = text });
    }

    /// All line ends are line feeds (XML 1.0, section 2.11).
    fn takeLines(parser: *Parser, raw: []const u8) Error![]const u8 {
        if (std.mem.indexOfScalar(u8, raw, '\r') == null) return raw;
        var text: std.ArrayList(u8) = try .initCapacity(parser.ctx.allocator, raw.len);
        for (raw, 0..) |char, i| {
            if (char != '\r') {
                text.appendAssumeCapacity(char);
            } else if (i + 1 == raw.len or raw[i + 1] != '\n') text.appendAssumeCapacity('\n');
        }
        return text.items;
    }

    /// With references in place; in attributes all white space is a space (section 3.3.3). `start` is where `raw` begins.
    fn decode(parser: *Parser, raw: []const u8, start: usize, place: enum { attribute, content }) Error![]const u8 {
        if (std.mem.indexOfAny(u8, raw, if (place == .content) "&\r" else "&\r\n\t") == null) return raw;
        const lines = try parser.takeLines(raw);
        var text: std.ArrayList(u8) = try .initCapacity(parser.ctx.allocator, lines.len);
        var at: usize = 0;
        while (at < lines.len) : (at += 1) {
            const char = lines[at];
            if (char != '&') {
                text.appendAssumeCapacity(if (place == .attribute and isSpace(char)) ' ' else char);
                continue;
            }
            const name = nameOfReference(lines[at..]);
            const code_point = findReference(name) orelse (if (parser.is_feed) entities.find(name) else null) orelse {
                if (parser.is_feed) {
                    text.appendAssumeCapacity('&');
                    continue;
                }
                parser.at = start;
                if (name.len == 0) return parser.fail("`&` stands without a name and `;`: it must be written `&amp;`", .{});
                return parser.fail("`&{s};` is not known: without a DTD there are amp, lt, gt, quot, apos and numbers", .{name});
            };
            try sdk.text.append(&text, parser.ctx.allocator, code_point);
            at += name.len + 1;
        }
        return text.items;
    }
};

/// The name in the `&name;` that `text` begins with; empty if it does not.
pub fn nameOfReference(text: []const u8) []const u8 {
    if (text.len < 2 or !(std.ascii.isAlphanumeric(text[1]) or text[1] == '#')) return "";
    const end = std.mem.indexOfScalar(u8, text[0..@min(text.len, max_reference_bytes)], ';') orelse return "";
    return text[1..end];
}

/// What `&name;` stands for.
pub fn findReference(name: []const u8) ?u21 {
    const names = [_][]const u8{ "amp", "lt", "gt", "quot", "apos" };
    for (names, "&<>\"'") |known, char| if (std.mem.eql(u8, name, known)) return char;
    if (name.len < 2 or name[0] != '#') return null;
    const number = if (name[1] == 'x')
        std.fmt.parseInt(u21, name[2..], 16) catch return null
    else
        std.fmt.parseInt(u21, name[1..], 10) catch return null;
    const is_character = number == '\t' or number == '\n' or number == '\r' or
        (number >= 0x20 and number < 0xD800) or (number > 0xDFFF and number < 0xFFFE) or (number > 0xFFFF and number <= 0x10FFFF);
    return if (is_character) number else null;
}

pub fn isSpace(char: u8) bool {
    return char == ' ' or char == '\t' or char == '\n' or char == '\r';
}

fn isNameCharacter(char: u8) bool {
    return std.ascii.isAlphanumeric(char) or char >= 0x80 or std.mem.indexOfScalar(u8, "_:-.", char) != null;
}

fn shorten(name: []const u8) []const u8 {
    return sdk.text.prefix(name, 60);
}
