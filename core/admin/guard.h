/* Who may ask over TCP: not the page of another origin in somebody's browser, and only who has the token. */
#ifndef ADMIN_GUARD_H
#define ADMIN_GUARD_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "receive/request.h"

/* A browser tells which page it asks for. It must be one of ours: of the very host that is asked. False with the reason. */
bool guard_origin(struct request *request, struct fault *reason);
/* Is there `Authorization: Bearer TOKEN`, with this token? False with the reason, which tells nothing of either. */
bool guard_token(struct request *request, struct bytes token, struct fault *reason);

#endif
