//! A document as a tree.

const std = @import("std");

pub const Attribute = struct {
    /// As it is written, with its prefix.
    name: []const u8,
    value: []const u8,
};

pub const Node = union(enum) { text: []const u8, element: *const Element };

pub const Element = struct {
    /// As it is written, with its prefix.
    name: []const u8,
    /// What its prefix, or the lack of one, stands for; empty if nothing.
    namespace: []const u8,
    attributes: []const Attribute,
    children: []const Node,

    /// Without the prefix.
    pub fn local(element: *const Element) []const u8 {
        return localPart(element.name);
    }

    pub fn is(element: *const Element, namespace: []const u8, name: []const u8) bool {
        return std.mem.eql(u8, element.namespace, namespace) and std.mem.eql(u8, element.local(), name);
    }

    /// The value of an attribute without a prefix.
    pub fn attribute(element: *const Element, name: []const u8) ?[]const u8 {
        for (element.attributes) |each| {
            if (std.mem.eql(u8, each.name, name)) return each.value;
        }
        return null;
    }
};

pub fn localPart(name: []const u8) []const u8 {
    const colon = std.mem.indexOfScalar(u8, name, ':') orelse return name;
    return name[colon + 1 ..];
}
