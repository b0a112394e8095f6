//! The part of JSON Schema 2020-12 that is understood, and the check that a schema keeps to it.

const std = @import("std");
const context = @import("../context.zig");
const json = @import("../json.zig");
const number = @import("../number.zig");
const pattern = @import("../pattern.zig");
const reference = @import("reference.zig");
const Context = context.Context;
const Error = context.Error;
const Path = @import("path.zig").Path;
const Value = json.Value;

/// Every keyword that asserts something, or leads to a schema or names one.
pub const Keyword = enum {
    @"$id",
    @"$anchor",
    @"$ref",
    @"$defs",
    definitions,
    type,
    @"enum",
    @"const",
    properties,
    required,
    patternProperties,
    additionalProperties,
    propertyNames,
    dependentRequired,
    dependentSchemas,
    minProperties,
    maxProperties,
    items,
    prefixItems,
    minItems,
    maxItems,
    uniqueItems,
    contains,
    minContains,
    maxContains,
    minLength,
    maxLength,
    pattern,
    minimum,
    maximum,
    exclusiveMinimum,
    exclusiveMaximum,
    multipleOf,
    allOf,
    anyOf,
    oneOf,
    not,
    @"if",
    then,
    @"else",
};

/// Keywords that say something about a value and demand nothing. So is every name that begins with `x-`.
const Annotation = enum {
    @"$schema",
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
    contentSchema,
};

/// Keywords of other drafts, or such that are not supported, and what to write.
const others = [_]struct { name: []const u8, instead: []const u8 }{
    .{ .name = "additionalItems", .instead = "`items` beside `prefixItems`" },
    .{ .name = "dependencies", .instead = "`dependentRequired` or `dependentSchemas`" },
    .{ .name = "id", .instead = "`$id`" },
    .{ .name = "unevaluatedItems", .instead = "`items`" },
    .{ .name = "unevaluatedProperties", .instead = "`additionalProperties`" },
    .{ .name = "$dynamicRef", .instead = "`$ref`" },
    .{ .name = "$dynamicAnchor", .instead = "`$anchor`" },
    .{ .name = "$recursiveRef", .instead = "`$ref`" },
};

pub const Type = enum { null, boolean, object, array, number, string, integer };

const type_names = "null, boolean, object, array, number, string, integer";

/// A schema that is checked, with what its keywords lead to.
pub const Schema = struct {
    root: Value,
    /// What the `$ref` of an object leads to.
    targets: std.AutoHashMapUnmanaged(*const json.Object, Value) = .empty,
    /// By their source.
    patterns: std.StringHashMapUnmanaged(pattern.Program) = .empty,
};

/// Fails with INVALID_SCHEMA unless `root` is a schema of known keywords with values of the right kind.
pub fn check(ctx: *Context, root: Value) Error!Schema {
    var checker: Checker = .{ .ctx = ctx, .schema = .{ .root = root } };
    try checker.checkSchema(root, &.root, root);
    // A reference may lead to what no keyword does, such as `#/x-types/name`, and there are references again.
    while (checker.references.pop()) |found| try checker.checkReference(found);
    return checker.schema;
}

/// A `$ref`, which can be followed only when all names are known.
const Reference = struct {
    text: []const u8,
    owner: *const json.Object,
    path: []const u8,
    resource: Value,
};

const Checker = struct {
    ctx: *Context,
    schema: Schema,
    names: reference.Names = .{},
    references: std.ArrayList(Reference) = .empty,
    /// Each is checked once, whatever leads to it.
    checked: std.AutoHashMapUnmanaged(*const json.Object, void) = .empty,

    /// `resource` is the schema that references of this one start from: the nearest with an `$id`, or the whole.
    fn checkSchema(checker: *Checker, schema: Value, path: *const Path, resource: Value) Error!void {
        if (schema == .boolean) return;
        if (schema != .object) return checker.refuse(path, "a schema must be an object, true or false");
        if ((try checker.checked.getOrPut(checker.ctx.allocator, schema.object)).found_existing) return;
        const own_resource = if (schema.get("$id") != null) schema else resource;
        for (schema.object.members()) |member| {
            const here = path.member(member.name);
            if (std.meta.stringToEnum(Keyword, member.name)) |keyword| {
                try checker.checkKeyword(keyword, member.value, &here, .{ .schema = schema, .resource = own_resource });
            } else if (!isAnnotation(member.name)) {
                return checker.refuseKeyword(member.name, &here);
            }
        }
    }

    noinline fn refuseKeyword(checker: *Checker, name: []const u8, path: *const Path) Error {
        for (others) |other| {
            if (!std.mem.eql(u8, name, other.name)) continue;
            const reason = "this keyword is not supported; what is meant may be said by {s}";
            return checker.refuse(path, try checker.ctx.print(reason, .{other.instead}));
        }
        return checker.refuse(path, "this keyword is not known here");
    }

    noinline fn checkReference(checker: *Checker, found: Reference) Error!void {
        const allocator = checker.ctx.allocator;
        const target = try checker.names.find(allocator, found.text, found.resource) orelse {
            return checker.refuse(&.{ .pointer = found.path }, "must lead to a place within this schema: `#`, " ++
                "a JSON Pointer like `#/$defs/NAME`, an `$anchor`, or an `$id` as it is written");
        };
        try checker.schema.targets.put(allocator, found.owner, target.schema);
        try checker.checkSchema(target.schema, &.{ .pointer = target.pointer }, target.resource);
    }

    noinline fn addPattern(checker: *Checker, source: []const u8, path: *const Path) Error!void {
        const allocator = checker.ctx.allocator;
        const entry = try checker.schema.patterns.getOrPut(allocator, source);
        if (entry.found_existing) return;
        switch (try pattern.compile(allocator, source)) {
            .program => |program| entry.value_ptr.* = program,
            .problem => |problem| {
                return checker.refuse(path, try checker.ctx.print("not a regular expression that is supported: {s}", .{problem}));
            },
        }
    }

    noinline fn addName(checker: *Checker, keyword: Keyword, value: Value, path: *const Path, owner: Owner) Error!void {
        if (value != .string) return checker.refuse(path, "must be a text");
        const allocator = checker.ctx.allocator;
        switch (keyword) {
            .@"$id" => try checker.names.addId(allocator, value.string, owner.schema),
            .@"$anchor" => try checker.names.addAnchor(allocator, value.string, owner.resource, owner.schema),
            else => try checker.references.append(allocator, .{
                .text = value.string,
                .owner = owner.schema.object,
                .path = try path.render(allocator),
                .resource = owner.resource,
            }),
        }
    }

    /// The schema that has a keyword.
    const Owner = struct { schema: Value, resource: Value };

    fn checkKeyword(checker: *Checker, keyword: Keyword, value: Value, path: *const Path, owner: Owner) Error!void {
        const resource = owner.resource;
        switch (keyword) {
            .@"const" => {},
            .@"enum" => if (value != .array) return checker.refuse(path, "must be a list"),
            .@"$id", .@"$anchor", .@"$ref" => try checker.addName(keyword, value, path, owner),
            .type => try checker.checkTypes(value, path),
            .required => if (!isListOfTexts(value)) return checker.refuse(path, "must be a list of texts"),
            .dependentRequired => try checker.checkDependents(value, path),
            .uniqueItems => if (value != .boolean) return checker.refuse(path, "must be true or false"),
            .minLength,
            .maxLength,
            .minItems,
            .maxItems,
            .minContains,
            .maxContains,
            .minProperties,
            .maxProperties,
            => if (!isCount(value)) return checker.refuse(path, "must be a whole number, at least 0"),
            .minimum, .maximum, .exclusiveMinimum, .exclusiveMaximum => if (value != .number) {
                return checker.refuse(path, "must be a number");
            },
            .multipleOf => if (!isDivisor(value)) {
                return checker.refuse(path, "must be a number above 0 of at most 18 digits");
            },
            .pattern => {
                if (value != .string) return checker.refuse(path, "must be a text");
                try checker.addPattern(value.string, path);
            },
            .items => {
                if (value == .array) return checker.refuse(path, "must be a schema; for a list of them use `prefixItems`");
                try checker.checkSchema(value, path, resource);
            },
            .additionalProperties, .propertyNames, .contains, .not, .@"if", .then, .@"else" => {
                try checker.checkSchema(value, path, resource);
            },
            .prefixItems, .allOf, .anyOf, .oneOf => try checker.checkList(value, path, resource),
            .patternProperties => {
                if (value == .object) for (value.object.members()) |member| {
                    try checker.addPattern(member.name, &path.member(member.name));
                };
                try checker.checkMembers(value, path, resource);
            },
            .properties, .dependentSchemas, .@"$defs", .definitions => try checker.checkMembers(value, path, resource),
        }
    }

    fn checkDependents(checker: *Checker, value: Value, path: *const Path) Error!void {
        if (value != .object) return checker.refuse(path, "must be an object of lists of texts");
        for (value.object.members()) |member| {
            if (isListOfTexts(member.value)) continue;
            return checker.refuse(&path.member(member.name), "must be a list of texts");
        }
    }

    fn checkTypes(checker: *Checker, value: Value, path: *const Path) Error!void {
        const names: []const Value = if (value == .array) value.array else &.{value};
        if (names.len == 0) return checker.refuse(path, "must be a type's name or a list of them: " ++ type_names);
        for (names) |name| {
            if (name == .string and std.meta.stringToEnum(Type, name.string) != null) continue;
            return checker.refuse(path, "must be a type's name or a list of them: " ++ type_names);
        }
    }

    fn checkList(checker: *Checker, value: Value, path: *const Path, resource: Value) Error!void {
        if (value != .array or value.array.len == 0) {
            return checker.refuse(path, "must be a list of at least one schema");
        }
        for (value.array, 0..) |schema, i| try checker.checkSchema(schema, &path.item(i), resource);
    }

    fn checkMembers(checker: *Checker, value: Value, path: *const Path, resource: Value) Error!void {
        if (value != .object) return checker.refuse(path, "must be an object of schemas");
        for (value.object.members()) |member| {
            try checker.checkSchema(member.value, &path.member(member.name), resource);
        }
    }

    noinline fn refuse(checker: *Checker, path: *const Path, reason: []const u8) Error {
        const place = try path.render(checker.ctx.allocator);
        const message = try checker.ctx.print("`schema` at \"{s}\": {s}.", .{ place, reason });
        return checker.ctx.fail("INVALID_SCHEMA", message);
    }
};

fn isAnnotation(name: []const u8) bool {
    return std.meta.stringToEnum(Annotation, name) != null or std.mem.startsWith(u8, name, "x-");
}

fn isListOfTexts(value: Value) bool {
    if (value != .array) return false;
    return for (value.array) |item| {
        if (item != .string) break false;
    } else true;
}

fn isCount(value: Value) bool {
    return value == .number and number.isInteger(value.number) and number.order(value.number, "0") != .lt;
}

fn isDivisor(value: Value) bool {
    return value == .number and number.order(value.number, "0") == .gt and
        number.isMultiple("1", value.number) != null;
}
