//! foreach_control: the items that a FOREACH relation runs over, and the name that each one has meanwhile.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const items = try input.list("items");
    const item_key = try input.optionalText("item_key") orelse "item";
    if (!isName(item_key)) {
        const wanted = "a name of letters, digits, _ and -";
        return input.mistyped("item_key", wanted, .{ .string = item_key });
    }
    return ctx.value(.{ .items = items, .count = items.len, .item_key = item_key });
}

/// Whether `{{name}}` can refer to it.
fn isName(text: []const u8) bool {
    var code_points = sdk.text.codePoints(text);
    while (code_points.nextCodepoint()) |code_point| {
        if (code_point != '_' and code_point != '-' and !sdk.text.isWord(code_point)) return false;
    }
    return text.len > 0;
}
