//! google_sheets: the values of one range, through the Google Sheets API,
//! https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values

const std = @import("std");
const sdk = @import("sdk");
const rows = @import("rows.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const base_url = "https://sheets.googleapis.com/v4/spreadsheets/";

const Operation = enum { read, append, update, clear };
const Dimension = enum { ROWS, COLUMNS };
const ValueInput = enum { RAW, USER_ENTERED };
const InsertData = enum { OVERWRITE, INSERT_ROWS };
const ValueRender = enum { FORMATTED_VALUE, UNFORMATTED_VALUE, FORMULA };
const DateTimeRender = enum { SERIAL_NUMBER, FORMATTED_STRING };

export fn _start() void {
    sdk.serveOutside(answer);
}

fn answer(ctx: *Context, input: Input) Error!Value {
    const operation = try input.choice(Operation, "operation");
    const request = try build(ctx, input, operation);
    const session = try sdk.google.connect(ctx, input, "Google Sheets", "google_oauth");
    const headers = try ctx.value(.{ .authorization = session.authorization });
    if (request.body != null) try headers.object.put(ctx.allocator, "content-type", .{ .string = "application/json" });
    var sent = request;
    sent.headers = headers;
    const reply = try session.service.send(sent);
    if (!reply.isSuccess()) return sdk.google.refuse(session.service, reply);
    if (reply.body != .object) return session.service.misunderstand(reply);
    return switch (operation) {
        .read => read(ctx, input, reply.body),
        .append => describeUpdate(ctx, reply.body.get("updates") orelse return session.service.misunderstand(reply)),
        .update => describeUpdate(ctx, reply.body),
        .clear => ctx.value(.{ .range = reply.body.get("clearedRange") }),
    };
}

/// All but the headers.
fn build(ctx: *Context, input: Input, operation: Operation) Error!sdk.service.Request {
    const range = try input.text("range");
    if (range.len == 0) return input.mistyped("range", "a text that is not empty", .{ .string = range });
    const target = try ctx.print(base_url ++ "{s}/values/{s}", .{
        try encode(ctx, input, "spreadsheet_id", try readId(input)),
        try encode(ctx, input, "range", range),
    });
    const dimension = try input.optionalChoice(Dimension, "major_dimension");
    if (operation == .clear) {
        return .{ .url = try ctx.print("{s}:clear", .{target}), .headers = .null };
    }
    if (operation == .read) {
        var query: Query = .{ .ctx = ctx, .input = input, .url = target };
        if (dimension) |chosen| try query.add("majorDimension", @tagName(chosen));
        try query.addChoice(ValueRender, "value_render_option", "valueRenderOption");
        try query.addChoice(DateTimeRender, "date_time_render_option", "dateTimeRenderOption");
        return .{ .method = .GET, .url = query.url, .headers = .null };
    }
    const body = try ctx.value(.{
        .majorDimension = @tagName(dimension orelse .ROWS),
        .values = try rows.readCells(ctx, input, "values"),
    });
    const target_url = if (operation == .append) try ctx.print("{s}:append", .{target}) else target;
    var query: Query = .{ .ctx = ctx, .input = input, .url = target_url };
    const value_input = try input.optionalChoice(ValueInput, "value_input_option") orelse .RAW;
    try query.add("valueInputOption", @tagName(value_input));
    if (operation == .append) try query.addChoice(InsertData, "insert_data_option", "insertDataOption");
    return .{
        .method = if (operation == .append) .POST else .PUT,
        .url = query.url,
        .headers = .null,
        .body = try sdk.render(ctx.allocator, body),
    };
}

/// The id, also out of the URL that a browser shows: https://docs.google.com/spreadsheets/d/ID/edit#gid=0
fn readId(input: Input) Error![]const u8 {
    const given = try input.text("spreadsheet_id");
    const mark = "/spreadsheets/d/";
    const start = if (std.mem.indexOf(u8, given, mark)) |at| at + mark.len else 0;
    const end = if (start > 0) std.mem.indexOfAnyPos(u8, given, start, "/?#") orelse given.len else given.len;
    if (end == start) return input.mistyped("spreadsheet_id", "a spreadsheet's id or URL", .{ .string = given });
    return given[start..end];
}

fn encode(ctx: *Context, input: Input, name: []const u8, text: []const u8) Error![]const u8 {
    if (!sdk.text.isUtf8(text)) return input.ctx.failInput("`{s}` must not hold lone surrogates.", .{name});
    return sdk.percent.encode(ctx.allocator, text);
}

const Query = struct {
    ctx: *Context,
    input: Input,
    url: []const u8,
    is_begun: bool = false,

    fn add(query: *Query, name: []const u8, value: []const u8) Error!void {
        const separator = if (query.is_begun) "&" else "?";
        query.url = try query.ctx.print("{s}{s}{s}={s}", .{ query.url, separator, name, value });
        query.is_begun = true;
    }

    fn addChoice(query: *Query, comptime Choice: type, field: []const u8, name: []const u8) Error!void {
        if (try query.input.optionalChoice(Choice, field)) |chosen| try query.add(name, @tagName(chosen));
    }
};

/// ValueRange {"range", "values"}: Google leaves out the values of an empty range.
fn read(ctx: *Context, input: Input, body: Value) Error!Value {
    const values = body.get("values") orelse Value{ .array = &.{} };
    const data = try ctx.value(.{ .range = body.get("range"), .values = values });
    if (try input.optionalBoolean("header_row") orelse false) {
        try data.object.put(ctx.allocator, "rows", .{ .array = try rows.nameCells(ctx, values) });
    }
    return data;
}

/// UpdateValuesResponse.
fn describeUpdate(ctx: *Context, update: Value) Error!Value {
    return ctx.value(.{
        .range = update.get("updatedRange"),
        .updated_rows = update.get("updatedRows") orelse try ctx.value(0),
        .updated_columns = update.get("updatedColumns") orelse try ctx.value(0),
        .updated_cells = update.get("updatedCells") orelse try ctx.value(0),
    });
}
