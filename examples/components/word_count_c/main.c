// A component in plain C: {"text": "..."} -> {"words", "characters"}. Characters are Unicode code points.
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INPUT = 1 << 20 };

static int fail(const char *code, const char *message) {
    printf("{\"success\": false, \"error\": {\"code\": \"%s\", \"message\": \"%s\"}}", code, message);
    return 0;
}

// The first character of the text value of "text", or NULL. Enough of JSON for an object with one field.
static const char *find_text(const char *json) {
    const char *at = strstr(json, "\"text\"");
    if (at == NULL) return NULL;
    at += strlen("\"text\"");
    at += strspn(at, " \t\r\n");
    if (*at++ != ':') return NULL;
    at += strspn(at, " \t\r\n");
    return *at == '"' ? at + 1 : NULL;
}

// Reads one character at *at, escapes and UTF-8 alike, and moves on. 0 at the text's end, -1 for half a surrogate pair's
// second half, which belongs to the character before.
static int next_character(const char **at) {
    const unsigned char *p = (const unsigned char *)*at;
    if (*p == '"' || *p == '\0') return 0;
    int character = *p;
    size_t length = *p < 0x80 ? 1 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : 4;
    if (*p == '\\') {
        length = 2;
        character = p[1] == 'n' || p[1] == 't' || p[1] == 'r' || p[1] == 'b' || p[1] == 'f' ? ' ' : p[1];
        if (p[1] == 'u') {
            char digits[5] = {0};
            strncpy(digits, (const char *)p + 2, 4);
            length = 2 + strlen(digits);
            character = (int)strtol(digits, NULL, 16);
            if (character >= 0xDC00 && character <= 0xDFFF) character = -1;
            if (character == 0) character = 0xFFFD; // 0 means the end here
        }
    }
    *at += length;
    return character;
}

int main(void) {
    char *input = malloc(MAX_INPUT + 1);
    if (input == NULL) return fail("OUT_OF_MEMORY", "The input does not fit.");
    size_t length = fread(input, 1, MAX_INPUT, stdin);
    input[length] = '\0';
    const char *at = find_text(input);
    if (at == NULL) return fail("INVALID_INPUT", "`text` must be a text.");
    long words = 0, characters = 0;
    bool in_word = false;
    for (int character; (character = next_character(&at)) != 0;) {
        if (character == -1) continue;
        characters += 1;
        bool is_space = character < 0x80 && isspace(character);
        words += !is_space && !in_word;
        in_word = !is_space;
    }
    printf("{\"success\": true, \"data\": {\"words\": %ld, \"characters\": %ld}}", words, characters);
    return 0;
}
