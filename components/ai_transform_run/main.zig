//! ai_transform_run: what a program that ai_transform_compile has made gives for an input.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const source = try input.object("program");
    const value = try input.value("input");
    return switch (try sdk.transform.parse(ctx, .{ .object = source.fields })) {
        .program => |program| ctx.value(.{ .result = try sdk.transform.run(ctx, program, value) }),
        .problems => |problems| ctx.failWith(.{
            .code = "INVALID_PROGRAM",
            .message = try ctx.print("The program is not valid: {s}", .{try sdk.transform.explain(ctx, problems)}),
            .details = (try ctx.value(.{ .problems = problems })).object,
        }),
    };
}
