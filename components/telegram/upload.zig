//! A blob with the fields of a message -> multipart/form-data, https://core.telegram.org/bots/api#sending-files

const sdk = @import("sdk");
const Blob = sdk.blob.Blob;
const Context = sdk.Context;
const Error = sdk.Error;
const Object = sdk.Object;
const Value = sdk.Value;

pub const Upload = struct { parts: Value, content_type: []const u8 };

/// `field` is the blob's. What is neither a text nor a number is sent as JSON.
pub fn build(ctx: *Context, fields: *const Object, field: []const u8, blob: Blob) Error!Upload {
    const boundary = try sdk.blob.makeBoundary(ctx);
    var body: sdk.blob.Body = .{ .ctx = ctx };
    for (fields.members()) |member| {
        try begin(&body, boundary, member.name);
        try body.append("\r\n\r\n");
        try body.append(if (member.value == .string) member.value.string else try sdk.render(ctx.allocator, member.value));
        try body.append("\r\n");
    }
    try begin(&body, boundary, field);
    try body.append("; ");
    try sdk.blob.appendFormName(&body, "filename", blob.filename orelse field);
    try body.append("\r\nContent-Type: ");
    try body.append(blob.content_type orelse "application/octet-stream");
    try body.append("\r\n\r\n");
    try body.appendBlob(blob, .bytes);
    try body.append(try ctx.print("\r\n--{s}--\r\n", .{boundary}));
    return .{
        .parts = try body.finish(),
        .content_type = try ctx.print("multipart/form-data; boundary={s}", .{boundary}),
    };
}

fn begin(body: *sdk.blob.Body, boundary: []const u8, name: []const u8) Error!void {
    try body.append(try body.ctx.print("--{s}\r\nContent-Disposition: form-data; ", .{boundary}));
    try sdk.blob.appendFormName(body, "name", name);
}
