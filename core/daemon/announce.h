/* What the log says about a start and a stop besides that they happened. */
#ifndef DAEMON_ANNOUNCE_H
#define DAEMON_ANNOUNCE_H

#include "base/log.h"
#include "config/setup.h"
#include "store/store.h"

/* Which sources receive at which paths. */
void announce_sources(struct log *log, const struct setup *setup);
/* `deliveries that wait: 12`, with what that means behind it, and those whose plugins are no longer in the config; nothing where there
 * are none. `numbers` are the store's of setup->plugins. */
void announce_deliveries(struct log *log, const struct setup *setup, struct store *store, const int *numbers,
                         const char *meaning);

#endif
