/* Where this installation is, found from the executable itself, so that it can be moved. */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "base/fault.h"

struct place {
    char host[PATH_MAX];    /* grapnel-host: beside the executable or in ../libexec/grapnel */
    char plugins[PATH_MAX]; /* the installed plugins: ../lib/grapnel/plugins, or in a build folder ../plugins */
};

/* False with the reason if there is no grapnel-host. */
bool place_find(struct place *place, struct fault *fault);

#endif
