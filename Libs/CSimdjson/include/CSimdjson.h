#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Why a text was refused. The order is mirrored by `JSONError.Code` in the JSON library.
typedef enum florin_json_status {
    FLORIN_JSON_OK = 0,
    FLORIN_JSON_EMPTY = 1,
    FLORIN_JSON_SYNTAX = 2,
    FLORIN_JSON_DEPTH = 3,
    FLORIN_JSON_UTF8 = 4,
    FLORIN_JSON_NUMBER = 5,
    FLORIN_JSON_NUL = 6,
    FLORIN_JSON_SURROGATE = 7,
    FLORIN_JSON_TOO_LARGE = 8,
    FLORIN_JSON_MEMORY = 9,
} florin_json_status;

/// A parsed text: its copy, the tape and the unescaped strings. Immutable until released.
typedef struct florin_json florin_json;

/// What a reader needs of a parsed text; valid until `florin_json_release`.
typedef struct florin_json_view {
    /// simdjson's tape: the kind of a word in the upper 8 bits, its value in the lower 56.
    const uint64_t *tape;
    size_t tape_count;
    /// Strings, each as a 32-bit length and its bytes; a string word's value is the offset of the length.
    const uint8_t *strings;
    /// The text, and for each word of the tape where in the text its value starts.
    const uint8_t *source;
    size_t source_count;
    const uint32_t *positions;
} florin_json_view;

/// Parses `count` bytes; arrays and objects nest `max_depth` deep at most. Returns the document, which the caller releases,
/// or NULL with the reason in `status` and, where known, the offset of the fault in `offset` (else SIZE_MAX).
florin_json *florin_json_parse(
    const uint8_t *bytes, size_t count, size_t max_depth, florin_json_status *status, size_t *offset);

/// The parts of a document.
florin_json_view florin_json_get_view(const florin_json *document);

/// Gives a document back. Its memory may serve the next parse on this thread.
void florin_json_release(florin_json *document);

#ifdef __cplusplus
}
#endif
