//! Applies a schema, which schema.zig has checked, to a value (JSON Schema 2020-12, core and validation).

const std = @import("std");
const context = @import("../context.zig");
const json = @import("../json.zig");
const number = @import("../number.zig");
const pattern = @import("../pattern.zig");
const render = @import("../render.zig").render;
const schemas = @import("schema.zig");
const text = @import("../text.zig");
const Context = context.Context;
const Error = context.Error;
const Path = @import("path.zig").Path;
const Value = json.Value;
const ValueSet = @import("../value_set.zig").ValueSet;
const Keyword = schemas.Keyword;
const Schema = schemas.Schema;

const max_errors = 100;
/// Schemas that apply within one another. At most 368 bytes of stack for each, so they fit the 128 KiB.
const max_depth = 320;
const max_shown_bytes = 200;
/// Steps of patterns, and what the application of a schema counts beside them: some seconds of computing.
const max_work = 30_000_000;
const work_of_a_schema = 10;

/// The first errors, at most 100, each {"path", "message"}. Fails with SCHEMA_TOO_DEEP, as on a `$ref` to itself, and
/// with SCHEMA_TOO_COSTLY.
pub fn findErrors(ctx: *Context, schema: *const Schema, instance: Value) Error![]const Value {
    var errors: std.ArrayList(Value) = .empty;
    var evaluator: Evaluator = .{
        .ctx = ctx,
        .schema = schema,
        .errors = &errors,
        .matcher = .{ .allocator = ctx.allocator, .work_left = max_work },
    };
    _ = try evaluator.evaluate(.{ .schema = schema.root, .instance = instance, .path = &.root });
    return errors.items;
}

/// A schema, the value that it is applied to, and where that lies.
const Place = struct {
    schema: Value,
    instance: Value,
    path: *const Path,

    fn with(place: Place, schema: Value) Place {
        return .{ .schema = schema, .instance = place.instance, .path = place.path };
    }
};

/// `evaluate` recurs, so what it calls is kept out of its frame by `noinline`.
const Evaluator = struct {
    ctx: *Context,
    schema: *const Schema,
    matcher: pattern.Matcher,
    /// Null while only yes or no is wanted, as within `anyOf`.
    errors: ?*std.ArrayList(Value),
    depth: usize = 0,

    /// Whether the value fits the schema. Where it does not, says why in `errors`.
    fn evaluate(evaluator: *Evaluator, place: Place) Error!bool {
        if (place.schema == .boolean) {
            return place.schema.boolean or try evaluator.report(place, "nothing is allowed here", .{});
        }
        if (evaluator.depth == max_depth) {
            return evaluator.failTooDeep(place);
        }
        if (evaluator.matcher.work_left < work_of_a_schema) return evaluator.failTooCostly(place);
        evaluator.matcher.work_left -= work_of_a_schema;
        evaluator.depth += 1;
        defer evaluator.depth -= 1;
        var fits = true;
        for (place.schema.object.members()) |member| {
            const keyword = std.meta.stringToEnum(Keyword, member.name) orelse continue;
            if (!try evaluator.apply(keyword, member.value, place)) fits = false;
            if (!fits and evaluator.knowsEnough()) return false;
        }
        return fits;
    }

    noinline fn failTooDeep(evaluator: *Evaluator, place: Place) Error {
        const format = "At \"{s}\" more than {d} schemas apply within one another: look for a $ref to itself.";
        const path = try place.path.render(evaluator.ctx.allocator);
        return evaluator.ctx.fail("SCHEMA_TOO_DEEP", try evaluator.ctx.print(format, .{ path, max_depth }));
    }

    noinline fn failTooCostly(evaluator: *Evaluator, place: Place) Error {
        const format = "At \"{s}\" the schema has taken more than {d} steps.";
        const path = try place.path.render(evaluator.ctx.allocator);
        return evaluator.ctx.fail("SCHEMA_TOO_COSTLY", try evaluator.ctx.print(format, .{ path, max_work }));
    }

    fn knowsEnough(evaluator: *const Evaluator) bool {
        return if (evaluator.errors) |errors| errors.items.len == max_errors else true;
    }

    fn apply(evaluator: *Evaluator, keyword: Keyword, value: Value, place: Place) Error!bool {
        return switch (keyword) {
            .@"$id", .@"$anchor", .@"$defs", .definitions => true,
            // `if` and `contains` look at these.
            .then, .@"else", .minContains, .maxContains => true,
            .@"$ref" => evaluator.applyReference(place),
            .@"if" => evaluator.applyIf(value, place),
            .type => evaluator.applyType(value, place),
            .@"enum" => evaluator.applyEnum(value.array, place),
            .@"const" => value.eql(place.instance) or
                try evaluator.report(place, "must be {s}", .{try evaluator.show(value)}),
            .allOf => evaluator.applyAllOf(value.array, place),
            .anyOf => try evaluator.countFitting(value.array, place) > 0 or
                try evaluator.report(place, "fits none of the schemas in anyOf", .{}),
            .oneOf => evaluator.applyOneOf(value.array, place),
            .not => try evaluator.countFitting(&.{value}, place) == 0 or
                try evaluator.report(place, "must not fit the schema in `not`", .{}),
            .properties,
            .required,
            .patternProperties,
            .additionalProperties,
            .propertyNames,
            .dependentRequired,
            .dependentSchemas,
            .minProperties,
            .maxProperties,
            => place.instance != .object or try evaluator.applyToObject(keyword, value, place),
            .items,
            .prefixItems,
            .minItems,
            .maxItems,
            .uniqueItems,
            .contains,
            => place.instance != .array or try evaluator.applyToArray(keyword, value, place),
            .minLength, .maxLength => place.instance != .string or
                try evaluator.applyLength(keyword, value, text.count(place.instance.string), place),
            .pattern => place.instance != .string or try evaluator.applyPattern(value.string, place),
            .minimum,
            .maximum,
            .exclusiveMinimum,
            .exclusiveMaximum,
            .multipleOf,
            => place.instance != .number or try evaluator.applyToNumber(keyword, value.number, place),
        };
    }

    noinline fn applyReference(evaluator: *Evaluator, place: Place) Error!bool {
        return evaluator.evaluate(place.with(evaluator.schema.targets.get(place.schema.object).?));
    }

    noinline fn applyIf(evaluator: *Evaluator, condition: Value, place: Place) Error!bool {
        const fits = try evaluator.countFitting(&.{condition}, place) > 0;
        const schema = place.schema.get(if (fits) "then" else "else") orelse return true;
        return evaluator.evaluate(place.with(schema));
    }

    noinline fn applyPattern(evaluator: *Evaluator, source: []const u8, place: Place) Error!bool {
        if (try evaluator.isFound(source, place.instance.string, place)) return true;
        return evaluator.report(place, "must match the pattern {s}", .{try evaluator.show(.{ .string = source })});
    }

    noinline fn isFound(evaluator: *Evaluator, source: []const u8, subject: []const u8, place: Place) Error!bool {
        const program = evaluator.schema.patterns.getPtr(source).?;
        return evaluator.matcher.isFound(program, subject) catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.TooMuchWork => return evaluator.failTooCostly(place),
        };
    }

    noinline fn applyType(evaluator: *Evaluator, value: Value, place: Place) Error!bool {
        const names: []const Value = if (value == .array) value.array else &.{value};
        for (names) |name| {
            if (isOfType(place.instance, std.meta.stringToEnum(schemas.Type, name.string).?)) return true;
        }
        var wanted: std.ArrayList(u8) = .empty;
        for (names, 0..) |name, i| {
            if (i > 0) try wanted.appendSlice(evaluator.ctx.allocator, " or ");
            try wanted.appendSlice(evaluator.ctx.allocator, name.string);
        }
        return evaluator.report(place, "must be of type {s}, not {s}", .{ wanted.items, typeName(place.instance) });
    }

    noinline fn applyEnum(evaluator: *Evaluator, allowed: []const Value, place: Place) Error!bool {
        for (allowed) |value| {
            if (value.eql(place.instance)) return true;
        }
        if (allowed.len == 0) return evaluator.report(place, "nothing is allowed here, for the enum is empty", .{});
        return evaluator.report(place, "must be one of {s}", .{try evaluator.show(.{ .array = allowed })});
    }

    noinline fn applyAllOf(evaluator: *Evaluator, listed: []const Value, place: Place) Error!bool {
        var fits = true;
        for (listed) |schema| {
            if (!try evaluator.evaluate(place.with(schema))) fits = false;
        }
        return fits;
    }

    noinline fn applyOneOf(evaluator: *Evaluator, listed: []const Value, place: Place) Error!bool {
        const fitting = try evaluator.countFitting(listed, place);
        return fitting == 1 or try evaluator.report(place, "fits {d} of the schemas in oneOf, not one", .{fitting});
    }

    noinline fn countFitting(evaluator: *Evaluator, listed: []const Value, place: Place) Error!usize {
        const errors = evaluator.errors;
        evaluator.errors = null;
        defer evaluator.errors = errors;
        var fitting: usize = 0;
        for (listed) |schema| fitting += @intFromBool(try evaluator.evaluate(place.with(schema)));
        return fitting;
    }

    noinline fn applyToObject(evaluator: *Evaluator, keyword: Keyword, value: Value, place: Place) Error!bool {
        const object = place.instance.object;
        var fits = true;
        switch (keyword) {
            .properties => for (value.object.members()) |property| {
                const member = object.get(property.name) orelse continue;
                if (!try evaluator.evaluateMember(property.value, member, property.name, place)) fits = false;
            },
            .required => return evaluator.requireMembers(value.array, null, place),
            .dependentRequired => for (value.object.members()) |dependent| {
                if (object.get(dependent.name) == null) continue;
                if (!try evaluator.requireMembers(dependent.value.array, dependent.name, place)) fits = false;
            },
            .dependentSchemas => for (value.object.members()) |dependent| {
                if (object.get(dependent.name) == null) continue;
                if (!try evaluator.evaluate(place.with(dependent.value))) fits = false;
            },
            .patternProperties => return evaluator.applyPatternProperties(value.object, place),
            .additionalProperties => for (object.members()) |member| {
                if (try evaluator.isNamed(member.name, place)) continue;
                if (!try evaluator.evaluateMember(value, member.value, member.name, place)) fits = false;
            },
            .propertyNames => for (object.members()) |member| {
                if (!try evaluator.applyPropertyName(value, member.name, place)) fits = false;
            },
            else => return evaluator.applyLength(keyword, value, object.members().len, place),
        }
        return fits;
    }

    /// `because` is the member that asks for the others.
    noinline fn requireMembers(
        evaluator: *Evaluator,
        names: []const Value,
        because: ?[]const u8,
        place: Place,
    ) Error!bool {
        var fits = true;
        for (names, 0..) |name, i| {
            if (place.instance.object.get(name.string) != null or isAmong(names[0..i], name)) continue;
            fits = if (because) |other|
                try evaluator.report(place, "must have the member \"{s}\", as it has \"{s}\"", .{ name.string, other })
            else
                try evaluator.report(place, "must have the member \"{s}\"", .{name.string});
        }
        return fits;
    }

    noinline fn applyPatternProperties(evaluator: *Evaluator, patterns: *const json.Object, place: Place) Error!bool {
        var fits = true;
        for (place.instance.object.members()) |member| {
            for (patterns.members()) |wanted| {
                if (!try evaluator.isFound(wanted.name, member.name, place)) continue;
                if (!try evaluator.evaluateMember(wanted.value, member.value, member.name, place)) fits = false;
            }
        }
        return fits;
    }

    /// By `properties` or `patternProperties`, so that it is no additional one.
    noinline fn isNamed(evaluator: *Evaluator, name: []const u8, place: Place) Error!bool {
        if (place.schema.get("properties")) |properties| if (properties.get(name) != null) return true;
        const patterns = place.schema.get("patternProperties") orelse return false;
        return for (patterns.object.members()) |wanted| {
            if (try evaluator.isFound(wanted.name, name, place)) break true;
        } else false;
    }

    noinline fn applyPropertyName(evaluator: *Evaluator, schema: Value, name: []const u8, place: Place) Error!bool {
        const instance: Value = .{ .string = name };
        const named: Place = .{ .schema = schema, .instance = instance, .path = place.path };
        if (try evaluator.countFitting(&.{schema}, named) > 0) return true;
        return evaluator.report(place, "has the name {s}, which does not fit propertyNames", .{
            try evaluator.show(instance),
        });
    }

    fn evaluateMember(evaluator: *Evaluator, schema: Value, member: Value, name: []const u8, place: Place) Error!bool {
        return evaluator.evaluate(.{ .schema = schema, .instance = member, .path = &place.path.member(name) });
    }

    noinline fn applyToArray(evaluator: *Evaluator, keyword: Keyword, value: Value, place: Place) Error!bool {
        const items = place.instance.array;
        const prefix_length = if (place.schema.get("prefixItems")) |prefix| @min(prefix.array.len, items.len) else 0;
        var fits = true;
        switch (keyword) {
            .prefixItems => for (items[0..prefix_length], 0..) |item, i| {
                if (!try evaluator.evaluateItem(value.array[i], item, i, place)) fits = false;
            },
            .items => for (items[prefix_length..], prefix_length..) |item, i| {
                if (!try evaluator.evaluateItem(value, item, i, place)) fits = false;
            },
            .contains => return evaluator.applyContains(value, items, place),
            .uniqueItems => return !value.boolean or try evaluator.applyUniqueItems(items, place),
            else => return evaluator.applyLength(keyword, value, items.len, place),
        }
        return fits;
    }

    fn evaluateItem(evaluator: *Evaluator, schema: Value, item: Value, position: usize, place: Place) Error!bool {
        return evaluator.evaluate(.{ .schema = schema, .instance = item, .path = &place.path.item(position) });
    }

    noinline fn applyContains(evaluator: *Evaluator, schema: Value, items: []const Value, place: Place) Error!bool {
        var fitting: usize = 0;
        for (items) |item| {
            fitting += try evaluator.countFitting(&.{schema}, .{ .schema = schema, .instance = item, .path = place.path });
        }
        const least = place.schema.get("minContains") orelse Value{ .number = "1" };
        if (!try evaluator.applyLength(.minContains, least, fitting, place)) return false;
        const most = place.schema.get("maxContains") orelse return true;
        return evaluator.applyLength(.maxContains, most, fitting, place);
    }

    noinline fn applyUniqueItems(evaluator: *Evaluator, items: []const Value, place: Place) Error!bool {
        const set: ValueSet = try .init(evaluator.ctx.allocator, items.len);
        for (items, 0..) |item, i| {
            const earlier = set.enter(item, i) orelse continue;
            return evaluator.report(place, "must not repeat an item, but {d} and {d} are the same", .{ earlier, i });
        }
        return true;
    }

    /// minLength and its kin. The bound may be larger than any integer type, so it is compared as it is written.
    noinline fn applyLength(
        evaluator: *Evaluator,
        keyword: Keyword,
        value: Value,
        length: usize,
        place: Place,
    ) Error!bool {
        const bound = value.number;
        const counted = try evaluator.ctx.print("{d}", .{length});
        const order = number.order(counted, bound);
        const fits = switch (keyword) {
            .minLength, .minItems, .minContains, .minProperties => order != .lt,
            else => order != .gt,
        };
        return fits or try evaluator.reportLength(keyword, bound, counted, place);
    }

    noinline fn reportLength(
        evaluator: *Evaluator,
        keyword: Keyword,
        bound: []const u8,
        counted: []const u8,
        place: Place,
    ) Error!bool {
        const word, const unit, const ending = switch (keyword) {
            .minLength => .{ "least", "character", "" },
            .maxLength => .{ "most", "character", "" },
            .minItems => .{ "least", "item", "" },
            .maxItems => .{ "most", "item", "" },
            .minContains => .{ "least", "item", " that fits `contains`" },
            .maxContains => .{ "most", "item", " that fits `contains`" },
            .minProperties => .{ "least", "member", "" },
            .maxProperties => .{ "most", "member", "" },
            else => unreachable,
        };
        const is_one = number.order(bound, "1") == .eq;
        const plural = if (is_one) "" else "s";
        const shown_ending = if (ending.len > 0 and !is_one) " that fit `contains`" else ending;
        const format = "must have at {s} {s} {s}{s}{s}, not {s}";
        return evaluator.report(place, format, .{ word, bound, unit, plural, shown_ending, counted });
    }

    noinline fn applyToNumber(evaluator: *Evaluator, keyword: Keyword, bound: []const u8, place: Place) Error!bool {
        const lexeme = place.instance.number;
        const order = number.order(lexeme, bound);
        const fits, const demand = switch (keyword) {
            .minimum => .{ order != .lt, "at least" },
            .maximum => .{ order != .gt, "at most" },
            .exclusiveMinimum => .{ order == .gt, "more than" },
            .exclusiveMaximum => .{ order == .lt, "less than" },
            .multipleOf => .{ number.isMultiple(lexeme, bound).?, "a multiple of" },
            else => unreachable,
        };
        return fits or try evaluator.report(place, "must be {s} {s}", .{ demand, bound });
    }

    /// Always false, so that a check reads `it fits or report`.
    noinline fn report(
        evaluator: *Evaluator,
        place: Place,
        comptime format: []const u8,
        arguments: anytype,
    ) Error!bool {
        const errors = evaluator.errors orelse return false;
        if (errors.items.len == max_errors) return false;
        const path = try place.path.render(evaluator.ctx.allocator);
        const message = try evaluator.ctx.print(format, arguments);
        const described = try evaluator.ctx.value(.{ .path = path, .message = message });
        try errors.append(evaluator.ctx.allocator, described);
        return false;
    }

    fn show(evaluator: *Evaluator, value: Value) Error![]const u8 {
        const shown = try render(evaluator.ctx.allocator, value);
        if (shown.len <= max_shown_bytes) return shown;
        return evaluator.ctx.print("{s}...", .{text.prefix(shown, max_shown_bytes)});
    }
};

fn isAmong(names: []const Value, wanted: Value) bool {
    return for (names) |name| {
        if (name.eql(wanted)) break true;
    } else false;
}

fn isOfType(instance: Value, wanted: schemas.Type) bool {
    return switch (wanted) {
        .null => instance == .null,
        .boolean => instance == .boolean,
        .object => instance == .object,
        .array => instance == .array,
        .string => instance == .string,
        .number => instance == .number,
        .integer => instance == .number and number.isInteger(instance.number),
    };
}

fn typeName(instance: Value) []const u8 {
    return switch (instance) {
        .number => |lexeme| if (number.isInteger(lexeme)) "integer" else "number",
        else => @tagName(instance),
    };
}
