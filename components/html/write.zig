//! An element as text: what a person reads, or its markup.

const std = @import("std");
const Node = @import("node.zig").Node;
const Allocator = std.mem.Allocator;

const Names = std.StaticStringMapWithEql(void, std.static_string_map.eqlAsciiIgnoreCase);

const unread = setOf("script style template noscript head iframe textarea select");
const blocks = setOf("address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer " ++
    "form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tr ul");
const cells = setOf("td th");
const void_tags = setOf("area base br col embed hr img input link meta source track wbr");
/// Their text is not escaped.
const raw_tags = setOf("script style xmp iframe noembed noframes plaintext");

fn setOf(comptime listed: []const u8) Names {
    comptime {
        @setEvalBranchQuota(20_000);
        var names: []const struct { []const u8 } = &.{};
        var words = std.mem.splitScalar(u8, listed, ' ');
        while (words.next()) |word| names = names ++ .{.{word}};
        return .initComptime(names);
    }
}

/// The text that is read: without scripts and the like, white space as one space, blocks and `br` in lines of their own.
pub fn readable(allocator: Allocator, root: Node) Allocator.Error![]const u8 {
    var reader: Reader = .{ .allocator = allocator };
    try reader.addChildren(root, false);
    return reader.text.items;
}

/// By the attribute, or by a style of its own; style sheets are not read.
fn isHidden(element: Node) bool {
    if (element.attribute("hidden") != null) return true;
    const style = element.attribute("style") orelse return false;
    var rules = std.mem.splitScalar(u8, style, ';');
    while (rules.next()) |rule| {
        const colon = std.mem.indexOfScalar(u8, rule, ':') orelse continue;
        const name = std.mem.trim(u8, rule[0..colon], " \t\r\n");
        const value = std.mem.trim(u8, rule[colon + 1 ..], " \t\r\n");
        if (std.ascii.eqlIgnoreCase(name, "display") and std.ascii.startsWithIgnoreCase(value, "none")) return true;
    }
    return false;
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
            } else if (child.isElement()) try reader.addElement(child, is_kept);
        }
    }

    fn addElement(reader: *Reader, element: Node, is_kept: bool) Allocator.Error!void {
        const tag = element.tag();
        if (unread.has(tag) or isHidden(element)) return;
        const is_block = blocks.has(tag);
        const is_cell = cells.has(tag);
        if (is_block or element.isTag("br")) reader.gap = .line;
        if (is_cell and reader.gap == .nothing) reader.gap = .space;
        try reader.addChildren(element, is_kept or element.isTag("pre"));
        if (is_block) reader.gap = .line;
        if (is_cell and reader.gap == .nothing) reader.gap = .space;
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
    if (void_tags.has(tag)) return;
    const is_raw = raw_tags.has(tag);
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
