// The memory of a call: two-level segregated free lists (TLSF, Masmano et al., ECRTS 2004), whose every operation takes
// the same short time, and which uses what it has got before it grows: an instance that has not grown is used again.

#pragma once

#include <stddef.h>

void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *block, size_t size);
void heap_free(void *block);

/// The bytes that a block has room for.
size_t heap_size(const void *block);
