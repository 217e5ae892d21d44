#include "cli/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Writes folder + relative; false if it does not fit or does not exist with this access. */
static bool place_try(char path[PATH_MAX], const char *folder, const char *relative, int access_wanted) {
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, relative);
    return length > 0 && length < PATH_MAX && access(path, access_wanted) == 0;
}

bool place_find(struct place *place, struct fault *fault) {
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length < 0)
        return fault_set(fault, "can't find grapnel's own place: /proc/self/exe: %s; is /proc mounted?",
                         strerror(errno));
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
    if (!place_try(place->host, folder, "grapnel-host", X_OK) &&
        !place_try(place->host, folder, "../libexec/grapnel/grapnel-host", X_OK))
        return fault_set(fault, "no grapnel-host beside %s/grapnel nor in %s/../libexec/grapnel; install both", folder,
                         folder);
    if (!place_try(place->plugins, folder, "../lib/grapnel/plugins", R_OK))
        place_try(place->plugins, folder, "../plugins", R_OK);
    return true;
}
