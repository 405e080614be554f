// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
//
// The OpenSSL interface as Swift can import it: macros become functions of one line.
// No _GNU_SOURCE here: two Clang modules would then see different glibc structures.
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static const uint64_t COSSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t COSSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t COSSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;

static inline int cossl_ctx_set_min_proto_version(SSL_CTX *ctx, int version) {
  return (int)SSL_CTX_set_min_proto_version(ctx, version);
}
static inline int cossl_ctx_set_max_proto_version(SSL_CTX *ctx, int version) {
  return (int)SSL_CTX_set_max_proto_version(ctx, version);
}
static inline void cossl_ctx_set_mode(SSL_CTX *ctx, uint32_t mode) { SSL_CTX_set_mode(ctx, mode); }
static inline void cossl_ctx_set_session_cache_mode(SSL_CTX *ctx, int mode) {
  SSL_CTX_set_session_cache_mode(ctx, mode);
}
static inline int cossl_ctx_add1_chain_cert(SSL_CTX *ctx, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(ctx, certificate);
}
static inline int cossl_set_tlsext_host_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

/* Lists of one kind are macros too: how many certificates or names there are, and what one of them is. */
static inline int cossl_ctx_add1_client_authority(SSL_CTX *ctx, X509 *authority) {
  return SSL_CTX_add_client_CA(ctx, authority);
}
static inline int cossl_ctx_set1_verify_store(SSL_CTX *ctx, X509_STORE *store) {
  return (int)SSL_CTX_set1_verify_cert_store(ctx, store);
}
static inline void cossl_ctx_set_max_cert_list(SSL_CTX *ctx, long octets) { SSL_CTX_set_max_cert_list(ctx, octets); }
static inline GENERAL_NAMES *cossl_alternative_names(X509 *certificate) {
  return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int cossl_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
/* The text of an e-mail address or a host name; NULL: it is a name of another kind. */
static inline const ASN1_STRING *cossl_name_text(const GENERAL_NAMES *names, int index) {
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  return name->type == GEN_EMAIL || name->type == GEN_DNS ? name->d.ia5 : NULL;
}
static inline void cossl_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

static inline void cossl_free(void *octets) { OPENSSL_free(octets); }
static inline int cossl_err_lib(unsigned long error) { return ERR_GET_LIB(error); }
static inline int cossl_err_reason(unsigned long error) { return ERR_GET_REASON(error); }

static inline void cossl_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void cossl_bio_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline EVP_PKEY *cossl_ec_generate(const char *curve) { return EVP_EC_gen(curve); }

#endif
