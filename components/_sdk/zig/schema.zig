//! JSON Schema 2020-12, the part of it that validate_json describes: whether a schema is one, and whether a value fits.

const evaluate = @import("schema/evaluate.zig");
const schema = @import("schema/schema.zig");

pub const Schema = schema.Schema;
pub const check = schema.check;
pub const findErrors = evaluate.findErrors;
