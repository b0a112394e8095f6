//! Applies a schema, which schema.zig has checked, to a value (JSON Schema 2020-12, core and validation).

const std = @import("std");
const sdk = @import("sdk");
const schemas = @import("schema.zig");
const Path = @import("path.zig").Path;
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

const max_errors = 100;
/// Schemas within schemas while one value is judged. Only a `$ref` to itself gets there: values are at most 128 deep.
const max_depth = 400;
const max_shown_bytes = 200;

/// The first errors, at most 100, each {"path", "message"}. Fails if a `$ref` leads to itself without end.
pub fn findErrors(ctx: *Context, schema: Value, instance: Value) Error![]const Value {
    var errors: std.ArrayList(Value) = .empty;
    var evaluator: Evaluator = .{ .ctx = ctx, .root = schema, .errors = &errors };
    _ = try evaluator.evaluate(schema, instance, &.root);
    return errors.items;
}

const Evaluator = struct {
    ctx: *Context,
    root: Value,
    /// Null while only yes or no is wanted, as within `anyOf`.
    errors: ?*std.ArrayList(Value),
    depth: usize = 0,

    /// Whether `instance` fits `schema`. Where it does not, says why in `errors`.
    fn evaluate(evaluator: *Evaluator, schema: Value, instance: Value, path: *const Path) Error!bool {
        if (schema == .boolean) {
            return schema.boolean or try evaluator.report(path, "nothing is allowed here", .{});
        }
        if (evaluator.depth == max_depth) {
            return evaluator.ctx.fail("INVALID_SCHEMA", "`schema` has a $ref that leads to itself without end.");
        }
        evaluator.depth += 1;
        defer evaluator.depth -= 1;
        var fits = true;
        for (schema.object.members()) |member| {
            const keyword = std.meta.stringToEnum(schemas.Keyword, member.name) orelse continue;
            if (!try evaluator.apply(keyword, member.value, schema, instance, path)) {
                fits = false;
                if (evaluator.isFull()) return false;
            }
        }
        return fits;
    }

    fn isFull(evaluator: *const Evaluator) bool {
        return if (evaluator.errors) |errors| errors.items.len == max_errors else true;
    }

    fn apply(evaluator: *Evaluator, keyword: schemas.Keyword, value: Value, schema: Value, instance: Value, path: *const Path) Error!bool {
        return switch (keyword) {
            .@"$defs" => true,
            .@"$ref" => evaluator.evaluate((try schemas.resolve(evaluator.ctx, evaluator.root, value.string)).?, instance, path),
            .type => evaluator.applyType(value, instance, path),
            .@"enum" => evaluator.applyEnum(value.array, instance, path),
            .@"const" => value.eql(instance) or try evaluator.report(path, "must be {s}", .{try evaluator.show(value)}),
            .allOf => evaluator.applyAllOf(value.array, instance, path),
            .anyOf => try evaluator.countFitting(value.array, instance, path) > 0 or
                try evaluator.report(path, "fits none of the schemas in anyOf", .{}),
            .oneOf => evaluator.applyOneOf(value.array, instance, path),
            .not => !try evaluator.fitsQuietly(value, instance, path) or
                try evaluator.report(path, "must not fit the schema in `not`", .{}),
            .properties, .required, .additionalProperties, .minProperties, .maxProperties => instance != .object or
                try evaluator.applyToObject(keyword, value, schema, instance, path),
            .items, .prefixItems, .minItems, .maxItems, .uniqueItems => instance != .array or
                try evaluator.applyToArray(keyword, value, schema, instance.array, path),
            .minLength, .maxLength => instance != .string or
                try evaluator.applyLength(keyword, value.number, sdk.text.count(instance.string), "characters", path),
            .minimum, .maximum, .exclusiveMinimum, .exclusiveMaximum, .multipleOf => instance != .number or
                try evaluator.applyToNumber(keyword, value.number, instance.number, path),
        };
    }

    fn applyType(evaluator: *Evaluator, value: Value, instance: Value, path: *const Path) Error!bool {
        const names: []const Value = if (value == .array) value.array else &.{value};
        for (names) |name| {
            if (isOfType(instance, std.meta.stringToEnum(schemas.Type, name.string).?)) return true;
        }
        var wanted: std.ArrayList(u8) = .empty;
        for (names, 0..) |name, i| {
            if (i > 0) try wanted.appendSlice(evaluator.ctx.allocator, " or ");
            try wanted.appendSlice(evaluator.ctx.allocator, name.string);
        }
        return evaluator.report(path, "must be of type {s}, not {s}", .{ wanted.items, typeName(instance) });
    }

    fn applyEnum(evaluator: *Evaluator, allowed: []const Value, instance: Value, path: *const Path) Error!bool {
        for (allowed) |value| {
            if (value.eql(instance)) return true;
        }
        return evaluator.report(path, "must be one of {s}", .{try evaluator.show(.{ .array = allowed })});
    }

    fn applyAllOf(evaluator: *Evaluator, listed: []const Value, instance: Value, path: *const Path) Error!bool {
        var fits = true;
        for (listed) |schema| {
            if (!try evaluator.evaluate(schema, instance, path)) fits = false;
        }
        return fits;
    }

    fn applyOneOf(evaluator: *Evaluator, listed: []const Value, instance: Value, path: *const Path) Error!bool {
        const fitting = try evaluator.countFitting(listed, instance, path);
        return fitting == 1 or try evaluator.report(path, "fits {d} of the schemas in oneOf, not one", .{fitting});
    }

    fn countFitting(evaluator: *Evaluator, listed: []const Value, instance: Value, path: *const Path) Error!usize {
        var fitting: usize = 0;
        for (listed) |schema| fitting += @intFromBool(try evaluator.fitsQuietly(schema, instance, path));
        return fitting;
    }

    fn fitsQuietly(evaluator: *Evaluator, schema: Value, instance: Value, path: *const Path) Error!bool {
        const errors = evaluator.errors;
        evaluator.errors = null;
        defer evaluator.errors = errors;
        return evaluator.evaluate(schema, instance, path);
    }

    fn applyToObject(evaluator: *Evaluator, keyword: schemas.Keyword, value: Value, schema: Value, instance: Value, path: *const Path) Error!bool {
        var fits = true;
        switch (keyword) {
            .properties => for (value.object.members()) |property| {
                const member = instance.get(property.name) orelse continue;
                if (!try evaluator.evaluate(property.value, member, &path.member(property.name))) fits = false;
            },
            .required => for (value.array) |name| {
                if (instance.get(name.string) == null) {
                    fits = try evaluator.report(path, "must have the member \"{s}\"", .{name.string});
                }
            },
            .additionalProperties => for (instance.object.members()) |member| {
                if (schema.get("properties")) |properties| {
                    if (properties.get(member.name) != null) continue;
                }
                if (!try evaluator.evaluate(value, member.value, &path.member(member.name))) fits = false;
            },
            .minProperties, .maxProperties => {
                const count = instance.object.members().len;
                return evaluator.applyLength(keyword, value.number, count, "members", path);
            },
            else => unreachable,
        }
        return fits;
    }

    fn applyToArray(evaluator: *Evaluator, keyword: schemas.Keyword, value: Value, schema: Value, items: []const Value, path: *const Path) Error!bool {
        var fits = true;
        switch (keyword) {
            .prefixItems => for (items[0..@min(items.len, value.array.len)], value.array[0..@min(items.len, value.array.len)], 0..) |item, prefix, i| {
                if (!try evaluator.evaluate(prefix, item, &path.item(i))) fits = false;
            },
            .items => {
                const prefix_length = if (schema.get("prefixItems")) |prefix| prefix.array.len else 0;
                for (items, 0..) |item, i| {
                    if (i >= prefix_length and !try evaluator.evaluate(value, item, &path.item(i))) fits = false;
                }
            },
            .uniqueItems => if (value.boolean) {
                return evaluator.applyUniqueItems(items, path);
            },
            .minItems, .maxItems => return evaluator.applyLength(keyword, value.number, items.len, "items", path),
            else => unreachable,
        }
        return fits;
    }

    fn applyUniqueItems(evaluator: *Evaluator, items: []const Value, path: *const Path) Error!bool {
        const set: sdk.ValueSet = try .init(evaluator.ctx.allocator, items.len);
        for (items, 0..) |item, i| {
            if (set.enter(item, i)) |earlier| {
                return evaluator.report(path, "must have no item twice, but items {d} and {d} are the same", .{ earlier, i });
            }
        }
        return true;
    }

    /// minLength and its kin: `bound` is a whole number as it is written.
    fn applyLength(evaluator: *Evaluator, keyword: schemas.Keyword, bound: []const u8, length: usize, unit: []const u8, path: *const Path) Error!bool {
        const lexeme = try evaluator.ctx.print("{d}", .{length});
        const order = sdk.number.order(lexeme, bound);
        return switch (keyword) {
            .minLength, .minItems, .minProperties => order != .lt or
                try evaluator.report(path, "must have at least {s} {s}, not {s}", .{ bound, unit, lexeme }),
            .maxLength, .maxItems, .maxProperties => order != .gt or
                try evaluator.report(path, "must have at most {s} {s}, not {s}", .{ bound, unit, lexeme }),
            else => unreachable,
        };
    }

    fn applyToNumber(evaluator: *Evaluator, keyword: schemas.Keyword, bound: []const u8, lexeme: []const u8, path: *const Path) Error!bool {
        const order = sdk.number.order(lexeme, bound);
        return switch (keyword) {
            .minimum => order != .lt or try evaluator.report(path, "must be at least {s}", .{bound}),
            .maximum => order != .gt or try evaluator.report(path, "must be at most {s}", .{bound}),
            .exclusiveMinimum => order == .gt or try evaluator.report(path, "must be more than {s}", .{bound}),
            .exclusiveMaximum => order == .lt or try evaluator.report(path, "must be less than {s}", .{bound}),
            .multipleOf => sdk.number.isMultiple(lexeme, bound).? or
                try evaluator.report(path, "must be a multiple of {s}", .{bound}),
            else => unreachable,
        };
    }

    /// Always false, so that a check reads `it fits or report`.
    fn report(evaluator: *Evaluator, path: *const Path, comptime format: []const u8, arguments: anytype) Error!bool {
        const errors = evaluator.errors orelse return false;
        if (errors.items.len == max_errors) return false;
        const allocator = evaluator.ctx.allocator;
        const message = try evaluator.ctx.print(format, arguments);
        try errors.append(allocator, try evaluator.ctx.value(.{ .path = try path.render(allocator), .message = message }));
        return false;
    }

    fn show(evaluator: *Evaluator, value: Value) Error![]const u8 {
        const shown = try sdk.render(evaluator.ctx.allocator, value);
        return if (shown.len <= max_shown_bytes) shown else evaluator.ctx.print("{s}...", .{sdk.text.prefix(shown, max_shown_bytes)});
    }
};

fn isOfType(instance: Value, wanted: schemas.Type) bool {
    return switch (wanted) {
        .null => instance == .null,
        .boolean => instance == .boolean,
        .object => instance == .object,
        .array => instance == .array,
        .string => instance == .string,
        .number => instance == .number,
        .integer => instance == .number and sdk.number.isInteger(instance.number),
    };
}

fn typeName(instance: Value) []const u8 {
    return switch (instance) {
        .number => |lexeme| if (sdk.number.isInteger(lexeme)) "integer" else "number",
        else => @tagName(instance),
    };
}
