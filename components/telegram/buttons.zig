//! `buttons` -> InlineKeyboardMarkup.inline_keyboard: rows of {"text", "url"} or {"text", "callback_data"}.

const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const max_callback_bytes = 64;

/// Each of `rows` is a list of buttons, or one button that has a row of its own.
pub fn readRows(ctx: *Context, input: Input, rows: []const Value) Error![]const Value {
    const keyboard = try ctx.allocator.alloc(Value, rows.len);
    for (rows, keyboard, 0..) |row, *made, i| {
        const place = try ctx.print("buttons[{d}]", .{i});
        const buttons: []const Value = switch (row) {
            .array => |items| items,
            .object => &.{row},
            else => return input.mistyped(place, "a button or a list of buttons", row),
        };
        const made_row = try ctx.allocator.alloc(Value, buttons.len);
        for (buttons, made_row, 0..) |button, *made_button, j| {
            const name = if (row == .array) try ctx.print("{s}[{d}]", .{ place, j }) else place;
            made_button.* = try readButton(ctx, input, name, button);
        }
        made.* = .{ .array = made_row };
    }
    return keyboard;
}

fn readButton(ctx: *Context, input: Input, place: []const u8, button: Value) Error!Value {
    if (button != .object) return input.mistyped(place, "an object", button);
    const fields: Input = .{ .ctx = ctx, .fields = button.object, .prefix = try ctx.print("{s}.", .{place}) };
    try fields.allowOnly(&.{ "text", "url", "callback_data" });
    const text = try fields.text("text");
    if (text.len == 0) return fields.mistyped("text", "a text that is not empty", .{ .string = text });
    const url = try fields.optionalText("url");
    const callback = try fields.optionalText("callback_data");
    if ((url == null) == (callback == null)) {
        return ctx.failInput("`{s}` must have either `url` or `callback_data`.", .{place});
    }
    if (url) |target| return ctx.value(.{ .text = text, .url = target });
    if (callback.?.len == 0 or callback.?.len > max_callback_bytes) {
        return ctx.failInput("`{s}.callback_data` must have 1 to {d} bytes.", .{ place, max_callback_bytes });
    }
    return ctx.value(.{ .text = text, .callback_data = callback.? });
}
