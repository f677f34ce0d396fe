#include "florin_wire.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    first_block = 4096,
    largest_block = 1 << 20,
};

static const size_t arena_limit = (size_t)256 << 20;

typedef struct block {
    struct block *previous;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
} block;

struct florin_arena {
    ProtobufCAllocator allocator;
    block *last;
    size_t used;
    size_t total;
};

static void *allocate(void *arena, size_t size) { return florin_arena_allocate(arena, size); }

static void release(void *arena, void *pointer) {
    (void)arena;
    (void)pointer;
}

static block *new_block(size_t size, block *previous) {
    block *fresh = malloc(sizeof(block) + size);
    if (fresh != NULL) {
        fresh->previous = previous;
        fresh->size = size;
    }
    return fresh;
}

florin_arena *florin_arena_create(void) {
    block *first = new_block(first_block, NULL);
    if (first == NULL) {
        return NULL;
    }
    florin_arena *arena = (florin_arena *)first->bytes;
    arena->allocator = (ProtobufCAllocator){.alloc = allocate, .free = release, .allocator_data = arena};
    arena->last = first;
    arena->used = (sizeof(florin_arena) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    arena->total = first_block;
    return arena;
}

void *florin_arena_allocate(florin_arena *arena, size_t size) {
    if (size > arena_limit - arena->total) {
        return NULL;
    }
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (size > arena->last->size - arena->used) {
        size_t next = arena->last->size < largest_block ? arena->last->size * 2 : largest_block;
        block *fresh = new_block(size > next ? size : next, arena->last);
        if (fresh == NULL) {
            return NULL;
        }
        arena->last = fresh;
        arena->used = 0;
        arena->total += fresh->size;
        if (arena->total > arena_limit) {
            arena->total = arena_limit;
        }
    }
    void *memory = arena->last->bytes + arena->used;
    arena->used += size;
    return memory;
}

ProtobufCAllocator *florin_arena_allocator(florin_arena *arena) { return &arena->allocator; }

void florin_arena_destroy(florin_arena *arena) {
    // The arena itself lives in its first block, which is the last one freed.
    block *current = arena->last;
    while (current != NULL) {
        block *previous = current->previous;
        free(current);
        current = previous;
    }
}

/// Reads a varint at `*at`; returns false at the end of the bytes.
static bool read_varint(const uint8_t *bytes, size_t count, size_t *at, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < count; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

bool florin_wire_has_nul_in_string(
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t count) {
    size_t at = 0;
    uint64_t tag, value;
    while (at < count && read_varint(bytes, count, &at, &tag)) {
        switch (tag & 7) {
        case 0:
            if (!read_varint(bytes, count, &at, &value)) {
                return false;
            }
            continue;
        case 1:
            at += 8;
            continue;
        case 5:
            at += 4;
            continue;
        case 2:
            break;
        default:
            return false;
        }
        if (!read_varint(bytes, count, &at, &value) || value > count - at) {
            return false;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
        size_t length = (size_t)value;
        if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING && memchr(bytes + at, 0, length) != NULL) {
            return true;
        }
        if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE &&
            florin_wire_has_nul_in_string(field->descriptor, bytes + at, length)) {
            return true;
        }
        at += length;
    }
    return false;
}
