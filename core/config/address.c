/* Parsing addresses without asking a resolver, so that a config that was checked listens where it says. */
#include "config/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/units.h"

static bool port_parse(const char *text, int *port) {
    int64_t number;
    if (strlen(text) > 5 || text[0] == '-' || !integer_parse(text, &number) || number > 65535)
        return false;
    *port = (int)number;
    return true;
}

/* Brings the numeric host into its usual form, so that the same address written twice is seen to be the same. */
static bool host_parse(const char *text, int family, struct address *address) {
    unsigned char binary[sizeof(struct in6_addr)];
    address->ipv6 = family == AF_INET6;
    return inet_pton(family, text, binary) == 1 && inet_ntop(family, binary, address->host, sizeof address->host);
}

bool address_parse(const char *text, struct address *address, struct fault *fault) {
    *address = (struct address){ 0 };
    const char *colon = strrchr(text, ':');
    if (!colon)
        return fault_set(fault, "\"%.80s\" is no address; write HOST:PORT, [IPV6]:PORT or :PORT", text);
    if (!port_parse(colon + 1, &address->port))
        return fault_set(fault, "the port of \"%.80s\" must be a number from 0 to 65535", text);

    char host[ADDRESS_HOST_SIZE + 2];
    size_t length = (size_t)(colon - text);
    if (length >= sizeof host)
        return fault_set(fault, "the host of \"%.80s\" is neither an IP address nor localhost", text);
    memcpy(host, text, length);
    host[length] = '\0';

    if (length == 0)
        return true;
    if (strcmp(host, "localhost") == 0) {
        memcpy(address->host, host, length + 1);
        return true;
    }
    bool brackets = host[0] == '[' && host[length - 1] == ']';
    if (!brackets && strchr(host, ':'))
        return fault_set(fault, "\"%.80s\": an IPv6 address is in brackets, and its port behind them: \"[::1]:8080\"",
                         text);
    if (brackets)
        host[length - 1] = '\0';
    if (!host_parse(brackets ? host + 1 : host, brackets ? AF_INET6 : AF_INET, address))
        return fault_set(fault, "the host of \"%.80s\" is neither an IP address nor localhost", text);
    return true;
}

bool address_is_loopback(const struct address *address) {
    return strcmp(address->host, "localhost") == 0 || strcmp(address->host, "::1") == 0 ||
           (!address->ipv6 && strncmp(address->host, "127.", 4) == 0);
}
