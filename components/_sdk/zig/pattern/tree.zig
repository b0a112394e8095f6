//! A pattern as a tree.

const class = @import("class.zig");

pub const Assertion = enum { start, end, word_bound, no_word_bound };

pub const Repeat = struct {
    node: *const Node,
    min: u16,
    /// Null for any number.
    max: ?u16,
};

pub const Node = union(enum) {
    empty,
    /// One code point out of these.
    class: []const class.Range,
    assertion: Assertion,
    sequence: []const Node,
    choice: []const Node,
    repeat: Repeat,
};
