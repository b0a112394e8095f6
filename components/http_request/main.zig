//! http_request: one HTTP request, and its answer; or a list, page by page.

const sdk = @import("sdk");
const pages = @import("pages.zig");
const request = @import("request.zig");
const response = @import("response.zig");

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *sdk.Context, input: sdk.Input) sdk.Error!sdk.Value {
    const form = try input.optionalChoice(response.Form, "response");
    const wanted = try request.build(ctx, input);
    if (try pages.read(ctx, input, wanted, form)) |all| return all;
    // Text is given decoded; only the host has the bytes as they came.
    if (form == .base64) try wanted.put(ctx.allocator, "as_base64", .{ .boolean = true });
    if (form == .blob) try wanted.put(ctx.allocator, "as_blob", .{ .boolean = true });
    return response.read(ctx, try sdk.host.httpRequest(ctx, .{ .object = wanted }), form);
}
