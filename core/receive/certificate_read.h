/* A chain and its key from PEM files, and whether a server can serve them at all. Internal to certificate.c. */
#ifndef RECEIVE_CERTIFICATE_READ_H
#define RECEIVE_CERTIFICATE_READ_H

#include <stdbool.h>

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "base/fault.h"
#include "config/setup.h"

/* Into two that were initialised, and are to be freed in any case. */
bool certificate_read(mbedtls_x509_crt *chain, mbedtls_pk_context *key, const struct setup_certificate *from,
                      struct fault *fault);

#endif
