/* GET /api/status: the daemon, its store, plugins and sources at one glance. */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/api.h"

/* The main thread answers between two turns of its loop; one that does not in so long hangs. */
enum { STATUS_PATIENCE_MS = 2000 };

void status_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

#endif
