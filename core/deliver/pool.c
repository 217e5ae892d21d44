/* The workers of one plugin: started, replaced when they end. */
#include "deliver/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "deliver/pool_private.h"

struct pool_slot *pool_slot_of(struct pool *pool, const struct worker *worker) {
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker == worker)
            return &pool->slots[i];
    return NULL;
}

/* A worker that died with an event in hand is replaced at once, since poison bounds that; another one after a growing pause. */
static void pool_plan_restart(struct pool_slot *slot, bool in_hand, int64_t now) {
    if (in_hand) {
        slot->restart_ms = now;
        return;
    }
    if (slot->asked_ms) {
        slot->restart_ms = now + slot->asked_ms;
        slot->asked_ms = 0;
        return;
    }
    slot->backoff_ms = slot->backoff_ms ? slot->backoff_ms * 2 : POOL_RESTART_FIRST_MS;
    if (slot->backoff_ms > POOL_RESTART_LONGEST_MS)
        slot->backoff_ms = POOL_RESTART_LONGEST_MS;
    slot->restart_ms = now + slot->backoff_ms;
}

static void pool_judge_held(struct pool *pool, enum worker_end end, const char *why, struct delivery_list *held,
                            bool *in_hand) {
    struct delivery_list back = { 0 };
    for (struct delivery *delivery; (delivery = delivery_take(held));) {
        if (delivery->part != DELIVERY_BYSTANDER)
            *in_hand = true;
        if (delivery->part == DELIVERY_CULPRIT) {
            pool_charge(pool, delivery, end == WORKER_END_DEADLINE ? STATUS_DEADLINE : STATUS_CRASH, why);
            continue;
        }
        if (delivery->part == DELIVERY_SUSPECT)
            delivery->alone = true;
        delivery_append(&back, delivery);
    }
    pool_put_back(pool, &back);
}

/* Another one will be started, for this reason. */
static void pool_count_restart(struct pool *pool, const struct pool_slot *slot, enum worker_end end) {
    static const enum status_restart reasons[] = {
        [WORKER_END_STOPPED] = STATUS_RESTART_EXIT,    [WORKER_END_EXITED] = STATUS_RESTART_EXIT,
        [WORKER_END_SIGNAL] = STATUS_RESTART_SIGNAL,   [WORKER_END_DEADLINE] = STATUS_RESTART_DEADLINE,
        [WORKER_END_GARBAGE] = STATUS_RESTART_GARBAGE, [WORKER_END_DROPPED] = STATUS_RESTART_EXIT,
        [WORKER_END_MEMORY] = STATUS_RESTART_MEMORY,
    };
    bool could_not_begin = end == WORKER_END_DROPPED && !slot->ready;
    pool->restarts[could_not_begin ? STATUS_RESTART_INIT : reasons[end]]++;
}

static void pool_ended(void *owner, struct worker *worker, enum worker_end end, const char *why,
                       struct delivery_list *held) {
    struct pool *pool = owner;
    struct pool_slot *slot = pool_slot_of(pool, worker);
    bool in_hand = false, was_expected = end == WORKER_END_STOPPED || end == WORKER_END_DROPPED;
    if (!was_expected && !pool->services.check_only) {
        char text[STATUS_TEXT_SIZE];
        snprintf(text, sizeof text, "its worker %s", why);
        pool_remember_why(pool->worker_why, text);
        pool_log(pool, LOG_LEVEL_WARN, worker_process(worker), why, "worker %d %s", worker_process(worker), why);
    }
    pool_judge_held(pool, end, why, held, &in_hand);
    if (!was_expected && pool->verdict == POOL_PENDING && pool->services.check_only)
        pool_refuse(pool, "its worker %s while it was checked", why);
    else if (!was_expected && pool->verdict == POOL_PENDING)
        pool->verdict = POOL_LATER;
    strays_ended(pool->services.strays, worker_process(worker));
    slot->worker = NULL;
    slot->check_ms = INT64_MAX;
    pool_breaker_worker_ended(pool);
    slot->retired = pool->stopping || pool->services.check_only || pool->verdict == POOL_REFUSED;
    if (!slot->retired)
        pool_count_restart(pool, slot, end);
    pool_plan_restart(slot, in_hand, clock_monotonic_ms());
    pool->ended[pool->ended_count++] = worker;
}

static void pool_spawn(struct pool *pool, struct pool_slot *slot) {
    slot->mark = strays_mark(pool->services.strays);
    struct worker_options options = {
        .host = pool->services.host,
        .plugin = pool->plugin->name,
        .file = pool->plugin->file,
        .folder = pool->setup->folder,
        .deadline_ms = pool->plugin->deadline_ms,
        .memory_bytes = pool->plugin->memory_bytes,
        .environment = pool->plugin->environment,
        .keep_privileges = pool->plugin->keep_privileges,
        .mark = slot->mark,
        .log = pool->services.log,
        .plugin_lines = &pool->plugin_lines,
        .loop = pool->services.loop,
        .owner = { pool, pool_greeted, pool_broken, pool_ready, pool_outcome, pool_ended },
    };
    struct fault fault = { 0 };
    slot->ready = slot->heavy = false;
    slot->worker = worker_start(&options, &fault);
    slot->check_ms = clock_monotonic_ms() + pool->plugin->deadline_ms;
    if (slot->worker)
        return;
    if (pool->services.check_only) {
        slot->retired = true;
        pool_refuse(pool, "%s", fault.text);
        return;
    }
    pool_remember_why(pool->worker_why, fault.text);
    pool->restarts[STATUS_RESTART_INIT]++;
    pool_log(pool, LOG_LEVEL_ERROR, 0, fault.text, "%s; tried again", fault.text);
    if (pool->verdict == POOL_PENDING)
        pool->verdict = POOL_LATER;
    pool_plan_restart(slot, false, clock_monotonic_ms());
}

struct pool *pool_make(const struct setup *setup, const struct setup_plugin *plugin, int number,
                       const struct pool_services *services) {
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->setup = setup;
    pool->plugin = plugin;
    pool->number = number;
    pool->services = *services;
    pool->worker_count = services->check_only ? 1 : (int)plugin->workers;
    pool->plugin_lines.lines = POOL_PLUGIN_LINES;
    pool->worker_lines.lines = POOL_WORKER_LINES;
    pool->behind = true; /* what an earlier run left */
    pool->next_due_ms = 0;
    pool->random = (uint64_t)clock_monotonic_us() ^ ((uint64_t)number << 32) ^ (uint64_t)clock_wall_ms();
    for (int i = 0; i < pool->worker_count; i++)
        pool->slots[i].check_ms = INT64_MAX;
    pool_breaker_begin(pool);
    return pool;
}

void pool_free(struct pool *pool) {
    if (!pool)
        return;
    pool_bury(pool);
    delivery_free_all(&pool->waiting);
    delivery_free_all(&pool->alone);
    settings_free(pool->settings);
    setting_table_free(&pool->table);
    free(pool);
}

int pool_number(const struct pool *pool) {
    return pool->number;
}

void pool_start(struct pool *pool) {
    for (int i = 0; i < pool->worker_count; i++)
        pool_spawn(pool, &pool->slots[i]);
}

enum pool_verdict pool_verdict(const struct pool *pool) {
    return pool->verdict;
}

void pool_started(struct pool *pool) {
    pool->started = true;
}

void pool_tick(struct pool *pool, int64_t now_ms) {
    for (int i = 0; i < pool->worker_count; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (slot->worker && slot->check_ms <= now_ms)
            slot->check_ms = worker_check(slot->worker, now_ms);
        else if (!slot->worker && !slot->retired && !pool->stopping && slot->restart_ms <= now_ms)
            pool_spawn(pool, slot);
    }
}

bool pool_bury(struct pool *pool) {
    bool any = pool->ended_count > 0;
    while (pool->ended_count)
        worker_free(pool->ended[--pool->ended_count]);
    return any;
}

size_t pool_owners(const struct pool *pool, struct stray_owner *owners) {
    size_t count = 0;
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker)
            owners[count++] =
                (struct stray_owner){ .process = worker_process(pool->slots[i].worker), .mark = pool->slots[i].mark };
    return count;
}

/* A process that was forked and has not executed its program yet seems to have all that its parent has: one look is not enough. */
bool pool_weigh(struct pool *pool, const struct stray_owner *owners, size_t count) {
    bool again = false;
    for (int i = 0; i < pool->worker_count; i++) {
        struct pool_slot *slot = &pool->slots[i];
        for (size_t j = 0; slot->worker && j < count; j++) {
            if (owners[j].process != worker_process(slot->worker))
                continue;
            bool heavy = owners[j].children_bytes > pool->plugin->memory_bytes;
            if (heavy && slot->heavy)
                worker_kill_heavy(slot->worker, owners[j].children_bytes);
            again = again || (heavy && !slot->heavy);
            slot->heavy = heavy;
        }
    }
    return again;
}

void pool_stop(struct pool *pool) {
    pool->stopping = true;
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker && worker_state(pool->slots[i].worker) == WORKER_READY) {
            worker_stop(pool->slots[i].worker);
            pool->slots[i].check_ms = clock_monotonic_ms();
        } else if (pool->slots[i].worker) {
            worker_kill(pool->slots[i].worker, WORKER_END_DROPPED);
        }
}

void pool_kill(struct pool *pool) {
    pool->stopping = true;
    for (int i = 0; i < pool->worker_count; i++)
        if (pool->slots[i].worker)
            worker_kill(pool->slots[i].worker, WORKER_END_DROPPED);
}

int pool_alive(const struct pool *pool) {
    int alive = 0;
    for (int i = 0; i < pool->worker_count; i++)
        alive += pool->slots[i].worker != NULL;
    return alive;
}

int pool_held(const struct pool *pool) {
    int held = 0;
    for (int i = 0; i < pool->worker_count; i++)
        held += pool->slots[i].worker ? worker_held(pool->slots[i].worker) : 0;
    return held;
}
