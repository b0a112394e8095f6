//! An item of a feed, or what is said of the whole: the parts of both formats by one name.

const std = @import("std");
const sdk = @import("sdk");
const date = @import("date.zig");
const inner = @import("inner.zig");
const tree = @import("tree.zig");
const Context = sdk.Context;
const Element = tree.Element;
const Error = sdk.Error;
const Value = sdk.Value;

/// The element of RSS: without a prefix.
pub fn find(parent: *const Element, name: []const u8) ?*const Element {
    for (parent.children) |child| {
        if (child == .element and std.mem.eql(u8, child.element.name, name)) return child.element;
    }
    return null;
}

fn findIn(parent: *const Element, namespace: []const u8, name: []const u8) ?*const Element {
    for (parent.children) |child| {
        if (child == .element and child.element.is(namespace, name)) return child.element;
    }
    return null;
}

/// What links in an element are relative to: its `xml:base`, or `outer`.
pub fn baseOf(ctx: *Context, element: *const Element, outer: ?[]const u8) Error!?[]const u8 {
    const given = element.attribute("xml:base") orelse return outer;
    if (sdk.url.isBase(given)) return given;
    return if (outer) |base| try sdk.url.resolve(ctx.allocator, base, given) else null;
}

pub const Entry = struct {
    ctx: *Context,
    element: *const Element,
    /// The namespace of Atom that the feed uses; null for RSS.
    atom: ?[]const u8,
    base: ?[]const u8,

    pub fn read(entry: Entry) Error!Value {
        const page = try entry.link();
        const headline = try entry.title();
        const files = try entry.enclosures();
        const own_id = try entry.text(&.{"guid"}, &.{"id"}) orelse entry.element.attribute("rdf:about");
        const summary = try entry.text(&.{"description"}, &.{"summary"}) orelse try entry.textIn(tree.itunes, "summary");
        const published = try entry.time(&.{"pubDate"}, &.{ "published", "issued" });
        const updated = try entry.time(&.{}, &.{ "updated", "modified" });
        return entry.ctx.value(.{
            .id = own_id orelse page orelse headline orelse summary,
            .title = headline,
            .link = page,
            .published = published orelse updated,
            .updated = updated orelse published,
            .summary = summary,
            .content = try entry.content(),
            .authors = try entry.authors(),
            .categories = try entry.categories(),
            .enclosures = files,
        });
    }

    /// The first that is there, by the names of the format.
    fn child(entry: Entry, in_rss: []const []const u8, in_atom: []const []const u8) ?*const Element {
        if (entry.atom) |namespace| {
            for (in_atom) |name| if (findIn(entry.element, namespace, name)) |found| return found;
            return null;
        }
        for (in_rss) |name| if (find(entry.element, name)) |found| return found;
        return null;
    }

    /// Null if there is none or it is empty.
    pub fn text(entry: Entry, in_rss: []const []const u8, in_atom: []const []const u8) Error!?[]const u8 {
        return entry.textOf(entry.child(in_rss, in_atom) orelse return null);
    }

    fn textIn(entry: Entry, namespace: []const u8, name: []const u8) Error!?[]const u8 {
        return entry.textOf(findIn(entry.element, namespace, name) orelse return null);
    }

    fn textOf(entry: Entry, element: *const Element) Error!?[]const u8 {
        const found = if (entry.typeOf(element) == .xhtml)
            try inner.markup(entry.ctx.allocator, element)
        else
            try inner.text(entry.ctx.allocator, element);
        const trimmed = std.mem.trim(u8, found, " \t\r\n");
        return if (trimmed.len > 0) trimmed else null;
    }

    const Type = enum { text, html, xhtml, unknown };

    /// What an element's text is: Atom says it (RFC 4287, section 3.1.1, or a media type in 0.3), RSS does not.
    fn typeOf(entry: Entry, element: *const Element) Type {
        if (entry.atom == null) return .unknown;
        const given = element.attribute("type") orelse return .text;
        if (std.mem.eql(u8, given, "xhtml") or std.mem.eql(u8, given, "application/xhtml+xml")) return .xhtml;
        return if (std.mem.endsWith(u8, given, "html")) .html else .text;
    }

    /// A line without markup. One of RSS has tags if it closes one.
    pub fn title(entry: Entry) Error!?[]const u8 {
        const allocator = entry.ctx.allocator;
        const element = entry.child(&.{"title"}, &.{"title"}) orelse return null;
        const written = try inner.text(allocator, element);
        const closes_tag = std.mem.indexOf(u8, written, "</") != null or std.mem.indexOf(u8, written, "/>") != null;
        const line = switch (entry.typeOf(element)) {
            .text, .xhtml => try inner.collapse(allocator, written),
            .html => try inner.plain(allocator, written, true),
            .unknown => try inner.plain(allocator, written, closes_tag),
        };
        return if (line.len > 0) line else null;
    }

    fn time(entry: Entry, in_rss: []const []const u8, in_atom: []const []const u8) Error!?[]const u8 {
        const given = try entry.text(in_rss, in_atom) orelse blk: {
            if (entry.atom != null or in_rss.len == 0) return null;
            break :blk try entry.textIn(tree.dublin_core, "date") orelse return null;
        };
        return date.toIso(entry.ctx.allocator, given);
    }

    /// The page: of Atom's links the one that is an alternate, of RSS's the text, or the guid if that is one.
    pub fn link(entry: Entry) Error!?[]const u8 {
        if (entry.atom) |namespace| return try entry.absolute(entry.alternate(namespace) orelse return null);
        if (try entry.text(&.{"link"}, &.{})) |found| return try entry.absolute(found);
        if (find(entry.element, "guid")) |guid| {
            const is_link = !std.mem.eql(u8, guid.attribute("isPermaLink") orelse "true", "false");
            const found = try entry.textOf(guid) orelse "";
            if (is_link and std.mem.indexOf(u8, found, "://") != null) return found;
        }
        return try entry.absolute(entry.alternate(tree.atom) orelse return null);
    }

    fn alternate(entry: Entry, namespace: []const u8) ?[]const u8 {
        for (entry.element.children) |each| {
            if (each != .element or !each.element.is(namespace, "link")) continue;
            if (std.mem.eql(u8, each.element.attribute("rel") orelse "alternate", "alternate")) return each.element.attribute("href");
        }
        return null;
    }

    fn absolute(entry: Entry, reference: []const u8) Error![]const u8 {
        const base = try baseOf(entry.ctx, entry.element, entry.base) orelse return reference;
        return sdk.url.resolve(entry.ctx.allocator, base, reference);
    }

    fn content(entry: Entry) Error!?[]const u8 {
        if (entry.atom != null) return entry.text(&.{}, &.{"content"});
        return entry.textIn(tree.content_module, "encoded");
    }

    fn authors(entry: Entry) Error![]const []const u8 {
        var names: std.ArrayList([]const u8) = .empty;
        for (entry.element.children) |each| {
            if (each != .element) continue;
            const element = each.element;
            const named = if (entry.atom) |namespace|
                (if (element.is(namespace, "author")) findIn(element, namespace, "name") else null)
            else if (std.mem.eql(u8, element.name, "author") or element.is(tree.dublin_core, "creator")) element else null;
            if (try entry.textOf(named orelse continue)) |name| try names.append(entry.ctx.allocator, name);
        }
        if (names.items.len == 0) {
            if (try entry.textIn(tree.itunes, "author")) |name| try names.append(entry.ctx.allocator, name);
        }
        return names.items;
    }

    fn categories(entry: Entry) Error![]const []const u8 {
        var names: std.ArrayList([]const u8) = .empty;
        for (entry.element.children) |each| {
            if (each != .element) continue;
            const element = each.element;
            const name = if (entry.atom) |namespace|
                (if (element.is(namespace, "category")) element.attribute("term") else null)
            else if (std.mem.eql(u8, element.name, "category") or element.is(tree.dublin_core, "subject")) try entry.textOf(element) else null;
            try names.append(entry.ctx.allocator, name orelse continue);
        }
        return names.items;
    }

    /// Files that belong to it, each once.
    fn enclosures(entry: Entry) Error![]const Value {
        var files: std.ArrayList(Value) = .empty;
        for (entry.element.children) |each| {
            if (each != .element) continue;
            const element = each.element;
            if (element.is(tree.media, "group")) {
                for (element.children) |member| if (member == .element) try entry.addFile(&files, member.element);
            } else try entry.addFile(&files, element);
        }
        return files.items;
    }

    fn addFile(entry: Entry, files: *std.ArrayList(Value), element: *const Element) Error!void {
        const is_media = element.is(tree.media, "content");
        const is_file = is_media or if (entry.atom) |namespace|
            element.is(namespace, "link") and std.mem.eql(u8, element.attribute("rel") orelse "", "enclosure")
        else
            std.mem.eql(u8, element.name, "enclosure");
        if (!is_file) return;
        const is_link = !is_media and entry.atom != null;
        const url = try entry.absolute(element.attribute(if (is_link) "href" else "url") orelse return);
        for (files.items) |file| if (std.mem.eql(u8, file.get("url").?.string, url)) return;
        const length = std.fmt.parseInt(u53, element.attribute(if (is_media) "fileSize" else "length") orelse "", 10) catch null;
        try files.append(entry.ctx.allocator, try entry.ctx.value(.{ .url = url, .type = element.attribute("type"), .length = length }));
    }
};
