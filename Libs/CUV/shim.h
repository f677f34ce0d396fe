#pragma once
#include <sys/socket.h>
#include <uv.h>

/* glibc declares these only under _GNU_SOURCE, which a module must not define for its importers. */
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);

/* The two flags of accept4: the Swift overlay imports SOCK_STREAM as an enum and these not at all. */
static const int florin_accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
static const int florin_stream_socket = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
