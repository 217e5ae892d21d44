/* What an address serves HTTPS with: chains of certificates and their keys, read from PEM files and looked at as its clients will.
 *
 * What can never work is an error: a file that can't be read, a key that does not fit. What clients refuse, or will refuse one day, is a
 * warning, an expired certificate above all: a daemon that would not start again for it, at night after a power cut, would lose the HTTP
 * senders too, and those that don't look at dates. */
#ifndef RECEIVE_CERTIFICATE_H
#define RECEIVE_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "base/fault.h"
#include "config/setup.h"

struct certificate;

/* Null with "grapnel.yaml:12:3: …" in fault. Warnings, in the same form, are added to the list; null: they are of no interest. */
struct certificate *certificate_load(const struct setup_tls *tls, struct fault_list *warnings, struct fault *fault);
void certificate_free(struct certificate *certificate); /* wipes the keys; null is allowed */

/* One of RSA, one of ECDSA, or both. Never changed once they are loaded, though mbedTLS takes them without const: only the RSA key has a
 * state, its blinding, under a mutex of mbedTLS. */
int certificate_count(const struct certificate *certificate);
mbedtls_x509_crt *certificate_chain(struct certificate *certificate, int number);
mbedtls_pk_context *certificate_key(struct certificate *certificate, int number);

/* When the first of the servers' own certificates expires, wall clock. */
int64_t certificate_expires_ms(const struct certificate *certificate);

/* "CN=shop.example, ECDSA with 256 bits, 2 certificates, expires 2026-12-31T12:00:00Z". */
enum { CERTIFICATE_TEXT_SIZE = 512 };
void certificate_describe(const struct certificate *certificate, int number, char text[CERTIFICATE_TEXT_SIZE]);

/* Is it time to tell? "expires 2026-12-31T12:00:00Z, in 13 days: …". False while there is nothing to say. */
enum { CERTIFICATE_AHEAD_DAYS = 14 };
bool certificate_expiry_tell(int64_t expires_ms, int64_t now_ms, char text[CERTIFICATE_TEXT_SIZE]);

/* Loads, and lets go, all that the setup names: for who wants to know all mistakes before anything is started. False if there are any.
 * `told`, which may be null, gets a line for each: "listen [::]:8443: CN=shop.example, …". */
struct buffer;
bool certificate_check_all(const struct setup *setup, struct buffer *told, struct fault_list *mistakes,
                           struct fault_list *warnings);

#endif
