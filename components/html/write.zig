//! An element as text: what a person reads, or its markup.

const std = @import("std");
const Node = @import("node.zig").Node;
const Allocator = std.mem.Allocator;

const unread = [_][]const u8{ "script", "style", "template", "noscript", "head", "iframe", "textarea", "select" };
const blocks = [_][]const u8{
    "address", "article", "aside", "blockquote", "body",    "dd",      "details", "dialog", "div", "dl",     "dt", "fieldset", "figcaption",
    "figure",  "footer",  "form",  "h1",         "h2",      "h3",      "h4",      "h5",     "h6",  "header", "hr", "li",       "main",
    "nav",     "ol",      "p",     "pre",        "section", "summary", "table",   "tr",     "ul",
};
const void_tags = [_][]const u8{
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
};
/// Their text is not escaped.
const raw_tags = [_][]const u8{ "script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext" };

pub fn isOneOf(node: Node, tags: []const []const u8) bool {
    for (tags) |tag| if (node.isTag(tag)) return true;
    return false;
}

/// The text that is read: without scripts and the like, white space as one space, blocks and `br` in lines of their own.
pub fn readable(allocator: Allocator, root: Node) Allocator.Error![]const u8 {
    var reader: Reader = .{ .allocator = allocator };
    try reader.addChildren(root, false);
    return reader.text.items;
}

const Reader = struct {
    allocator: Allocator,
    text: std.ArrayList(u8) = .empty,
    /// What stands before the next word.
    gap: enum { nothing, space, line } = .nothing,

    fn addChildren(reader: *Reader, node: Node, is_kept: bool) Allocator.Error!void {
        for (0..node.childCount()) |at| {
            const child = node.child(at);
            if (child.text()) |text| {
                try if (is_kept) reader.addLines(text) else reader.addWords(text);
            } else if (child.isElement() and !isOneOf(child, &unread)) {
                const is_block = isOneOf(child, &blocks);
                if (is_block or child.isTag("br")) reader.gap = .line;
                if (reader.gap == .nothing and (child.isTag("td") or child.isTag("th"))) reader.gap = .space;
                try reader.addChildren(child, is_kept or child.isTag("pre"));
                if (is_block) reader.gap = .line;
                if (reader.gap == .nothing and (child.isTag("td") or child.isTag("th"))) reader.gap = .space;
            }
        }
    }

    fn addWords(reader: *Reader, source: []const u8) Allocator.Error!void {
        var rest = source;
        while (rest.len > 0) {
            const start = std.mem.indexOfNone(u8, rest, " \t\r\n\x0c") orelse rest.len;
            if (start > 0 and reader.gap == .nothing) reader.gap = .space;
            rest = rest[start..];
            const end = std.mem.indexOfAny(u8, rest, " \t\r\n\x0c") orelse rest.len;
            if (end > 0) try reader.add(rest[0..end]);
            rest = rest[end..];
        }
    }

    fn addLines(reader: *Reader, source: []const u8) Allocator.Error!void {
        var lines = std.mem.splitScalar(u8, source, '\n');
        var is_first = true;
        while (lines.next()) |line| : (is_first = false) {
            if (!is_first) reader.gap = .line;
            if (line.len > 0) try reader.add(line);
        }
    }

    fn add(reader: *Reader, piece: []const u8) Allocator.Error!void {
        if (reader.text.items.len > 0 and reader.gap != .nothing) {
            try reader.text.append(reader.allocator, if (reader.gap == .line) '\n' else ' ');
        }
        reader.gap = .nothing;
        try reader.text.appendSlice(reader.allocator, piece);
    }
};

/// The element's markup (HTML Standard, section 13.3), with the element itself.
pub fn markup(allocator: Allocator, node: Node) Allocator.Error![]const u8 {
    var written: std.ArrayList(u8) = .empty;
    try appendMarkup(allocator, &written, node);
    return written.items;
}

fn appendMarkup(allocator: Allocator, written: *std.ArrayList(u8), node: Node) Allocator.Error!void {
    const tag = try std.ascii.allocLowerString(allocator, node.tag());
    try written.print(allocator, "<{s}", .{tag});
    for (0..node.attributeCount()) |at| {
        const attribute = node.attributeAt(at);
        try written.print(allocator, " {s}=\"", .{attribute.name});
        try appendEscaped(allocator, written, attribute.value, true);
        try written.append(allocator, '"');
    }
    try written.append(allocator, '>');
    if (isOneOf(node, &void_tags)) return;
    const is_raw = isOneOf(node, &raw_tags);
    for (0..node.childCount()) |at| {
        const child = node.child(at);
        if (child.text()) |text| {
            try if (is_raw) written.appendSlice(allocator, text) else appendEscaped(allocator, written, text, false);
        } else if (child.isElement()) try appendMarkup(allocator, written, child);
    }
    try written.print(allocator, "</{s}>", .{tag});
}

fn appendEscaped(allocator: Allocator, written: *std.ArrayList(u8), source: []const u8, in_attribute: bool) Allocator.Error!void {
    for (source) |char| {
        const escape = switch (char) {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => if (in_attribute) "&quot;" else "\"",
            else => {
                try written.append(allocator, char);
                continue;
            },
        };
        try written.appendSlice(allocator, escape);
    }
}
