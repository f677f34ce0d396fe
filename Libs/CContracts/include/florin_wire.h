#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/// Memory of one message while it is encoded or decoded: everything in it is freed at once.
typedef struct florin_arena florin_arena;

/// An empty arena, or NULL without memory. The caller destroys it.
florin_arena *florin_arena_create(void);

/// `size` bytes aligned for any C type, or NULL without memory or above 256 MiB in all.
void *florin_arena_allocate(florin_arena *arena, size_t size);

/// The arena as protobuf-c's allocator; its free does nothing.
ProtobufCAllocator *florin_arena_allocator(florin_arena *arena);

/// Frees the arena and all that was allocated from it.
void florin_arena_destroy(florin_arena *arena);

/// Whether a field of type string holds NUL in the encoded message. protobuf-c ends strings at NUL, so what follows it would
/// be lost in silence. The bytes must be a message that protobuf-c has accepted.
bool florin_wire_has_nul_in_string(
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t count);
