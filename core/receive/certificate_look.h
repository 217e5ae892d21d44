/* What clients will think of a chain. Internal to certificate.c. */
#ifndef RECEIVE_CERTIFICATE_LOOK_H
#define RECEIVE_CERTIFICATE_LOOK_H

#include <stdint.h>

#include <mbedtls/x509_crt.h>

#include "base/clock.h"
#include "base/fault.h"

/* Adds "PLACE: warning: …" for each thing that clients refuse. */
void certificate_look(const mbedtls_x509_crt *chain, const char *path, const char *place, struct fault_list *warnings);

int64_t certificate_time_ms(const mbedtls_x509_time *time);
void certificate_time_format(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]); /* without milliseconds, which none has */
/* "CN=shop.example"; cut if it is long. */
enum { CERTIFICATE_NAME_SIZE = 200 };
void certificate_name(const mbedtls_x509_name *name, char text[CERTIFICATE_NAME_SIZE]);

#endif
