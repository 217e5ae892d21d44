/* Where events go: the URL of the settings, which never changes. */
#ifndef FORWARD_TARGET_H
#define FORWARD_TARGET_H

#include <grapnel/plugin.h>

/* GRAPNEL_OK and *origin, "https://host:port", which lives as long as the call: all of the URL that people are shown, since its path
 * and query are the credential of many receivers. Or GRAPNEL_FAIL with what is wrong with the URL. */
int target_read(struct grapnel_call *call, const char *url, const char **origin);

/* The same of any URL; null if it is none. */
const char *target_origin(struct grapnel_call *call, const char *url);

#endif
