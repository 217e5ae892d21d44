/* What a plugin can ask of its host while one of its functions runs: struct grapnel_api, and the call behind it. */
#ifndef HOST_SERVICES_H
#define HOST_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "event/json.h"
#include "grapnel/plugin.h"
#include "host/arena.h"
#include "host/connection.h"
#include "host/setting_tree.h"

/* An EVENT frame, taken apart; views into the frame. */
struct host_event {
    int64_t sequence, attempt, received_ms;
    bool alone;
    struct bytes source, id, type, key, headers, body;
};

bool host_event_read(struct host_event *event, struct wire_frame *frame); /* false: garbage */

enum { SERVICES_KEEP_TOKENS = 64 * 1024 }; /* of a parsed payload; memory for more is given back after the call */

/* One for the whole process, begun and ended around each function of the plugin. Zero-initialise, services_start. */
struct host_call {
    struct grapnel_call call; /* first: it is all that the plugin knows of */
    struct connection *connection;
    const struct setting_tree *settings;
    const struct host_event *event; /* null outside deliver */
    int64_t deadline_ms;            /* what each function may take; 0: no limit */
    int64_t ends_ms;                /* monotonic */
    struct arena arena;
    struct json json;
    enum { JSON_UNREAD, JSON_READ, JSON_UNREADABLE } json_state;
    struct buffer scratch;
    int64_t after_ms;   /* of grapnel_retry and its sisters */
    struct buffer text; /* likewise, at most WIRE_TEXT_LIMIT bytes */
};

void services_start(struct host_call *call, struct connection *connection, const struct setting_tree *settings,
                    int64_t deadline_ms);
void services_begin(struct host_call *call, const struct host_event *event);
/* Takes the code that the plugin returned: one that there is none of becomes RETRY with a text, and OK loses what was said before.
 * after_ms and text stay until the next services_begin; all else is freed. */
enum grapnel_code services_end(struct host_call *call, int code);
void services_stop(struct host_call *call);

#endif
