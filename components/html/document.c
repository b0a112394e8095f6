// gumbo's tree, as the Zig files ask for it; and what gumbo needs of its host. Parse errors are not kept.

#include <stddef.h>

#include "error.h"
#include "gumbo.h"

void* html_allocate(void* unused, size_t size);  // main.zig

static void keep(void* unused, void* memory) { (void)unused, (void)memory; }

const GumboNode* html_parse(const char* text, size_t length) {
  GumboOptions options = {html_allocate, keep, NULL, 8, false, 0, GUMBO_TAG_LAST, GUMBO_NAMESPACE_HTML};
  return gumbo_parse_with_options(&options, text, length)->root;
}

GumboError* gumbo_add_error(struct GumboInternalParser* parser) {
  (void)parser;
  return NULL;
}
void gumbo_init_errors(struct GumboInternalParser* parser) { (void)parser; }
void gumbo_destroy_errors(struct GumboInternalParser* parser) { (void)parser; }
void gumbo_error_destroy(struct GumboInternalParser* parser, GumboError* error) { (void)parser, (void)error; }

static const GumboVector empty = {NULL, 0, 0};

static const GumboVector* children_of(const GumboNode* node) {
  if (node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE) return &node->v.element.children;
  return node->type == GUMBO_NODE_DOCUMENT ? &node->v.document.children : &empty;
}

int html_is_element(const GumboNode* node) {
  return node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
}
const GumboNode* html_parent(const GumboNode* node) { return node->parent; }
size_t html_position(const GumboNode* node) { return node->index_within_parent; }
size_t html_child_count(const GumboNode* node) { return children_of(node)->length; }
const GumboNode* html_child(const GumboNode* node, size_t at) { return children_of(node)->data[at]; }

// The text of a node that is one; null for elements and comments.
const char* html_text(const GumboNode* node) {
  switch (node->type) {
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_CDATA:
    case GUMBO_NODE_WHITESPACE:
      return node->v.text.text;
    default:
      return NULL;
  }
}

// A tag's name; null with an unknown one, of which `html_original_tag` has the text.
const char* html_tag(const GumboNode* node) {
  return node->v.element.tag == GUMBO_TAG_UNKNOWN ? NULL : gumbo_normalized_tagname(node->v.element.tag);
}
const char* html_original_tag(const GumboNode* node, size_t* length) {
  GumboStringPiece name = node->v.element.original_tag;
  gumbo_tag_from_original_text(&name);
  *length = name.length;
  return name.data;
}

size_t html_attribute_count(const GumboNode* node) { return node->v.element.attributes.length; }
const char* html_attribute_name(const GumboNode* node, size_t at) {
  return ((const GumboAttribute*)node->v.element.attributes.data[at])->name;
}
const char* html_attribute_value(const GumboNode* node, size_t at) {
  return ((const GumboAttribute*)node->v.element.attributes.data[at])->value;
}
