//! A document as a tree.

const std = @import("std");

pub const atom = "http://www.w3.org/2005/Atom";
pub const content_module = "http://purl.org/rss/1.0/modules/content/";
pub const dublin_core = "http://purl.org/dc/elements/1.1/";
pub const itunes = "http://www.itunes.com/dtds/podcast-1.0.dtd";
pub const media = "http://search.yahoo.com/mrss/";

/// The prefixes that feeds use for them, also without declaring them.
pub const feed_prefixes: std.StaticStringMap([]const u8) = .initComptime(.{
    .{ "atom", atom },
    .{ "content", content_module },
    .{ "dc", dublin_core },
    .{ "itunes", itunes },
    .{ "media", media },
});

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
