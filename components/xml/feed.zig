//! The items of a feed, the same whichever it is: RSS 0.9x, 1.0 and 2.0, or Atom (RFC 4287).

const std = @import("std");
const sdk = @import("sdk");
const date = @import("date.zig");
const inner = @import("inner.zig");
const tree = @import("tree.zig");
const Context = sdk.Context;
const Element = tree.Element;
const Error = sdk.Error;
const Value = sdk.Value;

const atom = "http://www.w3.org/2005/Atom";
const content_module = "http://purl.org/rss/1.0/modules/content/";
const dublin_core = "http://purl.org/dc/elements/1.1/";
const rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

pub fn read(ctx: *Context, root: *const Element) Error!Value {
    if (root.is(atom, "feed")) return readFeed(ctx, "atom", root, root);
    const channel = find(root, "channel") orelse return refuse(ctx, root);
    if (std.mem.eql(u8, root.name, "rss")) return readFeed(ctx, "rss", channel, channel);
    if (root.is(rdf, "RDF")) return readFeed(ctx, "rss", channel, root);
    return refuse(ctx, root);
}

fn refuse(ctx: *Context, root: *const Element) Error {
    const name = sdk.text.prefix(root.name, 60);
    return ctx.fail("NO_FEED", try ctx.print("`input` is no RSS or Atom feed: its root element is `{s}`.", .{name}));
}

/// The element of RSS: without a namespace, or in that of RSS 1.0 and the like.
fn find(parent: *const Element, name: []const u8) ?*const Element {
    for (parent.children) |child| {
        if (child == .element and isPlain(child.element, name)) return child.element;
    }
    return null;
}

fn isPlain(element: *const Element, name: []const u8) bool {
    return std.mem.eql(u8, element.name, name);
}

fn findIn(parent: *const Element, namespace: []const u8, name: []const u8) ?*const Element {
    for (parent.children) |child| {
        if (child == .element and child.element.is(namespace, name)) return child.element;
    }
    return null;
}

/// `about` has what is said of the whole, `items` holds the items.
fn readFeed(ctx: *Context, kind: []const u8, about: *const Element, items: *const Element) Error!Value {
    const is_atom = about.is(atom, "feed");
    var listed: std.ArrayList(Value) = .empty;
    for (items.children) |child| {
        if (child != .element) continue;
        const element = child.element;
        if (if (is_atom) element.is(atom, "entry") else isPlain(element, "item")) {
            try listed.append(ctx.allocator, try readItem(ctx, .{ .ctx = ctx, .element = element, .is_atom = is_atom }));
        }
    }
    const whole: Entry = .{ .ctx = ctx, .element = about, .is_atom = is_atom };
    return ctx.value(.{
        .format = kind,
        .title = try whole.text("title", "title"),
        .link = try whole.link(),
        .description = try whole.text("description", "subtitle"),
        .items = listed.items,
    });
}

fn readItem(ctx: *Context, entry: Entry) Error!Value {
    const link = try entry.link();
    const title = try entry.text("title", "title");
    const own_id = try entry.text("guid", "id") orelse entry.element.attribute("rdf:about");
    const published = try entry.time("pubDate", "published");
    const updated = try entry.time("", "updated");
    return ctx.value(.{
        .id = own_id orelse link orelse title,
        .title = title,
        .link = link,
        .published = published orelse updated,
        .updated = updated orelse published,
        .summary = try entry.text("description", "summary"),
        .content = try entry.content(),
        .authors = try entry.authors(),
        .categories = try entry.categories(),
        .enclosures = try entry.enclosures(),
    });
}

/// An item, or the whole.
const Entry = struct {
    ctx: *Context,
    element: *const Element,
    is_atom: bool,

    fn child(entry: Entry, in_rss: []const u8, in_atom: []const u8) ?*const Element {
        if (entry.is_atom) return findIn(entry.element, atom, in_atom);
        return if (in_rss.len > 0) find(entry.element, in_rss) else null;
    }

    /// Null if there is none or it is empty.
    fn text(entry: Entry, in_rss: []const u8, in_atom: []const u8) Error!?[]const u8 {
        return entry.textOf(entry.child(in_rss, in_atom) orelse return null);
    }

    fn textOf(entry: Entry, element: *const Element) Error!?[]const u8 {
        const is_markup = entry.is_atom and std.mem.eql(u8, element.attribute("type") orelse "", "xhtml");
        const found = if (is_markup) try inner.markup(entry.ctx.allocator, element) else try inner.text(entry.ctx.allocator, element);
        const trimmed = std.mem.trim(u8, found, " \t\r\n");
        return if (trimmed.len > 0) trimmed else null;
    }

    fn time(entry: Entry, in_rss: []const u8, in_atom: []const u8) Error!?[]const u8 {
        const given = try entry.text(in_rss, in_atom) orelse blk: {
            if (entry.is_atom or in_rss.len == 0) return null;
            break :blk try entry.textOf(findIn(entry.element, dublin_core, "date") orelse return null) orelse return null;
        };
        return date.toIso(entry.ctx.allocator, given);
    }

    /// The page: of Atom's links the one that is an alternate, of RSS's the text, or the guid if that is one.
    fn link(entry: Entry) Error!?[]const u8 {
        if (!entry.is_atom) {
            if (try entry.text("link", "")) |found| return found;
            const guid = find(entry.element, "guid") orelse return null;
            const is_link = !std.mem.eql(u8, guid.attribute("isPermaLink") orelse "true", "false");
            const found = try entry.textOf(guid) orelse return null;
            return if (is_link and std.mem.indexOf(u8, found, "://") != null) found else null;
        }
        for (entry.element.children) |each| {
            if (each != .element or !each.element.is(atom, "link")) continue;
            if (std.mem.eql(u8, each.element.attribute("rel") orelse "alternate", "alternate")) return each.element.attribute("href");
        }
        return null;
    }

    fn content(entry: Entry) Error!?[]const u8 {
        if (entry.is_atom) return entry.text("", "content");
        return entry.textOf(findIn(entry.element, content_module, "encoded") orelse return null);
    }

    fn authors(entry: Entry) Error![]const []const u8 {
        var names: std.ArrayList([]const u8) = .empty;
        for (entry.element.children) |each| {
            if (each != .element) continue;
            const element = each.element;
            const named = if (entry.is_atom)
                (if (element.is(atom, "author")) findIn(element, atom, "name") else null)
            else if (isPlain(element, "author") or element.is(dublin_core, "creator")) element else null;
            if (try entry.textOf(named orelse continue)) |name| try names.append(entry.ctx.allocator, name);
        }
        return names.items;
    }

    fn categories(entry: Entry) Error![]const []const u8 {
        var names: std.ArrayList([]const u8) = .empty;
        for (entry.element.children) |each| {
            if (each != .element) continue;
            const element = each.element;
            const name = if (entry.is_atom)
                (if (element.is(atom, "category")) element.attribute("term") else null)
            else if (isPlain(element, "category") or element.is(dublin_core, "subject")) try entry.textOf(element) else null;
            try names.append(entry.ctx.allocator, name orelse continue);
        }
        return names.items;
    }

    /// Files that belong to it.
    fn enclosures(entry: Entry) Error![]const Value {
        var files: std.ArrayList(Value) = .empty;
        for (entry.element.children) |each| {
            if (each != .element) continue;
            const element = each.element;
            const is_file = if (entry.is_atom)
                element.is(atom, "link") and std.mem.eql(u8, element.attribute("rel") orelse "", "enclosure")
            else
                isPlain(element, "enclosure");
            if (!is_file) continue;
            const url = element.attribute(if (entry.is_atom) "href" else "url") orelse continue;
            const length = std.fmt.parseInt(u53, element.attribute("length") orelse "", 10) catch null;
            try files.append(entry.ctx.allocator, try entry.ctx.value(.{ .url = url, .type = element.attribute("type"), .length = length }));
        }
        return files.items;
    }
};
