//! validate_json: whether a text is JSON (RFC 8259), and whether what it says, or a value, fits a JSON Schema.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const text = try input.optionalText("json_string");
    const value = try readValue(input, text != null);
    const wanted = input.optionalValue("schema");
    const checked = if (wanted) |given| try sdk.schema.check(ctx, given) else null;
    if (text) |source| if (try findSyntaxError(ctx, source)) |message| {
        return ctx.value(.{ .valid = false, .errors = .{.{ .path = "", .message = message }} });
    };
    const errors = if (checked) |*found|
        try sdk.schema.findErrors(ctx, found, value orelse try parse(ctx, text.?))
    else
        &.{};
    return ctx.value(.{ .valid = errors.len == 0, .errors = errors });
}

/// `value`, of which null is a value like any other unless there is a text.
fn readValue(input: Input, has_text: bool) Error!?Value {
    const value = input.fields.get("value") orelse {
        return if (has_text) null else input.ctx.failInput("`value` or `json_string` must be given.", .{});
    };
    if (!has_text) return value;
    return if (value == .null) null else input.ctx.failInput("Only one of `value` and `json_string` can be given.", .{});
}

/// Judges text of any depth, because it builds no value.
fn findSyntaxError(ctx: *Context, text: []const u8) Error!?[]const u8 {
    var scanner: sdk.scan.Scanner = .{ .allocator = ctx.allocator, .text = text };
    while (scanner.next()) |token| {
        if (token == .end) return null;
    } else |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson => return try scanner.explain(),
    }
}

fn parse(ctx: *Context, text: []const u8) Error!Value {
    var parser: sdk.parse.Parser = .init(ctx.allocator, text);
    return parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson => unreachable, // it has been judged
        error.TooDeep => |reason| {
            const explained = try parser.explain(reason);
            return ctx.fail("NESTED_TOO_DEEP", try ctx.print("The schema cannot be applied: {s}.", .{explained}));
        },
    };
}
