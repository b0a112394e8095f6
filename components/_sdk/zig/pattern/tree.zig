//! A pattern as a tree.

const class = @import("class.zig");

pub const Assertion = enum {
    start,
    end,
    line_start,
    line_end,
    word_bound,
    no_word_bound,

    /// Whether it holds between two code points; null stands for what is before and behind the text.
    pub fn holds(assertion: Assertion, previous: ?u21, next: ?u21) bool {
        const is_bound = class.isWord(previous) != class.isWord(next);
        return switch (assertion) {
            .start => previous == null,
            .end => next == null,
            .line_start => class.isLineEnd(previous),
            .line_end => class.isLineEnd(next),
            .word_bound => is_bound,
            .no_word_bound => !is_bound,
        };
    }
};

pub const Repeat = struct {
    node: *const Node,
    min: u16,
    /// Null for any number.
    max: ?u16,
    /// Whether as few as possible come first.
    is_lazy: bool = false,
    /// The groups within: from the first on, without the last. Each round begins without what they had.
    groups: [2]u16 = .{ 0, 0 },
};

/// Which text it matched is kept. They count from 1.
pub const Group = struct { node: *const Node, number: u16 };

pub const Node = union(enum) {
    empty,
    /// One code point out of these.
    class: []const class.Range,
    assertion: Assertion,
    sequence: []const Node,
    choice: []const Node,
    repeat: Repeat,
    group: Group,

    /// Whether it may match no text at all.
    pub fn canBeEmpty(node: Node) bool {
        return switch (node) {
            .empty, .assertion => true,
            .class => false,
            .sequence => |nodes| for (nodes) |each| {
                if (!each.canBeEmpty()) break false;
            } else true,
            .choice => |nodes| for (nodes) |each| {
                if (each.canBeEmpty()) break true;
            } else false,
            .repeat => |repeat| repeat.min == 0 or repeat.node.canBeEmpty(),
            .group => |group| group.node.canBeEmpty(),
        };
    }
};
