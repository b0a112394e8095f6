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
    /// Goes on behind it and there.
    split: u32,
    found,
};

pub const Program = struct { instructions: []const Instruction };

pub fn emit(allocator: Allocator, root: Node) Error!Program {
    var emitter: Emitter = .{ .allocator = allocator };
    try emitter.emitNode(root);
    try emitter.add(.found);
    return .{ .instructions = emitter.list.items };
}

const Emitter = struct {
    allocator: Allocator,
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
        for (0..repeat.min) |_| try emitter.emitNode(repeat.node.*);
        var splits: std.ArrayList(u32) = .empty;
        for (repeat.min..max) |_| {
            try splits.append(emitter.allocator, emitter.position());
            try emitter.add(.{ .split = 0 });
            try emitter.emitNode(repeat.node.*);
        }
        for (splits.items) |split| emitter.list.items[split] = .{ .split = emitter.position() };
    }

    fn emitEndless(emitter: *Emitter, repeat: tree.Repeat) Error!void {
        for (1..@max(repeat.min, 1)) |_| try emitter.emitNode(repeat.node.*);
        const start = emitter.position();
        // Without a copy of its own for the first time, so that groups within one another do not double.
        if (repeat.min == 0) try emitter.add(.{ .split = 0 });
        try emitter.emitNode(repeat.node.*);
        if (repeat.min > 0) return emitter.add(.{ .split = start });
        try emitter.add(.{ .jump = start });
        emitter.list.items[start] = .{ .split = emitter.position() };
    }
};
