/* The wall's door: frames over a stream socket between the daemon and a grapnel-host, and one page of memory that both see.
 *
 *   daemon                          host
 *     START file, limits       ──▶            loads the plugin
 *              ◀── HELLO what it is, its settings   |   BROKEN why it can't be loaded
 *     INIT settings            ──▶            init (or check)
 *              ◀── READY code
 *     EVENT …  EVENT …         ──▶            deliver, deliver, flush
 *              ◀── OUTCOME … (in order of sequence, each exactly once)    ◀── LOG at any time
 *     STOP                     ──▶            shutdown, exit 0
 *
 * Numbers are in the machine's own byte order: both ends are built together and run on one machine. Anything that is not a frame, or a
 * frame out of turn, means that the other side is lost: the daemon then kills the host, the host exits. */
#ifndef HOST_WIRE_H
#define HOST_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* WIRE_FRAME_LIMIT: a body at the largest `limits: body` that the config takes (64MiB), and room for the rest. WIRE_TEXT_LIMIT: of a log
 * line or an outcome's text. */
enum {
    WIRE_MAGIC = 0x4c4e5047, /* "GPNL" */
    WIRE_FRAME_LIMIT = 80 * 1024 * 1024,
    WIRE_TEXT_LIMIT = 4096,
    WIRE_HEADER_SIZE = 12,
};

/* Descriptors of a host process when it starts. */
enum {
    WIRE_STDOUT = 3, /* the daemon's own standard output, GRAPNEL_STDOUT of the sdk */
    WIRE_SOCKET = 4,
    WIRE_PAGE = 5,
};

/* A host's exit code when a call of the plugin has closed or replaced the socket, and when memory is short for the next frame. */
enum { WIRE_EXIT_SOCKET = 121, WIRE_EXIT_MEMORY = 122 };

enum wire_type {
    /* to the host */
    WIRE_START = 1,
    WIRE_INIT,
    WIRE_EVENT,
    WIRE_STOP,
    /* to the daemon */
    WIRE_HELLO = 16,
    WIRE_BROKEN,
    WIRE_READY,
    WIRE_OUTCOME,
    WIRE_LOG,
};

/* Contents, in this order (n: 8-byte number, t: text):
 * START    n deadline_ms  n memory_bytes (0: no limit)  n keep_privileges (0/1)  n mark (see deliver/strays.h; 0: none)  t plugin name as configured  t file  t working folder
 * INIT     n mode (enum wire_init)  n count, then for each  t path  n kind  t text  n number
 * EVENT    n sequence (WIRE_FIRST_SEQUENCE, and one more each)  n attempt  n alone (0/1)  n received_ms  t source  t id  t type  t key  t headers  t body
 * HELLO    t name  t version  t summary  n abi_minor  n has_flush  n has_check  n count, then for each  t name  n kind  n required  t fallback  t help
 * BROKEN   t why
 * READY    n code (enum grapnel_code)  n after_ms  t text
 * OUTCOME  n sequence  n code  n after_ms  n duration_us (of this event's own call and its share of the flush)  t text
 * LOG      n level (enum grapnel_level)  t text
 * STOP     nothing */
enum wire_init { WIRE_INIT_RUN, WIRE_INIT_CHECK };
enum { WIRE_FIRST_SEQUENCE = 1 };

struct wire_outcome {
    int64_t sequence, code, after_ms, duration_us;
    struct bytes text;
};

/* ---- writing: frames are appended to a buffer that the caller sends ---- */
size_t wire_begin(struct buffer *buffer, enum wire_type type); /* returns what wire_end needs */
void wire_put_number(struct buffer *buffer, int64_t number);
/* Any bytes; a terminator is added for the reader's comfort. */
void wire_put_text(struct buffer *buffer, struct bytes text);
void wire_end(struct buffer *buffer, size_t begun);

/* ---- reading ---- */
enum wire_status { WIRE_FRAME, WIRE_MORE, WIRE_GARBAGE };
struct wire_frame {
    enum wire_type type;
    const char *next, *end; /* what has not been read yet */
    bool bad;               /* a field was missing or too long: everything read since is zero or empty */
};
/* Looks at the start of `data`. WIRE_FRAME: `frame` is filled, *used bytes belong to it. WIRE_MORE: not whole yet; *used is how many bytes
 * are needed in all, as far as is known. WIRE_GARBAGE: not a frame. */
enum wire_status wire_parse(struct bytes data, struct wire_frame *frame, size_t *used);
int64_t wire_get_number(struct wire_frame *frame);
struct bytes wire_get_text(struct wire_frame *frame); /* a terminated view into the data */
bool wire_finished(const struct wire_frame *frame);   /* all read, nothing bad */

/* ---- the shared page ----
 * The host writes it, the daemon reads it: at a deadline to know since when which event runs, and after a death to know whom to charge. */
enum wire_phase {
    WIRE_PHASE_START,
    WIRE_PHASE_IDLE,
    WIRE_PHASE_INIT,
    WIRE_PHASE_DELIVER,
    WIRE_PHASE_FLUSH,
    WIRE_PHASE_SHUTDOWN,
};
struct wire_page {
    _Atomic uint32_t phase;
    /* The sequence of the event whose deliver runs, or whose flush runs when it is the only one in it; 0 when several share a flush. It is
     * set before the plugin is called, and left standing until the host has made sure that its socket is still its own. */
    _Atomic int64_t running;
    /* The last event whose deliver returned. What has sequence <= delivered and no outcome yet is provisional: it waits for a flush. */
    _Atomic int64_t delivered;
    _Atomic int64_t since_ms; /* clock_monotonic_ms when the running call began; 0 when none runs */
    /* The last event whose OK is good, though its OUTCOME may still be gathered with others: it must not be repeated because a later one
     * crashes. An outcome that is not OK is sent before anything further runs, so of a dead process all that is unanswered up to here was
     * OK. The mark counts only where `settled_check` is its complement: nobody scribbled over it. */
    _Atomic int64_t settled, settled_check;
};
enum { WIRE_PAGE_SIZE = 4096 };
void wire_page_settle(struct wire_page *page, int64_t sequence);
int64_t wire_page_settled(const struct wire_page *page); /* 0: none, or the page is not to be believed */

#endif
