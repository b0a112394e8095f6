// Character references (HTML Standard, section 13.2.5.72 and on), in place of gumbo's char_ref.c, whose state machine is
// larger than the rest of the parser.

#include "char_ref.h"

#include <string.h>

#include "entities.h"
#include "utf8.h"

const int kGumboNoChar = -1;

enum { REPLACEMENT = 0xfffd, MAX_NAME = 40 };

// What the numbers 128 to 159 stand for: those of windows-1252.
static const unsigned short windows[32] = {
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
    0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
};

static int is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static int is_digit(int c) { return c >= '0' && c <= '9'; }

static int digit_value(int c, bool is_hex) {
  if (is_digit(c)) return c - '0';
  if (is_hex && c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (is_hex && c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool consume_number(Utf8Iterator* input, int* output) {
  utf8iterator_next(input);
  int c = utf8iterator_current(input);
  bool is_hex = c == 'x' || c == 'X';
  if (is_hex) utf8iterator_next(input);
  int digit = digit_value(utf8iterator_current(input), is_hex);
  if (digit < 0) {
    utf8iterator_reset(input);
    return false;
  }
  int number = 0;
  for (; digit >= 0; digit = digit_value(utf8iterator_current(input), is_hex)) {
    if (number <= 0x10ffff) number = number * (is_hex ? 16 : 10) + digit;
    utf8iterator_next(input);
  }
  if (utf8iterator_current(input) == ';') utf8iterator_next(input);
  if (number == 0 || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) number = REPLACEMENT;
  *output = number >= 0x80 && number < 0xa0 ? windows[number - 0x80] : number;
  return true;
}

static const unsigned char* read_code_point(const unsigned char* at, int* code_point) {
  int length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
  int value = length == 1 ? *at : *at & (0xff >> (length + 1));
  for (int i = 1; i < length; i++) value = value << 6 | (at[i] & 0x3f);
  *code_point = value;
  return at + length;
}

// The longest name that the text begins with; null if there is none.
static const unsigned char* find_name(const char* text, size_t available, size_t* length) {
  const unsigned char* found = NULL;
  int letter = text[0] <= 'Z' ? text[0] - 'A' : text[0] - 'a' + 26;
  const unsigned char* at = entities + entity_starts[letter];
  const unsigned char* end = entities + entity_starts[letter + 1];
  while (at < end) {
    const unsigned char* name_end = memchr(at, 1, end - at);
    size_t name_length = name_end - at;
    if (name_length <= available && memcmp(at, text, name_length) == 0 && (!found || name_length > *length)) {
      found = name_end + 1;
      *length = name_length;
    }
    at = (const unsigned char*)memchr(name_end, 0, end - name_end) + 1;
  }
  return found;
}

static bool consume_name(Utf8Iterator* input, bool is_in_attribute, OneOrTwoCodepoints* output) {
  const char* text = utf8iterator_get_char_pointer(input);
  size_t available = utf8iterator_get_end_pointer(input) - text;
  size_t length = 0;
  const unsigned char* value = is_letter(*text) ? find_name(text, available < MAX_NAME ? available : MAX_NAME, &length) : NULL;
  if (!value) {
    utf8iterator_reset(input);
    return true;
  }
  int next = length < available ? text[length] : -1;
  if (is_in_attribute && text[length - 1] != ';' && (next == '=' || is_letter(next) || is_digit(next))) {
    utf8iterator_reset(input);
    return true;
  }
  value = read_code_point(value, &output->first);
  if (*value) read_code_point(value, &output->second);
  for (size_t i = 0; i < length; i++) utf8iterator_next(input);
  return true;
}

bool consume_char_ref(struct GumboInternalParser* parser, struct GumboInternalUtf8Iterator* input,
                      int additional_allowed_char, bool is_in_attribute, OneOrTwoCodepoints* output) {
  (void)parser;
  utf8iterator_mark(input);
  utf8iterator_next(input);
  int c = utf8iterator_current(input);
  output->first = output->second = kGumboNoChar;
  if (c == '#') return consume_number(input, &output->first);
  if (c != additional_allowed_char && is_letter(c)) return consume_name(input, is_in_attribute, output);
  utf8iterator_reset(input);
  return true;
}
