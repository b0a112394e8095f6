//! ai_transform's programs: JSON to JSON, without AI. See transform/program.zig for the language.

const evaluate = @import("transform/evaluate.zig");
const program = @import("transform/program.zig");

pub const Node = program.Node;
pub const Reading = program.Reading;
pub const explain = program.explain;
pub const listOperations = program.listOperations;
pub const parse = program.parse;
pub const run = evaluate.run;

test {
    _ = @import("transform/path.zig");
}
