/* Changing one value in a JSON text, the rest byte for byte as it was. */
#ifndef CLI_JSON_PUT_H
#define CLI_JSON_PUT_H

#include "base/bytes.h"
#include "base/fault.h"

/* Puts a text where the pointer leads, in place of what is there; where nothing is, the objects on the way are made, and for a
 * step "0" an array. False with the reason: it is no JSON, or the way leads through something that is no object. */
bool json_put(struct buffer *text, const char *pointer, const char *value, struct fault *fault);

#endif
