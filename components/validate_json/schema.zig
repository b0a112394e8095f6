//! The part of JSON Schema 2020-12 that is understood, and the check that a schema keeps to it.

const std = @import("std");
const sdk = @import("sdk");
const Path = @import("path.zig").Path;
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

/// Every keyword that asserts something or leads to a schema.
pub const Keyword = enum {
    @"$ref",
    @"$defs",
    type,
    @"enum",
    @"const",
    properties,
    required,
    additionalProperties,
    minProperties,
    maxProperties,
    items,
    prefixItems,
    minItems,
    maxItems,
    uniqueItems,
    minLength,
    maxLength,
    minimum,
    maximum,
    exclusiveMinimum,
    exclusiveMaximum,
    multipleOf,
    allOf,
    anyOf,
    oneOf,
    not,
};

/// Keywords that say something about a value and demand nothing. So is every name that begins with `x-`.
const Annotation = enum {
    @"$schema",
    @"$id",
    @"$comment",
    title,
    description,
    default,
    examples,
    deprecated,
    readOnly,
    writeOnly,
    format,
    contentEncoding,
    contentMediaType,
};

pub const Type = enum { null, boolean, object, array, number, string, integer };

const type_names = "null, boolean, object, array, number, string, integer";

/// Fails with INVALID_SCHEMA unless `root` is a schema of known keywords with values of the right kind.
pub fn check(ctx: *Context, root: Value) Error!void {
    const checker: Checker = .{ .ctx = ctx, .root = root };
    return checker.checkSchema(root, &.root);
}

/// The schema that a `$ref` names: `#` or `#/$defs/NAME`, whatever an `$id` says. Null if there is none.
pub fn resolve(ctx: *Context, root: Value, reference: []const u8) Error!?Value {
    if (std.mem.eql(u8, reference, "#")) return root;
    const prefix = "#/$defs/";
    if (!std.mem.startsWith(u8, reference, prefix)) return null;
    const definitions = root.get("$defs") orelse return null;
    const encoded = try sdk.percent.decode(ctx.allocator, reference[prefix.len..]) orelse return null;
    // RFC 6901, section 4: first ~1, then ~0.
    const slashes = try std.mem.replaceOwned(u8, ctx.allocator, encoded, "~1", "/");
    return definitions.get(try std.mem.replaceOwned(u8, ctx.allocator, slashes, "~0", "~"));
}

const Checker = struct {
    ctx: *Context,
    root: Value,

    fn checkSchema(checker: Checker, schema: Value, path: *const Path) Error!void {
        if (schema == .boolean) return;
        if (schema != .object) return checker.refuse(path, "a schema must be an object, true or false");
        for (schema.object.members()) |member| {
            const here = path.member(member.name);
            if (std.meta.stringToEnum(Keyword, member.name)) |keyword| {
                try checker.checkKeyword(keyword, member.value, &here);
            } else if (!isAnnotation(member.name)) {
                return checker.refuse(&here, "this keyword is not known here");
            }
        }
    }

    fn checkKeyword(checker: Checker, keyword: Keyword, value: Value, path: *const Path) Error!void {
        switch (keyword) {
            .@"const" => {},
            .@"enum" => if (value != .array) return checker.refuse(path, "must be a list"),
            .@"$ref" => if (value != .string or try resolve(checker.ctx, checker.root, value.string) == null) {
                return checker.refuse(path, "must be `#` or `#/$defs/NAME` with a name that is there");
            },
            .type => try checker.checkTypes(value, path),
            .required => if (value != .array or !allTexts(value.array)) {
                return checker.refuse(path, "must be a list of texts");
            },
            .uniqueItems => if (value != .boolean) return checker.refuse(path, "must be true or false"),
            .minLength, .maxLength, .minItems, .maxItems, .minProperties, .maxProperties => if (!isCount(value)) {
                return checker.refuse(path, "must be a whole number, at least 0");
            },
            .minimum, .maximum, .exclusiveMinimum, .exclusiveMaximum => if (value != .number) {
                return checker.refuse(path, "must be a number");
            },
            .multipleOf => if (!isDivisor(value)) {
                return checker.refuse(path, "must be a number above 0 of at most 18 digits");
            },
            .items, .additionalProperties, .not => try checker.checkSchema(value, path),
            .prefixItems, .allOf, .anyOf, .oneOf => try checker.checkList(value, path),
            .properties, .@"$defs" => try checker.checkMembers(value, path),
        }
    }

    fn checkTypes(checker: Checker, value: Value, path: *const Path) Error!void {
        const names: []const Value = if (value == .array) value.array else &.{value};
        for (names) |name| {
            if (name == .string and std.meta.stringToEnum(Type, name.string) != null) continue;
            return checker.refuse(path, "must be a type's name or a list of them: " ++ type_names);
        }
    }

    fn checkList(checker: Checker, value: Value, path: *const Path) Error!void {
        if (value != .array or value.array.len == 0) {
            return checker.refuse(path, "must be a list of at least one schema");
        }
        for (value.array, 0..) |schema, i| try checker.checkSchema(schema, &path.item(i));
    }

    fn checkMembers(checker: Checker, value: Value, path: *const Path) Error!void {
        if (value != .object) return checker.refuse(path, "must be an object of schemas");
        for (value.object.members()) |member| try checker.checkSchema(member.value, &path.member(member.name));
    }

    fn refuse(checker: Checker, path: *const Path, reason: []const u8) Error {
        const place = try path.render(checker.ctx.allocator);
        const message = try checker.ctx.print("`schema` at \"{s}\": {s}.", .{ place, reason });
        return checker.ctx.fail("INVALID_SCHEMA", message);
    }
};

fn isAnnotation(name: []const u8) bool {
    return std.meta.stringToEnum(Annotation, name) != null or std.mem.startsWith(u8, name, "x-");
}

fn allTexts(values: []const Value) bool {
    return for (values) |value| {
        if (value != .string) break false;
    } else true;
}

fn isCount(value: Value) bool {
    return value == .number and sdk.number.isInteger(value.number) and sdk.number.order(value.number, "0") != .lt;
}

fn isDivisor(value: Value) bool {
    return value == .number and sdk.number.order(value.number, "0") == .gt and
        sdk.number.isMultiple("1", value.number) != null;
}
