//! if_control: whether a condition holds, as a branch to take.

const sdk = @import("sdk");
const evaluate = @import("evaluate.zig");
const expression = @import("expression.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const condition = input.optionalValue("condition") orelse return input.missing("condition", "a text");
    const result = switch (condition) {
        .boolean => |flag| flag,
        .string => |text| try judge(ctx, input, text),
        else => return input.mistyped("condition", "a text, or true or false", condition),
    };
    return ctx.value(.{ .result = result, .branch = if (result) "true" else "false" });
}

fn judge(ctx: *Context, input: Input, text: []const u8) Error!bool {
    var parser: expression.Parser = .{ .allocator = ctx.allocator, .text = text };
    const condition = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Malformed => return failMalformed(ctx, &parser),
    };
    const subject = input.fields.get("input");
    if (subject == null) {
        if (parser.first_path) |path| {
            return ctx.failInput("`input` must be given, because `condition` reads `{s}`.", .{path});
        }
    }
    const evaluator: evaluate.Evaluator = .{ .ctx = ctx, .text = text, .input = subject orelse .null };
    return evaluator.holds(condition);
}

fn failMalformed(ctx: *Context, parser: *const expression.Parser) Error {
    const column = sdk.text.count(parser.text[0..@min(parser.at, parser.text.len)]) + 1;
    return ctx.failWith(.{
        .code = "INVALID_CONDITION",
        .message = try ctx.print("`condition` cannot be read: {s} (column {d}).", .{ parser.fault, column }),
        .details = (try ctx.value(.{ .column = column })).object,
    });
}
