//! Whether OpenAI can hold a model to a schema by `strict`: it refuses others than these.
//! https://platform.openai.com/docs/guides/structured-outputs#supported-schemas

const std = @import("std");
const sdk = @import("sdk");
const Value = sdk.Value;

/// What a schema may have beside its properties and items.
const known = [_][]const u8{
    "type",     "description", "title",      "enum",    "const",            "properties", "required",
    "items",    "anyOf",       "$ref",       "$defs",   "pattern",          "format",     "additionalProperties",
    "minItems", "maxItems",    "multipleOf", "minimum", "exclusiveMinimum", "maximum",    "exclusiveMaximum",
};

pub fn isStrict(schema: Value) bool {
    if (schema != .object) return false;
    for (schema.object.members()) |member| {
        for (known) |name| {
            if (std.mem.eql(u8, name, member.name)) break;
        } else return false;
    }
    if (schema.get("properties") != null and !isClosed(schema)) return false;
    for ([_][]const u8{ "properties", "$defs" }) |name| {
        const members = schema.get(name) orelse continue;
        for (members.object.members()) |member| if (!isStrict(member.value)) return false;
    }
    if (schema.get("anyOf")) |choices| for (choices.array) |choice| if (!isStrict(choice)) return false;
    return if (schema.get("items")) |items| isStrict(items) else true;
}

/// An object that must have all of its properties, and no others.
fn isClosed(schema: Value) bool {
    const additional = schema.get("additionalProperties") orelse return false;
    if (additional != .boolean or additional.boolean) return false;
    const required = schema.get("required") orelse return false;
    for (schema.get("properties").?.object.members()) |member| {
        for (required.array) |name| {
            if (std.mem.eql(u8, name.string, member.name)) break;
        } else return false;
    }
    return true;
}
