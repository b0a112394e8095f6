//! The SDK of arcrun's built-in components. A component is one pure function from its input to its data:
//!
//!     const sdk = @import("sdk");
//!
//!     export fn _start() void {
//!         sdk.serve(answer);
//!     }
//!
//!     fn answer(ctx: *sdk.Context, input: sdk.Input) sdk.Error!sdk.Value {
//!         return ctx.value(.{ .result = try input.text("name") });
//!     }
//!
//! What it returns becomes {"success": true, "data": ...}. `return ctx.fail(CODE, message)` becomes
//! {"success": false, "error": {"code", "message"}}. Memory is never freed: what a call has taken goes with it.

const std = @import("std");
const context = @import("context.zig");
const json = @import("json.zig");

pub const Context = context.Context;
pub const Error = context.Error;
pub const Failure = context.Failure;
pub const Input = @import("input.zig").Input;
pub const Value = json.Value;
pub const Object = json.Object;
pub const Member = json.Member;
pub const newObject = json.newObject;
pub const ValueSet = @import("value_set.zig").ValueSet;

pub const serve = @import("serve.zig").serve;
pub const serveOutside = @import("serve.zig").serveOutside;
pub const allocateOrEnd = @import("serve.zig").allocateOrEnd;

pub const base64 = @import("base64.zig");
pub const blob = @import("blob.zig");
pub const calendar = @import("calendar.zig");
pub const clock = @import("clock.zig");
pub const decimal = @import("decimal.zig");
pub const google = @import("google.zig");
pub const host = @import("host.zig");
pub const iso = @import("iso.zig");
pub const models = @import("models.zig");
pub const number = @import("number.zig");
pub const parse = @import("parse.zig");
pub const path = @import("path.zig");
pub const pattern = @import("pattern.zig");
pub const percent = @import("percent.zig");
pub const range = @import("range.zig");
pub const retry_after = @import("retry_after.zig");
pub const scan = @import("scan.zig");
pub const schema = @import("schema.zig");
pub const service = @import("service.zig");
pub const status = @import("status.zig");
pub const text = @import("text.zig");
pub const timezone = @import("timezone.zig");
pub const transform = @import("transform.zig");
pub const url = @import("url.zig");
pub const render = @import("render.zig").render;

test {
    std.testing.refAllDecls(@This());
    _ = @import("object.zig");
}
