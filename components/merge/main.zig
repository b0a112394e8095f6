//! merge: one object made of several; of members with the same name the last one counts.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Object = sdk.Object;
const Value = sdk.Value;

const Strategy = enum { shallow, deep };

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const inputs = try input.list("inputs");
    const strategy = try input.optionalChoice(Strategy, "strategy") orelse .shallow;
    const merged = try sdk.newObject(ctx.allocator);
    for (inputs, 0..) |item, i| switch (item) {
        .object => |object| try mergeInto(ctx, merged, object, strategy),
        .null => {},
        else => return input.mistyped(try ctx.print("inputs[{d}]", .{i}), "an object or null", item),
    };
    return .{ .object = merged };
}

/// Takes over the objects within `object`, which belong to this call alone.
fn mergeInto(ctx: *Context, target: *Object, object: *Object, strategy: Strategy) Error!void {
    for (object.members()) |member| {
        if (strategy == .deep and member.value == .object) {
            if (target.get(member.name)) |present| {
                if (present == .object) {
                    try mergeInto(ctx, present.object, member.value.object, strategy);
                    continue;
                }
            }
        }
        try target.put(ctx.allocator, member.name, member.value);
    }
}
