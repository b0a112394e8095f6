#include "heap.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
  ALIGNMENT = 8,
  HEADER = sizeof(uint32_t),
  MIN_BLOCK = 16, // what a free block keeps in itself: its header, two links and its size again
  LARGEST = 1 << 30,
  SPLITS = 8, // second-level lists of each power of two
  SPLIT_BITS = 3,
  LEVELS = 31,
  PAGE = 64 * 1024,
  GROWTH_SHARE = 8, // a growing memory grows by an eighth at least
};

// A block begins with its size, a multiple of ALIGNMENT, and two flags. A free one ends with its size again, where the
// next block, whose PREVIOUS_IS_FREE says so, finds it.
enum { IS_FREE = 1, PREVIOUS_IS_FREE = 2, FLAGS = IS_FREE | PREVIOUS_IS_FREE };

typedef struct Block {
  uint32_t header;
  struct Block *next, *previous; // only of a free one
} Block;

extern char __heap_base;

static Block *lists[LEVELS][SPLITS];
static uint32_t levels, splits[LEVELS]; // which lists have blocks, by bits
static char *end;                       // of what the heap has: where its last block, of no size, has its header

static uint32_t size_of(const Block *block) { return block->header & ~(uint32_t)FLAGS; }
static Block *after(const Block *block) { return (Block *)((char *)block + size_of(block)); }
static Block *block_of(const void *payload) { return (Block *)((char *)payload - HEADER); }
static int log2_of(uint32_t value) { return 31 - __builtin_clz(value); }

static void find_list(uint32_t size, int *level, int *split) {
  *level = log2_of(size);
  *split = (int)(size >> (*level - SPLIT_BITS)) & (SPLITS - 1);
}

static void insert(Block *block) {
  int level, split;
  find_list(size_of(block), &level, &split);
  Block *first = lists[level][split];
  block->next = first;
  block->previous = NULL;
  if (first != NULL) first->previous = block;
  lists[level][split] = block;
  levels |= 1u << level;
  splits[level] |= 1u << split;
  block->header |= IS_FREE;
  Block *next = after(block);
  ((uint32_t *)next)[-1] = size_of(block);
  next->header |= PREVIOUS_IS_FREE;
}

static void take_out(Block *block) {
  int level, split;
  find_list(size_of(block), &level, &split);
  if (block->next != NULL) block->next->previous = block->previous;
  if (block->previous != NULL) block->previous->next = block->next;
  else if ((lists[level][split] = block->next) == NULL && (splits[level] &= ~(1u << split)) == 0) {
    levels &= ~(1u << level);
  }
  block->header &= ~(uint32_t)IS_FREE;
  after(block)->header &= ~(uint32_t)PREVIOUS_IS_FREE;
}

static Block *find_free(uint32_t size) {
  uint32_t rounded = size + (1u << (log2_of(size) - SPLIT_BITS)) - 1; // any block of that list or a later one fits
  int level, split;
  find_list(rounded, &level, &split);
  uint32_t found = splits[level] & (~0u << split);
  if (found == 0) {
    uint32_t larger = level + 1 < LEVELS ? levels & (~0u << (level + 1)) : 0;
    if (larger == 0) return NULL;
    level = __builtin_ctz(larger);
    found = splits[level];
  }
  return lists[level][__builtin_ctz(found)];
}

/// Gives the rest of a block that is in use beyond `size` back.
static void trim(Block *block, uint32_t size) {
  uint32_t rest = size_of(block) - size;
  if (rest < MIN_BLOCK) return;
  block->header = size | (block->header & FLAGS);
  Block *left = after(block);
  left->header = rest;
  heap_free((char *)left + HEADER);
}

/// Takes in the memory up to `limit`: what is the last block becomes a free one, with the new last one behind it.
static void extend(char *limit) {
  Block *block = (Block *)end;
  uint32_t size = ((uint32_t)(limit - end) - HEADER) & ~(uint32_t)(ALIGNMENT - 1);
  block->header = size | (block->header & PREVIOUS_IS_FREE);
  end = (char *)after(block);
  ((Block *)end)->header = 0;
  heap_free((char *)block + HEADER);
}

static bool grow(uint32_t size) {
  size_t pages = __builtin_wasm_memory_size(0);
  if (end == NULL) { // the first time, all that the memory has from the start
    end = (char *)(((uintptr_t)&__heap_base + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1)) + HEADER;
    ((Block *)end)->header = 0;
    extend((char *)(pages * PAGE));
    return true;
  }
  size_t needed = (size + size / SPLITS) / PAGE + 1, share = pages / GROWTH_SHARE;
  if (share > needed && __builtin_wasm_memory_grow(0, share) != (size_t)-1) needed = share;
  else if (__builtin_wasm_memory_grow(0, needed) == (size_t)-1) return false;
  extend((char *)((pages + needed) * PAGE));
  return true;
}

void *heap_malloc(size_t wanted) {
  if (wanted > LARGEST) return NULL;
  uint32_t size = ((uint32_t)wanted + HEADER + ALIGNMENT - 1) & ~(uint32_t)(ALIGNMENT - 1);
  if (size < MIN_BLOCK) size = MIN_BLOCK;
  Block *block;
  while ((block = find_free(size)) == NULL) {
    if (!grow(size)) return NULL;
  }
  take_out(block);
  trim(block, size);
  return (char *)block + HEADER;
}

void heap_free(void *payload) {
  if (payload == NULL) return;
  Block *block = block_of(payload), *next = after(block);
  if (next->header & IS_FREE) {
    take_out(next);
    block->header += size_of(next);
  }
  if (block->header & PREVIOUS_IS_FREE) {
    Block *previous = (Block *)((char *)block - ((uint32_t *)block)[-1]);
    take_out(previous);
    previous->header += size_of(block);
    block = previous;
  }
  insert(block);
}

void *heap_calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  void *payload = heap_malloc(bytes);
  return payload == NULL ? NULL : memset(payload, 0, bytes);
}

void *heap_realloc(void *payload, size_t wanted) {
  if (payload == NULL) return heap_malloc(wanted);
  if (wanted == 0) {
    heap_free(payload);
    return NULL;
  }
  if (wanted > LARGEST) return NULL;
  uint32_t size = ((uint32_t)wanted + HEADER + ALIGNMENT - 1) & ~(uint32_t)(ALIGNMENT - 1);
  if (size < MIN_BLOCK) size = MIN_BLOCK;
  Block *block = block_of(payload), *next = after(block);
  uint32_t room = size_of(block) + (next->header & IS_FREE ? size_of(next) : 0);
  if (size > room && (char *)block + room == end) grow(size - room); // if it cannot, the block is moved
  if (size > size_of(block) && (next->header & IS_FREE) && size_of(block) + size_of(next) >= size) {
    take_out(next);
    block->header += size_of(next);
  }
  if (size <= size_of(block)) {
    trim(block, size);
    return payload;
  }
  void *moved = heap_malloc(wanted);
  if (moved == NULL) return NULL;
  memcpy(moved, payload, heap_size(payload));
  heap_free(payload);
  return moved;
}

size_t heap_size(const void *payload) { return payload == NULL ? 0 : size_of(block_of(payload)) - HEADER; }
