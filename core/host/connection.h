/* The host's end of the socket to the daemon: frames come out of one large buffer, outcomes go out in batches. */
#ifndef HOST_CONNECTION_H
#define HOST_CONNECTION_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "host/wire.h"

enum {
    CONNECTION_READ_SIZE = 64 * 1024,
    CONNECTION_KEEP_SIZE = 1024 * 1024, /* memory beyond this is given back once a large frame is done with */
    CONNECTION_SEND_SIZE = 64 * 1024,   /* gathered output that is sent without waiting for more */
    CONNECTION_OUTCOMES = 32,           /* likewise, a number of outcomes */
    CONNECTION_DELAY_US = 1000, /* likewise, how long their events took: a slow plugin's outcomes go out one by one */
};

struct connection {
    int descriptor; /* blocking; owned by the process */
    dev_t device;   /* what it was at the start, since a plugin may close it and open something else under its number */
    ino_t inode;
    struct buffer input;
    size_t used; /* of input: frames handed out before */
    struct buffer output;
    int outcomes;     /* in output */
    int64_t spent_us; /* by the events whose outcomes are in output */
};

bool connection_open(struct connection *connection, int descriptor); /* false: the descriptor is no socket */
void connection_free(struct connection *connection);                 /* its memory; the descriptor stays open */
/* Is the descriptor still the socket that it was at the start? */
bool connection_owned(const struct connection *connection);

/* The next frame that is whole in the buffer, as views into it that live until connection_fill. `raw` (may be null) is all of it. */
enum wire_status connection_next(struct connection *connection, struct wire_frame *frame, struct bytes *raw);
bool connection_has_part(const struct connection *connection);              /* the start of a frame is there */
bool connection_waits(const struct connection *connection, int timeout_ms); /* is there something to read? */
/* Reads what has come, waiting for it if need be. False: the daemon is gone, or memory is short: `input` has failed then. */
bool connection_fill(struct connection *connection);

/* Appends an outcome; sends when enough has gathered. */
void connection_outcome(struct connection *connection, const struct wire_outcome *outcome);
/* Sends all of `output`. Ends the process when the socket is not its own any more or the daemon is gone: there is nobody left to tell. */
void connection_send(struct connection *connection);

#endif
