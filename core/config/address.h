/* Addresses to listen on, as they are written: "127.0.0.1:8080", "[::]:8443", "localhost:8080", ":8080". */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>

#include "base/fault.h"

enum { ADDRESS_HOST_SIZE = 46 }; /* of the longest IPv6 address, with its terminator */

struct address {
    char host
        [ADDRESS_HOST_SIZE]; /* numeric in its usual form, without brackets; "localhost"; "" for all addresses of both families */
    bool ipv6;               /* host is an IPv6 address */
    int port;                /* 0: any free one */
};

/* False with what is wrong in fault. Looks nothing up. */
bool address_parse(const char *text, struct address *address, struct fault *fault);
bool address_is_loopback(const struct address *address);

#endif
