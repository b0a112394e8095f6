//! switch: the branch of the first case that equals a value.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const value = try input.value("value");
    const cases = try input.list("cases");
    const default_branch = try optionalBranch(input, "default_branch");
    var matching: ?[]const u8 = null;
    for (cases, 0..) |case, i| {
        const name = try ctx.print("cases[{d}]", .{i});
        if (case != .object) return input.mistyped(name, "an object", case);
        const fields: Input = .{ .ctx = ctx, .fields = case.object, .prefix = try ctx.print("{s}.", .{name}) };
        try fields.allowOnly(&.{ "match", "branch" });
        const match = try fields.value("match");
        const branch = try optionalBranch(fields, "branch") orelse return fields.missing("branch", "a text");
        if (matching == null and value.eql(match)) matching = branch;
    }
    const branch = matching orelse default_branch orelse {
        return ctx.fail("NO_MATCH", "`value` equals no case, and there is no `default_branch`.");
    };
    return ctx.value(.{ .branch = branch });
}

fn optionalBranch(input: Input, name: []const u8) Error!?[]const u8 {
    const branch = try input.optionalText(name) orelse return null;
    return if (branch.len > 0) branch else input.mistyped(name, "a text that is not empty", .{ .string = branch });
}
