/* The child's loop: what a grapnel-host does from its first frame to its last. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "host/wire.h"

/* Serves the daemon at the other end of the socket until STOP or its end. Returns the process's exit code: 0 after STOP or when the daemon
 * is gone, 1 after garbage. The descriptor stays open. */
int host_run(int descriptor, struct wire_page *page);

#endif
