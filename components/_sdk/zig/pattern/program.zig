//! A tree as the instructions of a nondeterministic automaton (Ken Thompson, "Regular Expression Search Algorithm", 1968).

const std = @import("std");
const class = @import("class.zig");
const tree = @import("tree.zig");
const Allocator = std.mem.Allocator;
const Node = tree.Node;

/// Of a program, so that each code point of a text costs no more steps than that.
pub const max_instructions = 4000;

pub const too_large = std.fmt.comptimePrint(
    "the pattern is too large: its repetitions make more than {d} steps of it",
    .{max_instructions},
);

pub const Error = Allocator.Error || error{TooLarge};

pub const Instruction = union(enum) {
    /// Goes on behind it, if the next code point is one of these.
    class: []const class.Range,
    /// Goes on behind it, if that holds here.
    assertion: tree.Assertion,
    jump: u32,
    /// Goes on behind it, or else there.
    split: u32,
    /// The other way round.
    split_lazily: u32,
    /// Keeps the place in the text: where group n begins in slot 2n, where it ends in 2n + 1. 0 is the whole match.
    save: u16,
    /// Forgets what the groups have kept, from the first on, without the last.
    forget: [2]u16,
    /// Goes on behind it, if the slot has kept another place.
    progress: u16,
    found,
};

/// `slots`: of what `save` keeps; the last `marks` of them are where rounds began.
pub const Program = struct {
    instructions: []const Instruction,
    slots: usize = 0,
    marks: usize = 0,

    /// The code points with which a match can begin, or some more. Null if there may be a match without any.
    pub fn beginnings(program: Program, allocator: Allocator) Allocator.Error!?[]const class.Range {
        var ranges: std.ArrayList(class.Range) = .empty;
        var waiting: std.ArrayList(u32) = .empty;
        const reached = try allocator.alloc(bool, program.instructions.len);
        @memset(reached, false);
        try waiting.append(allocator, 0);
        while (waiting.pop()) |at| {
            if (reached[at]) continue;
            reached[at] = true;
            switch (program.instructions[at]) {
                .found => return null,
                .class => |listed| try ranges.appendSlice(allocator, listed),
                .jump => |target| try waiting.append(allocator, target),
                .split, .split_lazily => |target| try waiting.appendSlice(allocator, &.{ target, at + 1 }),
                .assertion, .save, .forget, .progress => try waiting.append(allocator, at + 1),
            }
        }
        return class.normalize(ranges.items);
    }
};

/// The program says only whether a text matches.
pub fn emit(allocator: Allocator, root: Node) Error!Program {
    return emitWith(.{ .allocator = allocator }, root);
}

/// The program also says where, and where each of the `groups` does.
pub fn emitSaving(allocator: Allocator, root: Node, groups: usize) Error!Program {
    const node = try allocator.create(Node);
    node.* = root;
    const first_mark: u16 = @intCast(2 * (groups + 1));
    const emitter: Emitter = .{ .allocator = allocator, .saves = true, .mark = first_mark, .slots = first_mark };
    return emitWith(emitter, .{ .group = .{ .node = node, .number = 0 } });
}

fn emitWith(start: Emitter, root: Node) Error!Program {
    var emitter = start;
    try emitter.emitNode(root);
    try emitter.add(.found);
    return .{ .instructions = emitter.list.items, .slots = emitter.slots, .marks = emitter.slots - start.slots };
}

const Emitter = struct {
    allocator: Allocator,
    saves: bool = false,
    /// The slot for the place where the next round begins that need not be; those within one another have their own.
    mark: u16 = 0,
    slots: usize = 0,
    list: std.ArrayList(Instruction) = .empty,
    /// Nodes that were emitted, of which some are no instruction.
    work: usize = 0,

    fn add(emitter: *Emitter, instruction: Instruction) Error!void {
        if (emitter.list.items.len == max_instructions) return error.TooLarge;
        try emitter.list.append(emitter.allocator, instruction);
    }

    fn position(emitter: *const Emitter) u32 {
        return @intCast(emitter.list.items.len);
    }

    fn emitNode(emitter: *Emitter, node: Node) Error!void {
        emitter.work += 1;
        if (emitter.work > 4 * max_instructions) return error.TooLarge;
        switch (node) {
            .empty => {},
            .class => |ranges| try emitter.add(.{ .class = ranges }),
            .assertion => |assertion| try emitter.add(.{ .assertion = assertion }),
            .sequence => |nodes| for (nodes) |each| try emitter.emitNode(each),
            .choice => |nodes| try emitter.emitChoice(nodes),
            .repeat => |repeat| try emitter.emitRepeat(repeat),
            .group => |group| {
                if (emitter.saves) try emitter.add(.{ .save = 2 * group.number });
                try emitter.emitNode(group.node.*);
                if (emitter.saves) try emitter.add(.{ .save = 2 * group.number + 1 });
            },
        }
    }

    fn emitChoice(emitter: *Emitter, nodes: []const Node) Error!void {
        var ends: std.ArrayList(u32) = .empty;
        for (nodes, 1..) |node, count| {
            if (count == nodes.len) {
                try emitter.emitNode(node);
                break;
            }
            const split = emitter.position();
            try emitter.add(.{ .split = 0 });
            try emitter.emitNode(node);
            try ends.append(emitter.allocator, emitter.position());
            try emitter.add(.{ .jump = 0 });
            emitter.list.items[split] = .{ .split = emitter.position() };
        }
        for (ends.items) |end| emitter.list.items[end] = .{ .jump = emitter.position() };
    }

    /// a{2,4} is aa(a(a)?)?, and a{2,} is aa+.
    fn emitRepeat(emitter: *Emitter, repeat: tree.Repeat) Error!void {
        const max = repeat.max orelse return emitter.emitEndless(repeat);
        for (0..repeat.min) |_| try emitter.emitRound(repeat);
        var splits: std.ArrayList(u32) = .empty;
        for (repeat.min..max) |_| {
            try splits.append(emitter.allocator, emitter.position());
            try emitter.add(.{ .split = 0 });
            try emitter.emitOptionalRound(repeat);
        }
        for (splits.items) |split| emitter.list.items[split] = around(repeat, emitter.position());
    }

    fn emitEndless(emitter: *Emitter, repeat: tree.Repeat) Error!void {
        const may_end_empty = emitter.saves and repeat.node.canBeEmpty();
        // The last round that must be is the first of those that may be, without a copy of its own, so that groups within
        // one another do not double. One that may match nothing has a copy: what may be must not match nothing.
        const loops_back = repeat.min > 0 and !may_end_empty;
        for (0..if (loops_back) repeat.min - 1 else repeat.min) |_| try emitter.emitRound(repeat);
        const start = emitter.position();
        if (loops_back) {
            try emitter.emitRound(repeat);
            return emitter.add(if (repeat.is_lazy) .{ .split = start } else .{ .split_lazily = start });
        }
        try emitter.add(.{ .split = 0 });
        try emitter.emitOptionalRound(repeat);
        try emitter.add(.{ .jump = start });
        emitter.list.items[start] = around(repeat, emitter.position());
    }

    fn emitRound(emitter: *Emitter, repeat: tree.Repeat) Error!void {
        if (emitter.saves and repeat.groups[0] < repeat.groups[1]) try emitter.add(.{ .forget = repeat.groups });
        try emitter.emitNode(repeat.node.*);
    }

    /// ECMA-262 (RepeatMatcher) has no round beyond the least number that matches nothing: its groups would forget what
    /// they have, and what else the round could match is tried before the repetition ends.
    fn emitOptionalRound(emitter: *Emitter, repeat: tree.Repeat) Error!void {
        if (!emitter.saves or !repeat.node.canBeEmpty()) return emitter.emitRound(repeat);
        const mark = emitter.mark;
        emitter.mark += 1;
        emitter.slots = @max(emitter.slots, emitter.mark);
        try emitter.add(.{ .save = mark });
        try emitter.emitRound(repeat);
        try emitter.add(.{ .progress = mark });
        emitter.mark = mark;
    }

    /// Another round behind it, or the end of them.
    fn around(repeat: tree.Repeat, end: u32) Instruction {
        return if (repeat.is_lazy) .{ .split_lazily = end } else .{ .split = end };
    }
};
