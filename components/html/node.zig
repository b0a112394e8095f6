//! A node of the parsed document, by document.c.

const std = @import("std");
const sdk = @import("sdk");

const Raw = opaque {};
extern fn html_parse(text: [*]const u8, length: usize) *const Raw;
extern fn html_is_element(node: *const Raw) c_int;
extern fn html_parent(node: *const Raw) ?*const Raw;
extern fn html_position(node: *const Raw) usize;
extern fn html_child_count(node: *const Raw) usize;
extern fn html_child(node: *const Raw, at: usize) *const Raw;
extern fn html_text(node: *const Raw) ?[*:0]const u8;
extern fn html_tag(node: *const Raw) ?[*:0]const u8;
extern fn html_original_tag(node: *const Raw, length: *usize) ?[*]const u8;
extern fn html_attribute_count(node: *const Raw) usize;
extern fn html_attribute_name(node: *const Raw, at: usize) [*:0]const u8;
extern fn html_attribute_value(node: *const Raw, at: usize) [*:0]const u8;

export fn html_allocate(_: ?*anyopaque, size: usize) [*]u8 {
    return sdk.allocateOrEnd(.of(u64), size);
}

pub const Attribute = struct { name: []const u8, value: []const u8 };

pub const Node = struct {
    raw: *const Raw,

    /// The root element; text is UTF-8.
    pub fn parse(source: []const u8) Node {
        return .{ .raw = html_parse(source.ptr, source.len) };
    }

    pub fn isElement(node: Node) bool {
        return html_is_element(node.raw) != 0;
    }

    /// Null for the root element, whose parent is the document.
    pub fn parent(node: Node) ?Node {
        const found: Node = .{ .raw = html_parent(node.raw) orelse return null };
        return if (found.isElement()) found else null;
    }

    /// What has the root element as a child.
    pub fn document(root: Node) Node {
        return .{ .raw = html_parent(root.raw).? };
    }

    pub fn childCount(node: Node) usize {
        return html_child_count(node.raw);
    }

    pub fn child(node: Node, at: usize) Node {
        return .{ .raw = html_child(node.raw, at) };
    }

    /// Of a node that is text.
    pub fn text(node: Node) ?[]const u8 {
        return std.mem.span(html_text(node.raw) orelse return null);
    }

    /// In lower case, as it stands in memory.
    pub fn tag(node: Node) []const u8 {
        if (html_tag(node.raw)) |known| return std.mem.span(known);
        var length: usize = 0;
        const start = html_original_tag(node.raw, &length) orelse return "";
        return start[0..length];
    }

    pub fn isTag(node: Node, name: []const u8) bool {
        return std.ascii.eqlIgnoreCase(node.tag(), name);
    }

    pub fn attributeCount(node: Node) usize {
        return html_attribute_count(node.raw);
    }

    pub fn attributeAt(node: Node, at: usize) Attribute {
        return .{
            .name = std.mem.span(html_attribute_name(node.raw, at)),
            .value = std.mem.span(html_attribute_value(node.raw, at)),
        };
    }

    /// The value of an attribute, whose name has no case.
    pub fn attribute(node: Node, name: []const u8) ?[]const u8 {
        for (0..node.attributeCount()) |at| {
            const each = node.attributeAt(at);
            if (std.ascii.eqlIgnoreCase(each.name, name)) return each.value;
        }
        return null;
    }

    /// The element before it, or behind it, under the same parent.
    pub fn sibling(node: Node, side: enum { before, behind }) ?Node {
        const above = node.parent() orelse return null;
        var at = html_position(node.raw);
        while (if (side == .before) at > 0 else at + 1 < above.childCount()) {
            at = if (side == .before) at - 1 else at + 1;
            const other = above.child(at);
            if (other.isElement()) return other;
        }
        return null;
    }

    pub fn eql(node: Node, other: Node) bool {
        return node.raw == other.raw;
    }
};
