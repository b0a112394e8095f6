// {"name": "..."} -> {"greeting": "Hello, ...!"}
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INPUT_BYTES = 1 << 20 };

static int fail(const char *code, const char *message) {
    printf("{\"success\": false, \"error\": {\"code\": \"%s\", \"message\": \"%s\"}}", code, message);
    return 0;
}

// The length of the JSON string that starts at `quote`, including both quotes; 0 if it is unterminated.
static size_t string_length(const char *quote) {
    const char *at = quote + 1;
    while (*at != '"') {
        if (*at == '\\') at += 1;
        if (*at == '\0') return 0;
        at += 1;
    }
    return (size_t)(at + 1 - quote);
}

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

// The start of a member's value in the outermost object, or NULL. A JSON library does more, in a larger module.
static const char *find_member(const char *json, const char *key) {
    int depth = 0;
    for (const char *at = json; *at != '\0';) {
        if (*at != '"') {
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at += 1;
            continue;
        }
        size_t length = string_length(at);
        if (length == 0) return NULL;
        const char *after = skip_space(at + length);
        if (depth == 1 && *after == ':' && length == strlen(key) + 2 && strncmp(at + 1, key, length - 2) == 0)
            return skip_space(after + 1);
        at = after;
    }
    return NULL;
}

int main(void) {
    char *input = malloc(MAX_INPUT_BYTES + 1);
    if (input == NULL) return fail("OUT_OF_MEMORY", "The input does not fit.");
    input[fread(input, 1, MAX_INPUT_BYTES, stdin)] = '\0';
    const char *name = find_member(input, "name");
    if (name == NULL || *name != '"') return fail("INVALID_INPUT", "`name` must be a string.");
    // The string is copied from JSON to JSON with its escapes.
    printf("{\"success\": true, \"data\": {\"greeting\": \"Hello, %.*s!\"}}", (int)string_length(name) - 2, name + 1);
    return 0;
}
