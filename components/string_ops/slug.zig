//! A text for a URL's path: "Crème Brûlée, s'il vous plaît!" -> "creme-brulee-sil-vous-plait".

const std = @import("std");
const Allocator = std.mem.Allocator;
const sdk = @import("sdk");

/// Lower case; Latin letters lose their marks, letters and digits of other scripts stay, apostrophes vanish, and all
/// else becomes one `separator` between the words.
pub fn make(allocator: Allocator, source: []const u8, separator: []const u8) Allocator.Error![]const u8 {
    var made: std.ArrayList(u8) = .empty;
    var code_points = sdk.text.codePoints(try sdk.text.lower(allocator, source));
    var between_words = false;
    while (code_points.nextCodepoint()) |code_point| {
        if (isDropped(code_point)) continue;
        if (!sdk.text.isWord(code_point)) {
            between_words = true;
            continue;
        }
        if (between_words and made.items.len > 0) try made.appendSlice(allocator, separator);
        between_words = false;
        try sdk.text.appendPlain(&made, allocator, code_point);
    }
    return made.items;
}

/// Apostrophes, and the accents of letters written in two parts ("e" and U+0301).
fn isDropped(code_point: u21) bool {
    return switch (code_point) {
        '\'', 0x2019, 0x300...0x36F => true,
        else => false,
    };
}
