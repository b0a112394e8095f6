//! Whether an element fits a selector.

const std = @import("std");
const Node = @import("node.zig").Node;
const selector = @import("selector.zig");
const AttributeTest = selector.AttributeTest;
const Combinator = selector.Combinator;
const Selector = selector.Selector;
const Test = selector.Test;

/// The elements within `root` that fit one of them, in the document's order, `limit` at most.
pub fn select(
    allocator: std.mem.Allocator,
    found: *std.ArrayList(Node),
    root: Node,
    selectors: []const Selector,
    limit: usize,
) std.mem.Allocator.Error!void {
    for (0..root.childCount()) |at| {
        const child = root.child(at);
        if (!child.isElement()) continue;
        if (found.items.len == limit) return;
        if (fitsAny(child, selectors)) try found.append(allocator, child);
        try select(allocator, found, child, selectors, limit);
    }
}

pub fn fitsAny(node: Node, selectors: []const Selector) bool {
    for (selectors) |each| if (fits(node, each, null)) return true;
    return false;
}

/// From the right to the left. With a `scope` the first compound is reached from that.
fn fits(node: Node, compounds: Selector, scope: ?Node) bool {
    const last = compounds[compounds.len - 1];
    for (last.tests) |each| if (!holds(node, each)) return false;
    const left = compounds[0 .. compounds.len - 1];
    if (left.len == 0 and scope == null) return true;
    var other = step(node, last.combinator);
    while (other) |each| : (other = if (repeats(last.combinator)) step(each, last.combinator) else null) {
        const is_reached = if (left.len == 0) each.eql(scope.?) else fits(each, left, scope);
        if (is_reached) return true;
    }
    return false;
}

fn step(node: Node, combinator: Combinator) ?Node {
    return switch (combinator) {
        .descendant, .child => node.parent(),
        .next, .later => node.sibling(.before),
    };
}

fn repeats(combinator: Combinator) bool {
    return combinator == .descendant or combinator == .later;
}

fn holds(node: Node, wanted: Test) bool {
    switch (wanted) {
        .tag => |name| return node.isTag(name),
        .id => |id| return std.mem.eql(u8, node.attribute("id") orelse return false, id),
        .class => |name| return hasWord(node.attribute("class") orelse return false, name, false),
        .attribute => |attribute| return compare(node, attribute),
        .nth => |nth| {
            const place = placeOf(node, nth.from_end, nth.of_type);
            if (nth.a == 0) return place == nth.b;
            const distance = place - nth.b;
            return @rem(distance, nth.a) == 0 and @divTrunc(distance, nth.a) >= 0;
        },
        .only => |only| return placeOf(node, false, only.of_type) == 1 and placeOf(node, true, only.of_type) == 1,
        .empty => {
            for (0..node.childCount()) |at| {
                const child = node.child(at);
                if (child.isElement() or child.text() != null) return false;
            }
            return true;
        },
        .root => return node.parent() == null,
        .any_of => |selectors| return fitsAny(node, selectors),
        .none_of => |selectors| return !fitsAny(node, selectors),
        .has => |selectors| {
            for (selectors) |each| if (hasRelative(node, each)) return true;
            return false;
        },
    }
}

/// From 1 on, among the elements of its parent.
fn placeOf(node: Node, from_end: bool, of_type: bool) i32 {
    var place: i32 = 1;
    var other = node.sibling(if (from_end) .behind else .before);
    while (other) |each| : (other = each.sibling(if (from_end) .behind else .before)) {
        if (!of_type or node.isTag(each.tag())) place += 1;
    }
    return place;
}

fn hasRelative(node: Node, compounds: Selector) bool {
    switch (compounds[0].combinator) {
        .descendant, .child => return hasWithin(node, compounds, node),
        .next, .later => {
            var other = node.sibling(.behind);
            while (other) |each| : (other = each.sibling(.behind)) {
                if (fits(each, compounds, node) or hasWithin(each, compounds, node)) return true;
            }
            return false;
        },
    }
}

fn hasWithin(root: Node, compounds: Selector, scope: Node) bool {
    for (0..root.childCount()) |at| {
        const child = root.child(at);
        if (child.isElement() and (fits(child, compounds, scope) or hasWithin(child, compounds, scope))) return true;
    }
    return false;
}

fn compare(node: Node, wanted: AttributeTest) bool {
    const value = node.attribute(wanted.name) orelse return false;
    const part = wanted.value;
    return switch (wanted.comparison) {
        .exists => true,
        .equals => isEqual(value, part, wanted.ignores_case),
        .word => part.len > 0 and hasWord(value, part, wanted.ignores_case),
        .dash => startsWith(value, part, wanted.ignores_case) and (value.len == part.len or value[part.len] == '-'),
        .prefix => part.len > 0 and startsWith(value, part, wanted.ignores_case),
        .suffix => part.len > 0 and value.len >= part.len and isEqual(value[value.len - part.len ..], part, wanted.ignores_case),
        .contains => part.len > 0 and (if (wanted.ignores_case)
            std.ascii.findIgnoreCase(value, part) != null
        else
            std.mem.indexOf(u8, value, part) != null),
    };
}

fn isEqual(a: []const u8, b: []const u8, ignores_case: bool) bool {
    return if (ignores_case) std.ascii.eqlIgnoreCase(a, b) else std.mem.eql(u8, a, b);
}

fn startsWith(value: []const u8, part: []const u8, ignores_case: bool) bool {
    return value.len >= part.len and isEqual(value[0..part.len], part, ignores_case);
}

fn hasWord(value: []const u8, word: []const u8, ignores_case: bool) bool {
    var words = std.mem.tokenizeAny(u8, value, " \t\r\n\x0c");
    while (words.next()) |each| if (isEqual(each, word, ignores_case)) return true;
    return false;
}
