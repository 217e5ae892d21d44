/* GET /api/events: what was received, the newest first, page by page. GET /api/events/SOURCE/ID: the whole story of one. */
#ifndef ADMIN_EVENTS_H
#define ADMIN_EVENTS_H

#include "admin/api.h"

void events_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);
void story_answer(const struct api *api, const struct api_request *request, struct api_answer *answer); /* story.c */

#endif
