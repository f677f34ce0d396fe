/* A plain client loop over librabbitmq: what a C program needs for the same messages, with nothing else in the way.

   loop publish HOST PORT USER PASSWORD VHOST EXCHANGE KEY COUNT BYTES WINDOW
       persistent, mandatory messages, as many in flight as WINDOW says, each until its confirm
   loop pace    HOST PORT USER PASSWORD VHOST EXCHANGE KEY COUNT BYTES RATE
       the same at a steady rate
   loop consume HOST PORT USER PASSWORD VHOST QUEUE COUNT PREFETCH
       takes and acknowledges each

   Prints one line of JSON: messages, seconds, processor time, and latencies in milliseconds; of publishers from sending
   to confirm, of the consumer from sending, which is the first eight bytes of a message, to arrival. */

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

static const amqp_channel_t CHANNEL = 1;

static void fail(const char *what) {
    fprintf(stderr, "loop: %s\n", what);
    exit(1);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void check(amqp_connection_state_t connection, const char *what) {
    if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static int order(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void report(int64_t *latencies, long count, int64_t began) {
    double seconds = (now() - began) / 1e9;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double processor = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    qsort(latencies, count, sizeof *latencies, order);
    printf("{\"count\": %ld, \"seconds\": %.6f, \"processor\": %.6f, \"p50\": %.3f, \"p99\": %.3f}\n", count, seconds,
        processor, latencies[count / 2] / 1e6, latencies[count - 1 - count / 100] / 1e6);
}

static amqp_connection_state_t open_connection(char **arguments) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket || amqp_socket_open(socket, arguments[0], atoi(arguments[1]))) fail("cannot connect");
    amqp_rpc_reply_t login = amqp_login(
        connection, arguments[4], 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, arguments[2], arguments[3]);
    if (login.reply_type != AMQP_RESPONSE_NORMAL) fail("cannot log in");
    amqp_channel_open(connection, CHANNEL);
    check(connection, "cannot open a channel");
    return connection;
}

/* What was sent: when, and once it is confirmed, how long that took, as a negative number. */
struct messages {
    int64_t *times;
    long published, confirmed, first; /* first: before it all are confirmed */
};

static void take_confirm(amqp_connection_state_t connection, int64_t until, struct messages *messages) {
    int64_t left = until - now();
    if (left < 0) left = 0;
    struct timeval timeout = {left / 1000000000, left % 1000000000 / 1000};
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &timeout);
    if (status == AMQP_STATUS_TIMEOUT) return;
    if (status != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        fail("something else than a confirm arrived");
    amqp_basic_ack_t *ack = frame.payload.method.decoded;
    long last = (long)ack->delivery_tag - 1;
    int64_t time = now();
    for (long index = ack->multiple ? messages->first : last; index <= last; index++) {
        if (messages->times[index] < 0) continue;
        messages->times[index] -= time;
        messages->confirmed++;
    }
    while (messages->first < messages->published && messages->times[messages->first] < 0) messages->first++;
    amqp_maybe_release_buffers(connection);
}

static void publish(char **arguments, int is_paced) {
    amqp_connection_state_t connection = open_connection(arguments);
    long count = atol(arguments[7]), size = atol(arguments[8]), limit = atol(arguments[9]);
    amqp_confirm_select(connection, CHANNEL);
    check(connection, "cannot have confirms");
    struct messages messages = {calloc(count, sizeof(int64_t)), 0, 0, 0};
    char *body = calloc(1, size);
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    int64_t began = now();
    while (messages.confirmed < count) {
        int64_t due = is_paced ? began + messages.published * 1000000000LL / limit : 0;
        int is_allowed = is_paced ? now() >= due : messages.published - messages.confirmed < limit;
        if (messages.published == count || !is_allowed) {
            take_confirm(
                connection, is_paced && messages.published < count ? due : now() + 30000000000LL, &messages);
            continue;
        }
        messages.times[messages.published] = now();
        memcpy(body, &messages.times[messages.published++], sizeof(int64_t));
        amqp_bytes_t bytes = {size, body};
        if (amqp_basic_publish(connection, CHANNEL, amqp_cstring_bytes(arguments[5]), amqp_cstring_bytes(arguments[6]), 1,
                0, &properties, bytes))
            fail("cannot publish");
    }
    for (long index = 0; index < count; index++) messages.times[index] = -messages.times[index];
    report(messages.times, count, began);
}

static void consume(char **arguments) {
    amqp_connection_state_t connection = open_connection(arguments);
    long count = atol(arguments[6]);
    int64_t *latencies = calloc(count, sizeof *latencies), began = 0;
    amqp_basic_qos(connection, CHANNEL, 0, atoi(arguments[7]), 0);
    amqp_basic_consume(connection, CHANNEL, amqp_cstring_bytes(arguments[5]), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(connection, "cannot consume");
    for (long index = 0; index < count; index++) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(connection);
        struct timeval timeout = {30, 0};
        if (amqp_consume_message(connection, &envelope, &timeout, 0).reply_type != AMQP_RESPONSE_NORMAL)
            fail("no message arrived");
        if (!began) began = now();
        int64_t sent;
        memcpy(&sent, envelope.message.body.bytes, sizeof sent);
        latencies[index] = now() - sent;
        if (amqp_basic_ack(connection, CHANNEL, envelope.delivery_tag, 0)) fail("cannot acknowledge");
        amqp_destroy_envelope(&envelope);
    }
    report(latencies, count, began);
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
}

int main(int count, char **arguments) {
    if (count == 12 && !strcmp(arguments[1], "publish")) publish(arguments + 2, 0);
    else if (count == 12 && !strcmp(arguments[1], "pace")) publish(arguments + 2, 1);
    else if (count == 10 && !strcmp(arguments[1], "consume")) consume(arguments + 2);
    else fail("usage: see the head of its source");
    return 0;
}
