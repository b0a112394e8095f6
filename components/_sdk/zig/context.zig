//! One call of a component: its memory, and what it says when it fails.

const std = @import("std");
const Allocator = std.mem.Allocator;
const json = @import("json.zig");
const Value = json.Value;

/// Failed: `Context.failure` says why. Both become an envelope; a component never needs to trap.
pub const Error = error{ OutOfMemory, Failed };

/// `details` are more members of "error"; `data` is what the call has to show in spite of its failure.
pub const Failure = struct {
    code: []const u8,
    message: []const u8,
    /// Whether the same call may succeed later. Said by components that reach outside, see `serveOutside`.
    retriable: bool = false,
    /// How long the other side asks to be left alone, where it does.
    retry_after_s: ?i64 = null,
    details: ?*json.Object = null,
    data: ?Value = null,
};

pub const Context = struct {
    /// Never freed from.
    allocator: Allocator,
    failure: ?Failure = null,
    /// Whether the host has given something: when the memory then ends, that is what filled it.
    has_reply: bool = false,

    /// A JSON value made of a Zig one: `ctx.value(.{ .result = text, .count = 3 })`.
    pub fn value(ctx: *Context, source: anytype) Error!Value {
        return Value.from(ctx.allocator, source);
    }

    pub fn print(ctx: *Context, comptime format: []const u8, arguments: anytype) Error![]const u8 {
        return ctx.allocator.print(format, arguments);
    }

    /// Ends the call: `return ctx.fail("NOT_FOUND", "There is no such thing.")`.
    pub fn fail(ctx: *Context, code: []const u8, message: []const u8) Error {
        return ctx.failWith(.{ .code = code, .message = message });
    }

    pub fn failWith(ctx: *Context, failure: Failure) Error {
        ctx.failure = failure;
        return error.Failed;
    }

    /// Ends the call because of the input: `format` names the field, what it must be and what it is.
    pub fn failInput(ctx: *Context, comptime format: []const u8, arguments: anytype) Error {
        return ctx.fail("INVALID_INPUT", try ctx.print(format, arguments));
    }
};
