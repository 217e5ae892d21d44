/* GET /healthz: should the daemon be restarted? GET /readyz: should events be sent here? For service managers and balancers, which have no
 * token. Neither speaks of plugins: one that is down must not make a balancer refuse events. */
#ifndef ADMIN_HEALTH_H
#define ADMIN_HEALTH_H

#include "admin/api.h"

/* How long the store's writer may be at one piece of work before it counts as stuck. */
enum { HEALTH_STUCK_MS = 10000 };

void health_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);
void ready_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

#endif
