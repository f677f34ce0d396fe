#pragma once
#include <zlib.h>

/* deflateInit2 is a macro, which Swift does not import. 16 added to the window's bits asks for gzip (RFC 1952). */
static inline int florin_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
