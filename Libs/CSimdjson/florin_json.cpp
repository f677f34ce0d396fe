#include "CSimdjson.h"

#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <vector>

using simdjson::error_code;

struct florin_json {
    simdjson::dom::parser parser;
    size_t depth = 0;
    std::unique_ptr<uint8_t[]> source;
    size_t source_capacity = 0;
    size_t source_count = 0;
    std::unique_ptr<uint32_t[]> positions;
    size_t positions_capacity = 0;
    size_t tape_count = 0;
};

namespace {

constexpr size_t largest_text = size_t(16) << 20;
constexpr size_t kept_documents = 4;
constexpr size_t kept_capacity = size_t(64) << 10;
constexpr uint64_t value_mask = 0x00FFFFFFFFFFFFFF;

/// Documents whose buffers are ready for the next text on this thread.
thread_local std::vector<std::unique_ptr<florin_json>> idle;

florin_json_status status_of(error_code error) {
    switch (error) {
    case simdjson::SUCCESS:
        return FLORIN_JSON_OK;
    case simdjson::EMPTY:
        return FLORIN_JSON_EMPTY;
    case simdjson::DEPTH_ERROR:
        return FLORIN_JSON_DEPTH;
    case simdjson::UTF8_ERROR:
        return FLORIN_JSON_UTF8;
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
        return FLORIN_JSON_NUMBER;
    case simdjson::CAPACITY:
        return FLORIN_JSON_TOO_LARGE;
    case simdjson::MEMALLOC:
        return FLORIN_JSON_MEMORY;
    default:
        return FLORIN_JSON_SYNTAX;
    }
}

std::unique_ptr<florin_json> take_document() {
    if (idle.empty()) {
        return std::unique_ptr<florin_json>(new florin_json());
    }
    auto document = std::move(idle.back());
    idle.pop_back();
    return document;
}

/// simdjson reads up to SIMDJSON_PADDING bytes past the end, so the text is copied into a buffer with that much room.
void copy_source(florin_json &document, const uint8_t *bytes, size_t count) {
    if (document.source_capacity < count || !document.source) {
        document.source.reset(new uint8_t[count + simdjson::SIMDJSON_PADDING]);
        document.source_capacity = count;
    }
    if (count > 0) {
        std::memcpy(document.source.get(), bytes, count);
    }
    std::memset(document.source.get() + count, 0, simdjson::SIMDJSON_PADDING);
    document.source_count = count;
}

int hexadecimal(const uint8_t *digits) {
    int value = 0;
    for (int index = 0; index < 4; index++) {
        uint8_t digit = digits[index];
        int part = digit >= '0' && digit <= '9'   ? digit - '0'
                   : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                   : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                  : -1;
        if (part < 0) {
            return -1;
        }
        value = value * 16 + part;
    }
    return value;
}

/// Finds an escape that stands for NUL or for half of a surrogate pair. Releases of simdjson differ in what they do with a
/// lone low surrogate, so the rule is checked here. The padding is zero: reading past the end finds no digit.
florin_json_status check_escapes(const uint8_t *text, size_t count, size_t *offset) {
    size_t at = 0;
    while (at < count) {
        auto found = static_cast<const uint8_t *>(std::memchr(text + at, '\\', count - at));
        if (found == nullptr) {
            break;
        }
        at = size_t(found - text);
        if (text[at + 1] != 'u') {
            at += 2;
            continue;
        }
        int code = hexadecimal(text + at + 2);
        *offset = at;
        if (code == 0) {
            return FLORIN_JSON_NUL;
        }
        if (code >= 0xDC00 && code <= 0xDFFF) {
            return FLORIN_JSON_SURROGATE;
        }
        at += 6;
        if (code >= 0xD800 && code <= 0xDBFF) {
            bool escaped = at < count && text[at] == '\\' && text[at + 1] == 'u';
            int low = escaped ? hexadecimal(text + at + 2) : -1;
            if (low < 0xDC00 || low > 0xDFFF) {
                return FLORIN_JSON_SURROGATE;
            }
            at += 6;
        }
    }
    *offset = SIZE_MAX;
    return FLORIN_JSON_OK;
}

/// Notes where each value of the tape starts: the tape holds the structural characters of the text in their order, without
/// commas and colons. Counts the depth too: simdjson leaves empty arrays and objects out of its own count.
florin_json_status locate_values(florin_json &document, size_t max_depth) {
    const uint64_t *tape = document.parser.doc.tape.get();
    size_t words = size_t(tape[0] & value_mask);
    if (document.positions_capacity < words + 1 || !document.positions) {
        document.positions.reset(new uint32_t[words + 1]);
        document.positions_capacity = words + 1;
    }
    const uint8_t *source = document.source.get();
    const uint32_t *structural = document.parser.implementation->structural_indexes.get();
    size_t structurals = document.parser.implementation->n_structural_indexes;
    uint32_t *positions = document.positions.get();
    size_t next = 0;
    size_t depth = 0;
    positions[0] = 0;
    for (size_t word = 1; word + 1 < words; word++) {
        while (next < structurals && (source[structural[next]] == ',' || source[structural[next]] == ':')) {
            next++;
        }
        if (next == structurals) {
            return FLORIN_JSON_SYNTAX;
        }
        positions[word] = structural[next++];
        uint8_t kind = uint8_t(tape[word] >> 56);
        if (kind == 'l' || kind == 'u' || kind == 'd') {
            positions[word + 1] = positions[word];
            word++;
        } else if (kind == '[' || kind == '{') {
            if (++depth > max_depth) {
                return FLORIN_JSON_DEPTH;
            }
        } else if (kind == ']' || kind == '}') {
            depth--;
        }
    }
    positions[words - 1] = uint32_t(document.source_count);
    document.tape_count = words;
    return FLORIN_JSON_OK;
}

florin_json_status parse(florin_json &document, const uint8_t *bytes, size_t count, size_t max_depth, size_t *offset) {
    copy_source(document, bytes, count);
    if (document.depth != max_depth || document.parser.capacity() < count) {
        error_code allocated = document.parser.allocate(count < 256 ? 256 : count, max_depth + 1);
        if (allocated != simdjson::SUCCESS) {
            return status_of(allocated);
        }
        document.depth = max_depth;
    }
    simdjson::dom::element root;
    error_code error = document.parser.parse(document.source.get(), count, false).get(root);
    if (error == simdjson::SUCCESS || error == simdjson::STRING_ERROR) {
        florin_json_status escapes = check_escapes(document.source.get(), count, offset);
        if (escapes != FLORIN_JSON_OK) {
            return escapes;
        }
    }
    if (error != simdjson::SUCCESS) {
        return status_of(error);
    }
    return locate_values(document, max_depth);
}

} // namespace

florin_json *florin_json_parse(
    const uint8_t *bytes, size_t count, size_t max_depth, florin_json_status *status, size_t *offset) {
    *offset = SIZE_MAX;
    if (count > largest_text) {
        *status = FLORIN_JSON_TOO_LARGE;
        return nullptr;
    }
    // An exception must not cross into Swift.
    try {
        auto document = take_document();
        *status = parse(*document, bytes, count, max_depth, offset);
        if (*status == FLORIN_JSON_OK) {
            return document.release();
        }
        florin_json_release(document.release());
    } catch (const std::bad_alloc &) {
        *status = FLORIN_JSON_MEMORY;
    }
    return nullptr;
}

florin_json_view florin_json_get_view(const florin_json *document) {
    return florin_json_view{
        document->parser.doc.tape.get(), document->tape_count,   document->parser.doc.string_buf.get(),
        document->source.get(),          document->source_count, document->positions.get(),
    };
}

void florin_json_release(florin_json *document) {
    std::unique_ptr<florin_json> owned(document);
    if (idle.size() >= kept_documents || owned->source_capacity > kept_capacity) {
        return;
    }
    try {
        idle.push_back(std::move(owned));
    } catch (const std::bad_alloc &) {
        return;
    }
}
