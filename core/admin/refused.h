/* GET /api/refused: the last refusals with their reasons, the newest first. */
#ifndef ADMIN_REFUSED_H
#define ADMIN_REFUSED_H

#include "admin/api.h"

/* Of all sources together no more than so many, the newest: what has 256 sources would otherwise answer with megabytes. */
enum { REFUSED_ANSWER_LIMIT = 1000 };

void refused_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

#endif
