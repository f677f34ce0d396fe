#pragma once
#include <malloc.h>
#include <sys/socket.h>
#include <uv.h>

/* glibc declares these only under _GNU_SOURCE, which a module must not define for its importers. */
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);

/* The two flags of accept4: the Swift overlay imports SOCK_STREAM as an enum and these not at all. */
static const int florin_accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
static const int florin_stream_socket = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/* mallopt(3): blocks above `large` bytes come from the system and go back to it; so does what is free at the end of the heap
   when it is more than `rest`. By itself glibc keeps up to 64 MiB once blocks of that size were used. */
static inline int florin_return_memory(int large, int rest) {
    return mallopt(M_MMAP_THRESHOLD, large) && mallopt(M_TRIM_THRESHOLD, rest);
}
