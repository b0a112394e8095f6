//! {"name": "..."} -> {"greeting": "Hello, ...!"}
use std::io::{Read, Write};

fn main() {
    let mut input = String::new();
    let output = match std::io::stdin().read_to_string(&mut input) {
        Ok(_) => greet(&input),
        Err(_) => fail("INVALID_JSON", "The input is not UTF-8."),
    };
    let _ = std::io::stdout().write_all(output.as_bytes());
}

fn greet(input: &str) -> String {
    match find_member(input, "name").and_then(string_at) {
        // The string is copied from JSON to JSON with its escapes.
        Some(name) => format!(r#"{{"success": true, "data": {{"greeting": "Hello, {name}!"}}}}"#),
        None => fail("INVALID_INPUT", "`name` must be a string."),
    }
}

fn fail(code: &str, message: &str) -> String {
    format!(r#"{{"success": false, "error": {{"code": "{code}", "message": "{message}"}}}}"#)
}

/// The contents, between the quotes, of the JSON string that `json` starts with.
fn string_at(json: &str) -> Option<&str> {
    let text = json.strip_prefix('"')?;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => return Some(&text[..at]),
            _ => escaped = character == '\\' && !escaped,
        }
    }
    None
}

/// The rest of the text after `"key":` in the outermost object. serde_json does more, in a larger module.
fn find_member<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let (mut rest, mut depth) = (json, 0);
    while let Some(character) = rest.chars().next() {
        if character != '"' {
            depth += i32::from(matches!(character, '{' | '[')) - i32::from(matches!(character, '}' | ']'));
            rest = &rest[character.len_utf8()..];
            continue;
        }
        let name = string_at(rest)?;
        rest = rest[name.len() + 2..].trim_start();
        if let Some(value) = rest.strip_prefix(':') {
            if depth == 1 && name == key {
                return Some(value.trim_start());
            }
        }
    }
    None
}
