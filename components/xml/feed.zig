//! The items of a feed, the same whichever it is: RSS 0.9x, 1.0 and 2.0, or Atom (RFC 4287, and 0.3).

const std = @import("std");
const sdk = @import("sdk");
const entry = @import("entry.zig");
const tree = @import("tree.zig");
const Context = sdk.Context;
const Element = tree.Element;
const Entry = entry.Entry;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const old_atom = "http://purl.org/atom/ns#";
const rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

pub fn read(ctx: *Context, input: Input, root: *const Element) Error!Value {
    const base = try input.optionalText("base_url");
    if (base) |given| {
        if (!sdk.url.isBase(given)) {
            return input.mistyped("base_url", "a URL with its scheme, such as https://example.com/feed.xml", .{ .string = given });
        }
    }
    if (isAtom(root)) return readFeed(ctx, .{ .ctx = ctx, .element = root, .atom = root.namespace, .base = base }, root);
    const channel = entry.find(root, "channel") orelse return refuse(ctx, root);
    if (!std.mem.eql(u8, root.name, "rss") and !root.is(rdf, "RDF")) return refuse(ctx, root);
    const items = if (entry.find(channel, "item") == null) root else channel;
    return readFeed(ctx, .{ .ctx = ctx, .element = channel, .atom = null, .base = base }, items);
}

fn isAtom(root: *const Element) bool {
    if (!std.mem.eql(u8, root.local(), "feed")) return false;
    if (std.mem.eql(u8, root.namespace, tree.atom) or std.mem.eql(u8, root.namespace, old_atom)) return true;
    return root.namespace.len == 0 and entry.find(root, "entry") != null;
}

fn refuse(ctx: *Context, root: *const Element) Error {
    const name = sdk.text.prefix(root.name, 60);
    const hint = if (std.ascii.eqlIgnoreCase(name, "html")) ", so it is a page: its `<link rel=\"alternate\">` may lead to the feed" else "";
    return ctx.fail("NO_FEED", try ctx.print("`input` is no RSS or Atom feed: its root element is `{s}`{s}.", .{ name, hint }));
}

/// `whole` is what is said of the feed, `items` holds the items.
fn readFeed(ctx: *Context, whole: Entry, items: *const Element) Error!Value {
    const page = try whole.link();
    const base = whole.base orelse if (page) |url| (if (sdk.url.isBase(url)) url else null) else null;
    var listed: std.ArrayList(Value) = .empty;
    for (items.children) |child| {
        if (child != .element) continue;
        const element = child.element;
        const is_item = if (whole.atom) |namespace| element.is(namespace, "entry") else std.mem.eql(u8, element.name, "item");
        if (!is_item) continue;
        const item: Entry = .{ .ctx = ctx, .element = element, .atom = whole.atom, .base = try entry.baseOf(ctx, whole.element, base) };
        try listed.append(ctx.allocator, try item.read());
    }
    return ctx.value(.{
        .format = @as([]const u8, if (whole.atom == null) "rss" else "atom"),
        .title = try whole.title(),
        .link = page,
        .description = try whole.text(&.{"description"}, &.{ "subtitle", "tagline" }),
        .items = listed.items,
    });
}
