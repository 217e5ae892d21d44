/* What this process gives up before it loads a plugin, so that a mistake in the plugin stays in here. */
#ifndef HOST_CONFINE_H
#define HOST_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/* Of a plugin's descriptors; a plugin that needs more may raise it to what the daemon was given. */
enum { CONFINE_DESCRIPTORS = 1024 };

struct confinement {
    int64_t memory_bytes; /* 0: no limit */
    bool keep_privileges; /* what the plugin starts may gain rights: sudo, ping */
    int64_t mark;         /* see WIRE_START; 0: none */
};

/* For this process and all that it will start. False with the reason: the plugin must not be loaded then. */
bool confine(const struct confinement *confinement, struct fault *fault);

#endif
