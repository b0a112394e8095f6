//! What is inside of an element.

const std = @import("std");
const sdk = @import("sdk");
const entities = @import("entities.zig");
const parse = @import("parse.zig");
const Allocator = std.mem.Allocator;
const Element = @import("tree.zig").Element;

/// All text in it, without markup.
pub fn text(allocator: Allocator, element: *const Element) Allocator.Error![]const u8 {
    if (element.children.len == 1 and element.children[0] == .text) return element.children[0].text;
    var joined: std.ArrayList(u8) = .empty;
    try appendText(allocator, &joined, element);
    return joined.items;
}

fn appendText(allocator: Allocator, joined: *std.ArrayList(u8), element: *const Element) Allocator.Error!void {
    for (element.children) |child| switch (child) {
        .text => |part| try joined.appendSlice(allocator, part),
        .element => |each| try appendText(allocator, joined, each),
    };
}

/// HTML as a line of text: without its tags, its references in place.
pub fn plain(allocator: Allocator, html: []const u8, has_tags: bool) Allocator.Error![]const u8 {
    var line: std.ArrayList(u8) = try .initCapacity(allocator, html.len);
    var at: usize = 0;
    while (at < html.len) {
        const rest = html[at..];
        if (has_tags and rest[0] == '<' and isTag(rest)) {
            at += if (std.mem.indexOfScalar(u8, rest, '>')) |end| end + 1 else rest.len;
        } else if (rest[0] == '&') {
            const name = parse.nameOfReference(rest);
            if (parse.findReference(name) orelse entities.find(name)) |code_point| {
                try sdk.text.append(&line, allocator, code_point);
                at += name.len + 2;
            } else {
                line.appendAssumeCapacity('&');
                at += 1;
            }
        } else {
            line.appendAssumeCapacity(rest[0]);
            at += 1;
        }
    }
    return collapse(allocator, line.items);
}

fn isTag(rest: []const u8) bool {
    return rest.len > 1 and (std.ascii.isAlphabetic(rest[1]) or rest[1] == '/' or rest[1] == '!');
}

/// White space, `&nbsp;` too, as one space, and none around.
pub fn collapse(allocator: Allocator, written: []const u8) Allocator.Error![]const u8 {
    var line: std.ArrayList(u8) = try .initCapacity(allocator, written.len);
    var has_gap = false;
    var at: usize = 0;
    while (at < written.len) {
        const is_wide = std.mem.startsWith(u8, written[at..], "\u{A0}");
        if (is_wide or parse.isSpace(written[at])) {
            has_gap = line.items.len > 0;
            at += if (is_wide) 2 else 1;
            continue;
        }
        if (has_gap) line.appendAssumeCapacity(' ');
        has_gap = false;
        line.appendAssumeCapacity(written[at]);
        at += 1;
    }
    return line.items;
}

/// The markup in it, without prefixes, as HTML has none.
pub fn markup(allocator: Allocator, element: *const Element) Allocator.Error![]const u8 {
    var written: std.ArrayList(u8) = .empty;
    try appendMarkup(allocator, &written, element);
    return written.items;
}

fn appendMarkup(allocator: Allocator, written: *std.ArrayList(u8), element: *const Element) Allocator.Error!void {
    for (element.children) |child| switch (child) {
        .text => |part| try appendEscaped(allocator, written, part),
        .element => |each| {
            try written.print(allocator, "<{s}", .{each.local()});
            for (each.attributes) |attribute| {
                if (std.mem.startsWith(u8, attribute.name, "xmlns")) continue;
                try written.print(allocator, " {s}=\"", .{attribute.name});
                try appendEscaped(allocator, written, attribute.value);
                try written.append(allocator, '"');
            }
            if (each.children.len == 0) {
                try written.appendSlice(allocator, "/>");
                continue;
            }
            try written.append(allocator, '>');
            try appendMarkup(allocator, written, each);
            try written.print(allocator, "</{s}>", .{each.local()});
        },
    };
}

fn appendEscaped(allocator: Allocator, written: *std.ArrayList(u8), source: []const u8) Allocator.Error!void {
    for (source) |char| switch (char) {
        '&' => try written.appendSlice(allocator, "&amp;"),
        '<' => try written.appendSlice(allocator, "&lt;"),
        '>' => try written.appendSlice(allocator, "&gt;"),
        '"' => try written.appendSlice(allocator, "&quot;"),
        else => try written.append(allocator, char),
    };
}
