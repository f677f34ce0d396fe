#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* A macro made of other macros with casts, which Swift does not import. */
enum { FLORIN_EVP_PKEY_PUBLIC_KEY = EVP_PKEY_PUBLIC_KEY };

/* Parameter builders keep the pointer to a name, so that it must be one of a C literal. */
static inline const char *florin_rsa_modulus_name(void) { return OSSL_PKEY_PARAM_RSA_N; }
static inline const char *florin_rsa_exponent_name(void) { return OSSL_PKEY_PARAM_RSA_E; }
