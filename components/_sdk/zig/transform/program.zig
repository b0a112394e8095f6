//! The language of ai_transform: a program is {"version": 1, "output": EXPRESSION}.
//!
//! An expression is a text, number, boolean or null, which stands for itself; a list of expressions; an object whose
//! members are expressions; or an object with "op", which names an operation, and the operation's fields. There are no
//! loops but those over a list that is there, so every program ends.

const std = @import("std");
const context = @import("../context.zig");
const json = @import("../json.zig");
const number = @import("../number.zig");
const Path = @import("path.zig").Path;
const Context = context.Context;
const Error = context.Error;
const Value = json.Value;

pub const version = 1;
const max_depth = 32;
const max_nodes = 1000;
const max_problems = 20;
const max_fields = 4;

// zig fmt: off
pub const Operation = enum {
    get, literal, let, @"if", eq, neq, gt, gte, lt, lte, @"and", @"or", not, exists, in,
    map, filter, sort, group_by, unique, to_object, flatten, reverse, first, last, count, sum, average, min, max, slice,
    concat, keys, values, entries, merge, pick, omit,
    upper, lower, trim, capitalize, length, replace, split, join, substring, includes, starts_with, ends_with, pad,
    text,
    add, subtract, multiply, divide, mod, round, floor, ceil, abs, to_number, to_text,
};
// zig fmt: on

/// By `@backingInt`. (std.meta.stringToEnum and @tagName are ten times the code.)
const names = @typeInfo(Operation).@"enum".field_names;

pub fn nameOf(operation: Operation) []const u8 {
    return names[@backingInt(operation)];
}

fn findOperation(name: []const u8) ?Operation {
    for (names, 0..) |known, at| {
        if (std.mem.eql(u8, known, name)) return @fromBackingInt(@intCast(at));
    }
    return null;
}

/// The fields of an operation, in order. One with `?` may be missing, one with `>` is evaluated for each item.
pub fn fieldsOf(operation: Operation) []const u8 {
    return switch (operation) {
        .get => "path default?",
        .let => "values in",
        .@"if" => "condition then else?",
        .eq, .neq, .gt, .gte, .lt, .lte, .subtract, .divide, .mod => "left right",
        .@"and", .@"or" => "conditions",
        .literal, .not, .exists, .floor, .ceil, .abs, .to_number, .to_text => "value",
        .in => "value list",
        .map => "list each> as?",
        .filter => "list where> as?",
        .sort => "list by>? as? descending?",
        .group_by => "list by> as?",
        .unique => "list by>? as?",
        .to_object => "list key> value> as?",
        .flatten, .reverse, .first, .last, .count, .sum, .average, .min, .max => "list",
        .slice => "list start? end?",
        .concat => "lists",
        .keys, .values, .entries => "object",
        .merge => "objects",
        .pick, .omit => "object keys",
        .upper, .lower, .trim, .capitalize, .length => "text",
        .replace => "text search replacement",
        .split => "text separator",
        .join => "list separator?",
        .substring => "text start? end?",
        .includes, .starts_with, .ends_with => "text search",
        .pad => "text length fill? side?",
        .text => "parts",
        .add, .multiply => "values",
        .round => "value decimals?",
    };
}

/// "get path default?", one a line.
pub fn listOperations(allocator: std.mem.Allocator) std.mem.Allocator.Error![]const u8 {
    var listed: std.ArrayList(u8) = .empty;
    for (names, 0..) |name, at| {
        for ([_][]const u8{ name, " ", fieldsOf(@fromBackingInt(@intCast(at))), "\n" }) |part| {
            try listed.appendSlice(allocator, part);
        }
    }
    return listed.items;
}

pub const Node = union(enum) {
    literal: Value,
    list: []const Node,
    object: []const NamedNode,
    call: *const Call,
};

pub const NamedNode = struct { name: []const u8, node: Node };

pub const Call = struct {
    operation: Operation,
    /// Where in the program, as a JSON Pointer.
    place: []const u8,
    /// In the order of `fieldsOf`; null for those that are missing or no expressions.
    arguments: [max_fields]?Node = @splat(null),
    /// Of get.
    path: ?Path = null,
    /// What an item is called.
    item_name: []const u8 = "item",
    /// Of let.
    bindings: []const NamedNode = &.{},
};

pub const Reading = union(enum) { program: Node, problems: []const Value };

pub fn parse(ctx: *Context, source: Value) Error!Reading {
    var parser: Parser = .{ .ctx = ctx };
    try parser.known.append(ctx.allocator, .{ .string = "input" });
    const node = try parser.parseProgram(source);
    if (parser.problems.items.len > 0) return .{ .problems = parser.problems.items };
    return .{ .program = node };
}

/// The first of the problems: "/output/list: has the op "sum_up", which is not known."
pub fn explain(ctx: *Context, problems: []const Value) Error![]const u8 {
    const path = problems[0].get("path").?.string;
    const subject: []const u8 = if (path.len == 0) "the program" else path;
    return std.mem.concat(ctx.allocator, u8, &.{ subject, " ", problems[0].get("message").?.string, "." });
}

const nothing: Node = .{ .literal = .null };

const Parser = struct {
    ctx: *Context,
    problems: std.ArrayList(Value) = .empty,
    /// The variables that can be used where the parser is.
    known: std.ArrayList(Value) = .empty,
    depth: usize = 0,
    nodes: usize = 0,

    /// A problem, after which parsing goes on.
    fn report(parser: *Parser, place: []const u8, parts: []const []const u8) Error!void {
        if (parser.problems.items.len == max_problems) return;
        const message = try std.mem.concat(parser.ctx.allocator, u8, parts);
        const problem = try parser.ctx.value(.{ .path = place, .message = message });
        try parser.problems.append(parser.ctx.allocator, problem);
    }

    fn parseProgram(parser: *Parser, source: Value) Error!Node {
        if (source != .object) {
            try parser.report("", &.{ "must be an object with version and output, not ", source.kind() });
            return nothing;
        }
        for (source.object.members()) |member| {
            if (std.mem.eql(u8, member.name, "version") or std.mem.eql(u8, member.name, "output")) continue;
            try parser.report("", &.{ "has the unknown member \"", member.name, "\"; there are version and output" });
        }
        const found = source.object.get("version") orelse .null;
        if (found != .number or number.toInteger(found.number) != version) {
            try parser.report("/version", &.{"must be 1"});
        }
        const output = source.object.get("output") orelse {
            try parser.report("/output", &.{"is missing"});
            return nothing;
        };
        return parser.parseNode(output, "/output");
    }

    fn parseNode(parser: *Parser, source: Value, place: []const u8) Error!Node {
        parser.nodes += 1;
        if (parser.depth == max_depth or parser.nodes > max_nodes) {
            const limit = std.fmt.comptimePrint("goes beyond {d} levels or {d} expressions", .{ max_depth, max_nodes });
            if (parser.nodes <= max_nodes + 1) try parser.report(place, &.{limit});
            return nothing;
        }
        parser.depth += 1;
        defer parser.depth -= 1;
        return switch (source) {
            .null, .boolean, .number, .string => .{ .literal = source },
            .array => |items| .{ .list = try parser.parseList(items, place) },
            .object => |object| if (object.get("op") == null)
                .{ .object = try parser.parseMembers(object, place) }
            else
                parser.parseCall(object, place),
        };
    }

    fn parseList(parser: *Parser, items: []const Value, place: []const u8) Error![]const Node {
        const nodes = try parser.ctx.allocator.alloc(Node, items.len);
        for (items, nodes, 0..) |item, *node, i| {
            node.* = try parser.parseNode(item, try parser.placeOf(place, try parser.ctx.print("{d}", .{i})));
        }
        return nodes;
    }

    fn parseMembers(parser: *Parser, object: *const json.Object, place: []const u8) Error![]const NamedNode {
        const nodes = try parser.ctx.allocator.alloc(NamedNode, object.members().len);
        for (object.members(), nodes) |member, *node| {
            const inner = try parser.placeOf(place, member.name);
            node.* = .{ .name = member.name, .node = try parser.parseNode(member.value, inner) };
        }
        return nodes;
    }

    /// A JSON Pointer (RFC 6901).
    fn placeOf(parser: *Parser, place: []const u8, name: []const u8) Error![]const u8 {
        const allocator = parser.ctx.allocator;
        const tilde = try std.mem.replaceOwned(u8, allocator, name, "~", "~0");
        const slash = try std.mem.replaceOwned(u8, allocator, tilde, "/", "~1");
        return std.mem.concat(allocator, u8, &.{ place, "/", slash });
    }

    fn parseCall(parser: *Parser, object: *const json.Object, place: []const u8) Error!Node {
        const name = object.get("op").?;
        const operation = (if (name == .string) findOperation(name.string) else null) orelse {
            const shown = if (name == .string) name.string else name.kind();
            try parser.report(place, &.{ "has the op \"", shown, "\", which is not known" });
            return nothing;
        };
        try parser.checkNames(object, operation, place);
        const call = try parser.ctx.allocator.create(Call);
        call.* = .{ .operation = operation, .place = place };
        if (object.get("as")) |given| call.item_name = try parser.parseName(given, place);
        const known_before = parser.known.items.len;
        defer parser.known.shrinkRetainingCapacity(known_before);
        var fields = std.mem.tokenizeScalar(u8, fieldsOf(operation), ' ');
        var at: usize = 0;
        while (fields.next()) |field| : (at += 1) {
            const given = object.get(fieldName(field)) orelse {
                if (std.mem.endsWith(u8, field, "?")) continue;
                try parser.report(place, &.{ "has no ", fieldName(field), ", which ", nameOf(operation), " needs" });
                continue;
            };
            try parser.parseField(call, at, field, given);
        }
        return .{ .call = call };
    }

    fn checkNames(parser: *Parser, object: *const json.Object, operation: Operation, place: []const u8) Error!void {
        next: for (object.members()) |member| {
            if (std.mem.eql(u8, member.name, "op")) continue;
            var fields = std.mem.tokenizeScalar(u8, fieldsOf(operation), ' ');
            while (fields.next()) |field| {
                if (std.mem.eql(u8, member.name, fieldName(field))) continue :next;
            }
            const name = nameOf(operation);
            try parser.report(place, &.{ "has the field ", member.name, ", which ", name, " does not know" });
        }
    }

    fn parseField(parser: *Parser, call: *Call, at: usize, field: []const u8, given: Value) Error!void {
        const name = fieldName(field);
        const place = try parser.placeOf(call.place, name);
        if (std.mem.eql(u8, name, "as")) return;
        if (call.operation == .literal) {
            call.arguments[at] = .{ .literal = given };
        } else if (call.operation == .get and at == 0) {
            call.path = try parser.parsePath(given, place);
        } else if (call.operation == .let and at == 0) {
            call.bindings = try parser.parseBindings(given, place);
        } else if (std.mem.indexOfScalar(u8, field, '>') != null) {
            const known_before = parser.known.items.len;
            try parser.known.append(parser.ctx.allocator, .{ .string = call.item_name });
            try parser.known.append(parser.ctx.allocator, .{ .string = "index" });
            call.arguments[at] = try parser.parseNode(given, place);
            parser.known.shrinkRetainingCapacity(known_before);
        } else call.arguments[at] = try parser.parseNode(given, place);
    }

    fn parsePath(parser: *Parser, given: Value, place: []const u8) Error!?Path {
        const parsed = if (given == .string) try Path.parse(parser.ctx.allocator, given.string) else null;
        const path = parsed orelse {
            try parser.report(place, &.{"must be a path like input.orders[0].name"});
            return null;
        };
        var listed: []const u8 = "";
        for (parser.known.items) |known| {
            if (std.mem.eql(u8, known.string, path.root)) return path;
            listed = try std.mem.concat(parser.ctx.allocator, u8, &.{ listed, " ", known.string });
        }
        try parser.report(place, &.{ "begins with \"", path.root, "\", but known here are only", listed });
        return null;
    }

    /// The names of `let` stay known until the call is parsed.
    fn parseBindings(parser: *Parser, given: Value, place: []const u8) Error![]const NamedNode {
        if (given != .object) {
            try parser.report(place, &.{ "must be an object, not ", given.kind() });
            return &.{};
        }
        const bindings = try parser.ctx.allocator.alloc(NamedNode, given.object.members().len);
        for (given.object.members(), bindings) |member, *binding| {
            const inner = try parser.placeOf(place, member.name);
            binding.* = .{ .name = member.name, .node = try parser.parseNode(member.value, inner) };
            const name = try parser.parseName(.{ .string = member.name }, inner);
            try parser.known.append(parser.ctx.allocator, .{ .string = name });
        }
        return bindings;
    }

    fn parseName(parser: *Parser, given: Value, place: []const u8) Error![]const u8 {
        const name = if (given == .string) given.string else "";
        const is_name = name.len > 0 and !std.ascii.isDigit(name[0]) and for (name) |char| {
            if (!std.ascii.isAlphanumeric(char) and char != '_') break false;
        } else true;
        if (is_name and !std.mem.eql(u8, name, "input")) return name;
        try parser.report(place, &.{"must name a variable with letters, digits and _, and not input"});
        return "item";
    }
};

fn fieldName(field: []const u8) []const u8 {
    return std.mem.trimEnd(u8, field, "?>");
}
