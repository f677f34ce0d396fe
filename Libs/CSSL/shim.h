#pragma once

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* The protocols offered by ALPN, the preferred one first, as RFC 7301 writes them. */
static const unsigned char florin_protocols[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/* A client that offers nothing we speak is refused, as RFC 7301 section 3.2 has it. */
static int florin_select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                                  const unsigned char *in, unsigned int in_length, void *argument) {
    (void)ssl;
    (void)argument;
    int found = SSL_select_next_proto((unsigned char **)out, out_length, florin_protocols, sizeof(florin_protocols), in,
                                      in_length);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Never asks the terminal for the password of a key. */
static int florin_no_password(char *buffer, int size, int for_writing, void *argument) {
    (void)buffer;
    (void)size;
    (void)for_writing;
    (void)argument;
    return -1;
}

/* A context for servers, or NULL. What it sets are macros, which Swift does not import. */
static inline SSL_CTX *florin_server_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) return NULL;
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, florin_select_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, florin_no_password);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

/* A server's side of a connection over two memory BIOs, which it owns, or NULL. */
static inline SSL *florin_server_side(SSL_CTX *context) {
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (ssl == NULL || in == NULL || out == NULL) {
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        return NULL;
    }
    /* An empty BIO means "not yet", not "the end". */
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(ssl, in, out);
    SSL_set_accept_state(ssl);
    return ssl;
}

/* Forgets errors of other calls of this thread: SSL_get_error looks at the queue. */
static inline void florin_clear_errors(void) { ERR_clear_error(); }
