#pragma once

/* Handles get types of their own instead of void. */
#define CURL_STRICTER
/* The checks are macros for C callers; they would hide curl_easy_setopt from the functions below. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/* curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one function for each kind of argument. */
static inline CURLcode florin_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

/* curl copies the text. */
static inline CURLcode florin_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

/* curl keeps the list: it has to outlive the transfer. */
static inline CURLcode florin_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode florin_curl_set_reader(
    CURL *handle, size_t (*read)(char *buffer, size_t size, size_t count, void *context), void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_READFUNCTION, read);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_READDATA, context);
}

static inline CURLcode florin_curl_set_progress(
    CURL *handle,
    int (*report)(void *context, curl_off_t total_down, curl_off_t down, curl_off_t total_up, curl_off_t up),
    void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, report);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_XFERINFODATA, context);
}

static inline CURLcode florin_curl_response_code(CURL *handle, long *value) {
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, value);
}

/* A macro with a cast, which Swift does not import. */
enum { FLORIN_CURL_GLOBAL_DEFAULT = CURL_GLOBAL_DEFAULT, FLORIN_CURL_USESSL_ALL = CURLUSESSL_ALL };

static inline CURLcode florin_curl_set_writer(
    CURL *handle, size_t (*write)(char *buffer, size_t size, size_t count, void *context), void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, write);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_WRITEDATA, context);
}

static inline CURLcode florin_curl_set_header_writer(
    CURL *handle, size_t (*write)(char *buffer, size_t size, size_t count, void *context), void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, write);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_HEADERDATA, context);
}
