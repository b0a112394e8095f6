//! `paginate`: a list that a service gives page by page, as one.

const std = @import("std");
const sdk = @import("sdk");
const links = @import("links.zig");
const response = @import("response.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Object = sdk.Object;
const Value = sdk.Value;

const max_pages = 100;
const default_pages = 10;
const max_bytes = 4 * 1024 * 1024;

const By = enum { link, cursor, page };

const Paging = struct {
    by: By,
    /// Where the list is in {status, headers, body}.
    items: sdk.path.Path,
    cursor: ?sdk.path.Path,
    /// Where an answer says whether there is more.
    more: ?sdk.path.Path,
    parameter: ?[]const u8,
    start: i64,
    step: i64,
    most: usize,
};

/// The data of all pages, or null without `paginate`. `wanted` is the request for the first one.
pub fn read(ctx: *Context, input: Input, wanted: *Object, form: ?response.Form) Error!?Value {
    const given = try input.optionalObject("paginate") orelse return null;
    if (form != null and form != .json) return ctx.failInput("`paginate` reads JSON: leave out `response`.", .{});
    return try collect(ctx, try readPaging(ctx, given), wanted);
}

fn readPaging(ctx: *Context, given: Input) Error!Paging {
    try given.allowOnly(&.{ "by", "cursor", "items", "max_pages", "more", "param", "start", "step" });
    const by = try given.choice(By, "by");
    const cursor = try readPath(ctx, given, "cursor");
    const parameter = try given.optionalText("param");
    if (by == .cursor and cursor == null) return given.missing("cursor", "a path such as body.next_cursor");
    if (by != .cursor and cursor != null) return ctx.failInput("`paginate.cursor` is for `by: cursor`.", .{});
    if (by == .link and parameter != null) return ctx.failInput("`paginate.param` is not for `by: link`.", .{});
    return .{
        .by = by,
        .items = try readPath(ctx, given, "items") orelse &.{"body"},
        .cursor = cursor,
        .more = try readPath(ctx, given, "more"),
        .parameter = parameter,
        .start = try given.optionalInteger("start", .{ .min = 0 }) orelse 1,
        .step = try given.optionalInteger("step", .{ .min = 1 }) orelse 1,
        .most = @intCast(try given.optionalInteger("max_pages", .{ .min = 1, .max = max_pages }) orelse default_pages),
    };
}

fn readPath(ctx: *Context, given: Input, name: []const u8) Error!?sdk.path.Path {
    const text = try given.optionalText(name) orelse return null;
    return try sdk.path.parse(ctx.allocator, text) orelse
        given.mistyped(name, "a path such as body.data", .{ .string = text });
}

fn collect(ctx: *Context, paging: Paging, wanted: *Object) Error!Value {
    const first = wanted.get("url").?.string;
    var url = if (paging.by == .page) try numbered(ctx, paging, first, 0) else first;
    var items: std.ArrayList(Value) = .empty;
    var seen: std.ArrayList([]const u8) = .empty;
    var bytes: usize = 0;
    while (true) {
        try seen.append(ctx.allocator, url);
        const number = seen.items.len;
        try wanted.put(ctx.allocator, "url", .{ .string = url });
        const page = readPage(ctx, wanted, &bytes) catch |failure| return locate(ctx, failure, number);
        const list = try takeItems(ctx, paging, page, number);
        try items.appendSlice(ctx.allocator, list);
        const next = try findNext(ctx, paging, page, .{ .url = url, .first = first, .number = number, .count = list.len });
        if (next == null or number == paging.most) {
            return ctx.value(.{
                .status = page.get("status").?,
                .headers = page.get("headers").?,
                .body = @as(Value, .null),
                .items = items.items,
                .pages = number,
                .truncated = next != null,
            });
        }
        url = next.?;
        for (seen.items) |earlier| {
            if (std.mem.eql(u8, earlier, url)) return failAt(ctx, number, "PAGES_REPEAT", "The next page after page {d} is one that was read before.");
        }
    }
}

fn readPage(ctx: *Context, wanted: *Object, bytes: *usize) Error!Value {
    const answer = try sdk.host.httpRequest(ctx, .{ .object = wanted });
    const body = answer.get("body") orelse @as(Value, .null);
    if (body == .string) bytes.* += body.string.len;
    if (bytes.* > max_bytes) {
        return ctx.fail("PAGES_TOO_LARGE", "All pages together may have 4 MiB; take fewer at once by `max_pages`.");
    }
    return response.read(ctx, answer, .json);
}

/// Which page has failed; it carries no data, which would be that of one page.
fn locate(ctx: *Context, failure: Error, number: usize) Error {
    if (failure == error.Failed) {
        var told = ctx.failure.?;
        const details = told.details orelse try sdk.newObject(ctx.allocator);
        try details.put(ctx.allocator, "page", try ctx.value(number));
        told.details = details;
        told.message = try ctx.print("Page {d}: {s}", .{ number, told.message });
        ctx.failure = told;
    }
    return failure;
}

fn failAt(ctx: *Context, number: usize, code: []const u8, comptime format: []const u8) Error {
    const details = try sdk.newObject(ctx.allocator);
    try details.put(ctx.allocator, "page", try ctx.value(number));
    return ctx.failWith(.{ .code = code, .message = try ctx.print(format, .{number}), .details = details });
}

/// Null stands for an empty list.
fn takeItems(ctx: *Context, paging: Paging, page: Value, number: usize) Error![]const Value {
    const found = sdk.path.follow(page, paging.items) orelse @as(Value, .null);
    return switch (found) {
        .array => |list| list,
        .null => &.{},
        else => failAt(ctx, number, "PAGE_ITEMS_INVALID", "What `paginate.items` names in page {d} is not a list."),
    };
}

const Place = struct { url: []const u8, first: []const u8, number: usize, count: usize };

/// The URL of the page after this one; null if it is the last.
fn findNext(ctx: *Context, paging: Paging, page: Value, at: Place) Error!?[]const u8 {
    if (paging.more) |path| {
        if (!isTrue(sdk.path.follow(page, path) orelse .null)) return null;
    }
    switch (paging.by) {
        .page => return if (at.count == 0) null else try numbered(ctx, paging, at.first, at.number),
        .link => {
            const header = page.get("headers").?.get("link") orelse return null;
            const target = try links.findNext(ctx, header.scalarText() orelse return null) orelse return null;
            return try follow(ctx, at, target);
        },
        .cursor => {
            const text = try readCursor(ctx, paging, page, at) orelse return null;
            const parameter = paging.parameter orelse return try follow(ctx, at, text);
            return try links.withParameter(ctx, at.first, parameter, text);
        },
    }
}

/// Null if there is none: it is null, false, 0 or empty. A cursor that cannot be one, and one that is missing although
/// `more` says that there is another page, would make a list that is cut short look whole.
fn readCursor(ctx: *Context, paging: Paging, page: Value, at: Place) Error!?[]const u8 {
    const found = followLast(page, paging.cursor.?) orelse @as(Value, .null);
    const text = switch (found) {
        .string => |string| string,
        .number => |lexeme| if (isTrue(found)) lexeme else "",
        else => "",
    };
    if (text.len > 0) return text;
    const is_empty = !isTrue(found) or (found == .object and found.object.members().len == 0);
    if (is_empty and (paging.more == null or at.count == 0)) return null;
    return failAt(ctx, at.number, "PAGE_CURSOR_INVALID", "What `paginate.cursor` names in page {d} leads to no other page, and it is not the last.");
}

/// Like sdk.path.follow, but the step -1 is the last element of a list: services such as Stripe go on after an id.
fn followLast(root: Value, path: sdk.path.Path) ?Value {
    var value = root;
    for (path) |step| {
        const is_last = value == .array and value.array.len > 0 and std.mem.eql(u8, step, "-1");
        value = if (is_last) value.array[value.array.len - 1] else sdk.path.follow(value, &.{step}) orelse return null;
    }
    return value;
}

/// A link that a service gives, which must lead to where the first page is.
fn follow(ctx: *Context, at: Place, target: []const u8) Error![]const u8 {
    const url = try links.resolve(ctx, at.url, target);
    if (!try links.isSameOrigin(ctx, at.first, url)) {
        return failAt(ctx, at.number, "PAGE_ELSEWHERE", "The next page after page {d} is on another origin, which must not get what the request carries.");
    }
    return url;
}

fn numbered(ctx: *Context, paging: Paging, url: []const u8, before: usize) Error![]const u8 {
    const number = paging.start +| paging.step *| @as(i64, @intCast(before));
    return links.withParameter(ctx, url, paging.parameter orelse "page", try ctx.print("{d}", .{number}));
}

fn isTrue(value: Value) bool {
    return switch (value) {
        .null => false,
        .boolean => |boolean| boolean,
        .string => |text| text.len > 0,
        .number => |text| (sdk.number.toInteger(text) orelse 1) != 0,
        .array => |list| list.len > 0,
        .object => true,
    };
}
