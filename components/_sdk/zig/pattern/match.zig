//! Runs a program over a text, all its ways at once, so that a text costs its length times the program's.

const std = @import("std");
const class = @import("class.zig");
const text = @import("../text.zig");
const Allocator = std.mem.Allocator;
const Program = @import("program.zig").Program;

pub const Error = Allocator.Error || error{TooMuchWork};

/// The memory of searches, which one after the other use, and the steps that they may take together.
pub const Matcher = struct {
    allocator: Allocator,
    work_left: u64 = std.math.maxInt(u64),
    /// Instructions that are reached before the next code point, and behind it.
    current: []u32 = &.{},
    following: []u32 = &.{},
    /// The instructions that are to be looked at.
    waiting: []u32 = &.{},
    /// In which step an instruction was last reached.
    reached: []u64 = &.{},
    step: u64 = 0,

    /// Whether the pattern matches anywhere in a text, which is WTF-8.
    pub fn isFound(matcher: *Matcher, program: *const Program, source: []const u8) Error!bool {
        try matcher.reserve(program.instructions.len);
        var search: Search = .{ .matcher = matcher, .program = program };
        var code_points = text.codePoints(source);
        var next = code_points.nextCodepoint();
        matcher.step += 1;
        while (true) {
            if (try search.enter(0, next)) return true;
            const code_point = next orelse return false;
            next = code_points.nextCodepoint();
            search.previous = code_point;
            if (try search.advance(code_point, next)) return true;
        }
    }

    fn reserve(matcher: *Matcher, count: usize) Allocator.Error!void {
        if (matcher.reached.len >= count) return;
        matcher.current = try matcher.allocator.alloc(u32, count);
        matcher.following = try matcher.allocator.alloc(u32, count);
        // Each instruction waits at most once for each that leads to it.
        matcher.waiting = try matcher.allocator.alloc(u32, count * 2 + 1);
        matcher.reached = try matcher.allocator.alloc(u64, count);
        @memset(matcher.reached, 0);
    }
};

const Search = struct {
    matcher: *Matcher,
    program: *const Program,
    previous: ?u21 = null,
    /// How many instructions `matcher.current` holds: those that want a code point.
    count: usize = 0,

    /// Reads a code point with all that is in `current`. True if the pattern has matched.
    fn advance(search: *Search, code_point: u21, next: ?u21) Error!bool {
        const matcher = search.matcher;
        const old = matcher.current[0..search.count];
        std.mem.swap([]u32, &matcher.current, &matcher.following);
        search.count = 0;
        matcher.step += 1;
        for (old) |at| {
            if (!class.contains(search.program.instructions[at].class, code_point)) continue;
            if (try search.enter(at + 1, next)) return true;
        }
        return false;
    }

    /// Follows what needs no code point. True if the pattern has matched.
    fn enter(search: *Search, first: u32, next: ?u21) Error!bool {
        const matcher = search.matcher;
        var waiting: usize = 1;
        matcher.waiting[0] = first;
        while (waiting > 0) {
            waiting -= 1;
            const at = matcher.waiting[waiting];
            if (matcher.reached[at] == matcher.step) continue;
            matcher.reached[at] = matcher.step;
            if (matcher.work_left == 0) return error.TooMuchWork;
            matcher.work_left -= 1;
            const behind = at + 1;
            switch (search.program.instructions[at]) {
                .found => return true,
                .class => {
                    matcher.current[search.count] = at;
                    search.count += 1;
                    continue;
                },
                .assertion => |assertion| if (!assertion.holds(search.previous, next)) continue,
                .jump => |target| {
                    matcher.waiting[waiting] = target;
                    waiting += 1;
                    continue;
                },
                .split, .split_lazily => |target| {
                    matcher.waiting[waiting] = target;
                    waiting += 1;
                },
                .save, .forget, .progress => {},
            }
            matcher.waiting[waiting] = behind;
            waiting += 1;
        }
        return false;
    }
};
