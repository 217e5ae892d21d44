/* What each sender's events look like: the bodies are those of examples/events/. */
#ifndef CLI_SEND_EXAMPLE_H
#define CLI_SEND_EXAMPLE_H

#include "base/bytes.h"
#include "base/fault.h"

struct send_example {
    const char *preset;    /* null ends the table; its last row is for what is spelled out */
    const char *type;      /* for where it is no part of the body */
    const char *id_prefix; /* of new ids, random hex follows; null for a UUID */
    const char *content_type;
    const char
        *vary; /* where an id stands in the body if the event's own id doesn't, so that each body is another one */
    const char *headers; /* further ones that this sender has, as "Name: value\r\n" */
    const char *body;
};

/* Of a preset, or for null of any other scheme. */
const struct send_example *send_example_of(const char *preset);

/* A new id in the form of the sender. */
enum { SEND_ID_SIZE = 48 };
bool send_new_id(const struct send_example *example, char id[SEND_ID_SIZE], struct fault *fault);

#endif
