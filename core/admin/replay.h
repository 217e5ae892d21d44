/* POST /api/replay: what was delivered is delivered once more, under a key of its own; what had no route goes where today's routes lead. One
 * event, or a page of those that a filter describes, the oldest first, until the cursor is null. */
#ifndef ADMIN_REPLAY_H
#define ADMIN_REPLAY_H

#include "admin/api.h"

void replay_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

#endif
