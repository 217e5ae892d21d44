#include "receive/listen.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool machine_has_ipv6(void) {
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0)
        close(probe);
    return probe >= 0;
}

bool listen_append(struct buffer *list, const char *address) {
    const char *colon = strrchr(address, ':');
    const char *port = colon ? colon + 1 : "";
    if (*port == '\0' || port[strspn(port, "0123456789")] != '\0' || strpbrk(address, ", \t") != NULL)
        return false;
    buffer_append_text(list, list->length == 0 ? "" : ",");
    if (colon != address)
        buffer_append_text(list, address);
    else /* civetweb writes "all addresses of both families" as +PORT */
        buffer_format(list, "%s%s", machine_has_ipv6() ? "+" : "0.0.0.0:", port);
    return true;
}
