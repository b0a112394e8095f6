//! Where a pattern matches, and where its groups do: all its ways at once, in the order in which backtracking would try them
//! (Rob Pike's machine; Russ Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009).

const std = @import("std");
const class = @import("class.zig");
const text = @import("../text.zig");
const Allocator = std.mem.Allocator;
const Program = @import("program.zig").Program;

/// A place in a text, in bytes; `none` where a group has no part in the match.
pub const Place = u32;
pub const none: Place = std.math.maxInt(Place);

/// The ways that go on, each with the places that it has kept.
const Ways = struct {
    instructions: []u32,
    places: []Place,
    count: usize = 0,
};

/// What is to be looked at: an instruction, or a slot that gets back what it had.
const Task = union(enum) { visit: u32, restore: struct { slot: u16, place: Place } };

pub const Finder = struct {
    allocator: Allocator,
    program: *const Program,
    source: []const u8,
    slots: usize,
    current: Ways,
    following: Ways,
    tasks: std.ArrayList(Task) = .empty,
    /// In which step an instruction was last reached, with as many rounds that have matched nothing so far: what such a
    /// way may do differs, so it does not count for others. Rounds are within one another, so their number tells which.
    reached: []u64,
    step: u64 = 0,
    /// With which code points a match can begin; null if it can begin, and end, with none.
    beginnings: ?[]const class.Range,
    /// Those of the way that is looked at.
    kept: []Place,
    /// Of the last match: group n from `places[2n]` to `places[2n + 1]`.
    places: []Place,

    pub fn init(allocator: Allocator, program: *const Program, source: []const u8) Allocator.Error!Finder {
        const count = program.instructions.len * (program.marks + 1);
        const slots = program.slots;
        const reached = try allocator.alloc(u64, count);
        @memset(reached, 0);
        return .{
            .allocator = allocator,
            .program = program,
            .source = source,
            .slots = slots,
            .current = .{ .instructions = try allocator.alloc(u32, count), .places = try allocator.alloc(Place, count * slots) },
            .following = .{ .instructions = try allocator.alloc(u32, count), .places = try allocator.alloc(Place, count * slots) },
            .reached = reached,
            .beginnings = try program.beginnings(allocator),
            .kept = try allocator.alloc(Place, slots),
            .places = try allocator.alloc(Place, slots),
        };
    }

    /// The first match that begins at `from` or behind it; `from` is a place between two code points.
    pub fn find(finder: *Finder, from: usize) Allocator.Error!bool {
        var code_points = text.codePoints(finder.source);
        code_points.i = from;
        var previous = finder.before(from);
        var at = from;
        var next = code_points.nextCodepoint();
        var is_found = false;
        finder.current.count = 0;
        finder.step += 1;
        while (true) {
            if (finder.beginnings) |ranges| {
                if (!is_found and finder.current.count == 0) {
                    while (next) |code_point| {
                        if (class.contains(ranges, code_point)) break;
                        previous = next;
                        at = code_points.i;
                        next = code_points.nextCodepoint();
                    } else return false;
                }
            }
            if (!is_found) {
                @memset(finder.kept, none);
                try finder.enter(&finder.current, 0, at, previous, next);
            }
            if (is_found and finder.current.count == 0) return true;
            const behind = code_points.i;
            const after = if (next == null) null else code_points.nextCodepoint();
            if (try finder.advance(behind, next, after)) is_found = true;
            if (next == null) return is_found;
            previous = next;
            at = behind;
            next = after;
        }
    }

    fn before(finder: *const Finder, place: usize) ?u21 {
        if (place == 0) return null;
        var start = place - 1;
        while (finder.source[start] & 0xC0 == 0x80) start -= 1;
        var code_points = text.codePoints(finder.source[start..place]);
        return code_points.nextCodepoint();
    }

    /// Reads a code point, which ends at `behind`, with all ways. True if a match was found: the ways that are tried after
    /// it are given up.
    fn advance(finder: *Finder, behind: usize, code_point: ?u21, after: ?u21) Allocator.Error!bool {
        const old = finder.current;
        finder.following.count = 0;
        finder.step += 1;
        var is_found = false;
        for (old.instructions[0..old.count], 0..) |instruction, i| {
            const places = old.places[i * finder.slots ..][0..finder.slots];
            switch (finder.program.instructions[instruction]) {
                .found => {
                    @memcpy(finder.places, places);
                    is_found = true;
                    break;
                },
                .class => |ranges| {
                    if (!class.contains(ranges, code_point orelse continue)) continue;
                    @memcpy(finder.kept, places);
                    try finder.enter(&finder.following, instruction + 1, behind, code_point, after);
                },
                else => unreachable,
            }
        }
        std.mem.swap(Ways, &finder.current, &finder.following);
        return is_found;
    }

    /// Follows what needs no code point, from `first` on, in order: what wants one, or has matched, is added to `ways`.
    fn enter(finder: *Finder, ways: *Ways, first: u32, place: usize, previous: ?u21, next: ?u21) Allocator.Error!void {
        try finder.tasks.append(finder.allocator, .{ .visit = first });
        while (finder.tasks.pop()) |task| {
            var at = switch (task) {
                .restore => |kept| {
                    finder.kept[kept.slot] = kept.place;
                    continue;
                },
                .visit => |instruction| instruction,
            };
            while (true) {
                const reached = &finder.reached[at * (finder.program.marks + 1) + finder.countEmpty(place)];
                if (reached.* == finder.step) break;
                reached.* = finder.step;
                at = switch (finder.program.instructions[at]) {
                    .found, .class => {
                        ways.instructions[ways.count] = at;
                        @memcpy(ways.places[ways.count * finder.slots ..][0..finder.slots], finder.kept);
                        ways.count += 1;
                        break;
                    },
                    .assertion => |assertion| if (assertion.holds(previous, next)) at + 1 else break,
                    .jump => |target| target,
                    .split => |target| try finder.prefer(at + 1, target),
                    .split_lazily => |target| try finder.prefer(target, at + 1),
                    .progress => |slot| if (finder.kept[slot] != place) at + 1 else break,
                    .save => |slot| blk: {
                        try finder.keep(slot, @intCast(place));
                        break :blk at + 1;
                    },
                    .forget => |groups| blk: {
                        for (2 * groups[0]..2 * groups[1]) |slot| try finder.keep(@intCast(slot), none);
                        break :blk at + 1;
                    },
                };
            }
        }
    }

    /// How many of the rounds began here.
    fn countEmpty(finder: *const Finder, place: usize) usize {
        var empty: usize = 0;
        for (finder.kept[finder.slots - finder.program.marks ..]) |mark| {
            if (mark == place) empty += 1;
        }
        return empty;
    }

    fn prefer(finder: *Finder, now: u32, later: u32) Allocator.Error!u32 {
        try finder.tasks.append(finder.allocator, .{ .visit = later });
        return now;
    }

    fn keep(finder: *Finder, slot: u16, place: Place) Allocator.Error!void {
        if (finder.kept[slot] == place) return;
        try finder.tasks.append(finder.allocator, .{ .restore = .{ .slot = slot, .place = finder.kept[slot] } });
        finder.kept[slot] = place;
    }
};
