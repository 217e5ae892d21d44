/* The clock of due times: from where the wall clock stood when the store was opened, or from where this one was when it
 * was last written down, whichever is later, it goes on by the machine's own time, whatever becomes of the wall clock. */
#ifndef STORE_SQLITE_CLOCK_H
#define STORE_SQLITE_CLOCK_H

#include <stdint.h>

struct store;

struct clock {
    int64_t wall_ms;  /* to begin with; as store_options has it */
    int64_t ahead_ms; /* of clock_boot_ms */
};

/* At the opening; `written_ms`: what the table `meta` has, 0 if nothing. */
void clock_begin(struct store *store, int64_t written_ms);
/* Within a transaction: writes it down, if that was not done for a minute or the writer wants it. SQLite's result. */
int clock_write(struct store *store);

/* At the end: writes it down in a transaction of its own. */
void clock_keep(struct store *store);

#endif
