#include "admin/health.h"

#include "receive/server.h"
#include "store/store.h"

/* False with the refusal in `answer`. */
static bool store_is_well(const struct store_health *health, struct api_answer *answer) {
    if (health->broken)
        api_refuse(answer, 503,
                   "the store can't go on: %s; the daemon ends, and a restart recovers from what is on disk",
                   health->why);
    else if (health->stuck_ms > HEALTH_STUCK_MS)
        api_refuse(answer, 503,
                   "the store has been at one piece of work for %lld s; see whether its disk still answers",
                   (long long)health->stuck_ms / 1000);
    else
        return true;
    return false;
}

void health_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct store_health health;
    (void)request;
    store_health(api->store, &health);
    if (store_is_well(&health, answer))
        buffer_append_text(&answer->body, "{\"status\":\"ok\"}\n");
}

void ready_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct store_health health;
    (void)request;
    store_health(api->store, &health);
    if (!server_is_listening(api->server))
        api_refuse(answer, 503, "the daemon is stopping: it takes no new connections");
    else if (health.refusing)
        api_refuse(answer, 503, "events are refused: %s", health.why);
    else if (store_is_well(&health, answer))
        buffer_append_text(&answer->body, "{\"status\":\"ok\"}\n");
}
