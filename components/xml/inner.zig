//! What is inside of an element.

const std = @import("std");
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
