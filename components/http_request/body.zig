//! The body of a request, which one of five fields gives.

const std = @import("std");
const sdk = @import("sdk");
const multipart = @import("multipart.zig");
const parameters = @import("parameters.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub const Body = struct {
    /// The input's field that gives it.
    field: []const u8,
    /// Any bytes.
    content: []const u8 = "",
    /// Instead of them: what the host puts together, for there is a blob in it.
    parts: ?Value = null,
    /// What to send as content-type; null leaves it to the headers.
    content_type: ?[]const u8 = null,
    /// Whether the headers can say otherwise.
    is_content_type_fixed: bool = false,
};

const fields = [_][]const u8{ "body", "body_json", "body_base64", "body_blob", "form", "multipart" };

/// Null if none of the fields is there.
pub fn read(ctx: *Context, input: Input) Error!?Body {
    const field = try findField(ctx, input) orelse return null;
    if (try input.optionalText("body")) |text| return .{ .field = field, .content = text };
    if (std.mem.eql(u8, field, "body_json")) {
        const rendered = try sdk.render(ctx.allocator, try input.value("body_json"));
        return .{ .field = field, .content = rendered, .content_type = "application/json" };
    }
    if (try input.optionalText("body_base64")) |digits| {
        const bytes = try sdk.base64.decode(ctx.allocator, digits) orelse {
            return input.mistyped("body_base64", "base64", .{ .string = digits });
        };
        return .{ .field = field, .content = bytes };
    }
    if (try sdk.blob.readOptional(input, "body_blob")) |blob| {
        var body: sdk.blob.Body = .{ .ctx = ctx };
        try body.appendBlob(blob, .bytes);
        return .{ .field = field, .parts = try body.finish(), .content_type = blob.content_type };
    }
    if (try parameters.read(ctx, input, "form")) |form| {
        const rendered = try parameters.renderForm(ctx, form);
        return .{ .field = field, .content = rendered, .content_type = "application/x-www-form-urlencoded" };
    }
    const made = try multipart.read(ctx, input) orelse return null;
    return .{
        .field = field,
        .content = made.content,
        .parts = made.parts,
        .content_type = made.content_type,
        .is_content_type_fixed = true,
    };
}

fn findField(ctx: *Context, input: Input) Error!?[]const u8 {
    var found: ?[]const u8 = null;
    for (fields) |field| {
        if (!isGiven(input, field)) continue;
        if (found) |other| return ctx.failInput("Only one of `{s}` and `{s}` can be given.", .{ other, field });
        found = field;
    }
    return found;
}

/// The JSON null is a body like any other, so that what a caller sends does not turn a POST into a GET.
fn isGiven(input: Input, field: []const u8) bool {
    if (std.mem.eql(u8, field, "body_json")) return input.fields.get(field) != null;
    return input.optionalValue(field) != null;
}
