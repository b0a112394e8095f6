//! http_request: one HTTP request, and its answer.

const sdk = @import("sdk");
const request = @import("request.zig");
const response = @import("response.zig");

export fn _start() void {
    sdk.serve(answer);
}

fn answer(ctx: *sdk.Context, input: sdk.Input) sdk.Error!sdk.Value {
    const form = try input.optionalChoice(response.Form, "response");
    const wanted = try request.build(ctx, input);
    return response.read(ctx, try sdk.host.httpRequest(ctx, wanted), form);
}
