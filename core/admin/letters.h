/* POST /api/retry: dead letters become open deliveries again. POST /api/discard: they are dropped, and so are the open deliveries of a
 * plugin that is parked. One, or with `all` a page of them in each request, until the cursor is null. */
#ifndef ADMIN_LETTERS_H
#define ADMIN_LETTERS_H

#include "admin/api.h"

void retry_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);
void discard_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

#endif
