/* How a worker begins: its plugin is loaded, its settings are checked, its init is called; and what is told when that fails. */
#include <stdio.h>
#include <string.h>

#include "deliver/backoff.h"
#include "deliver/pool_private.h"
#include "grapnel/plugin.h"

void pool_log(struct pool *pool, enum log_level level, int worker, const char *error, const char *format, ...) {
    const struct log_field fields[] = { log_text(LOG_PLUGIN, pool->plugin->name),
                                        log_number(LOG_WORKER, worker ? worker : LOG_NO_NUMBER),
                                        log_text(LOG_ERROR, error) };
    char text[STORE_DETAIL_LIMIT + FAULT_TEXT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    log_event(pool->services.log, level, &pool->worker_lines, fields, sizeof fields / sizeof *fields,
              "plugin \"%s\": %s", pool->plugin->name, text);
}

void pool_remember_why(char kept[STATUS_TEXT_SIZE], const char *why) {
    struct bytes cut = bytes_cut(bytes_of(why), STATUS_TEXT_SIZE - 1);
    snprintf(kept, STATUS_TEXT_SIZE, "%.*s", (int)cut.length, cut.data);
}

void pool_refuse(struct pool *pool, const char *format, ...) {
    char text[FAULT_TEXT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    pool_remember_why(pool->worker_why, text);
    if (pool->started)
        pool_log(pool, LOG_LEVEL_ERROR, 0, text, "%s; its events wait, and it is started again in %d s", text,
                 POOL_RESTART_LONGEST_MS / 1000);
    else
        fault_list_add(pool->services.mistakes, "%s: plugin \"%s\": %s", pool->plugin->place, pool->plugin->name, text);
    for (int i = 0; i < pool->worker_count; i++)
        pool->slots[i].backoff_ms = POOL_RESTART_LONGEST_MS / 2;
    pool->verdict = pool->started ? pool->verdict : POOL_REFUSED;
}

static bool table_equals(const struct setting_table *table, const struct setting_table *other) {
    if (table->count != other->count)
        return false;
    for (int i = 0; i < table->count; i++) {
        const struct setting_row *row = &table->rows[i], *same = &other->rows[i];
        if (strcmp(row->name, same->name) != 0 || row->kind != same->kind || !row->fallback != !same->fallback ||
            (row->fallback && strcmp(row->fallback, same->fallback) != 0))
            return false;
    }
    return true;
}

/* The settings against the table that this worker brought; takes the table. False: they can't be used, and that was told. */
static bool pool_check_settings(struct pool *pool, struct setting_table *table) {
    struct fault_list mistakes = { 0 };
    struct settings *checked = settings_check(pool->setup, pool->plugin, table, &mistakes);
    for (size_t i = 0; i < mistakes.count; i++) {
        pool_remember_why(pool->worker_why, mistakes.texts[i]);
        if (pool->started)
            log_error(pool->services.log, "%s", mistakes.texts[i]);
        else
            fault_list_add(pool->services.mistakes, "%s", mistakes.texts[i]);
    }
    if (!checked && !mistakes.count)
        pool_refuse(pool, "its settings could not be checked: out of memory");
    fault_list_free(&mistakes);
    if (!checked) {
        pool->verdict = pool->started ? pool->verdict : POOL_REFUSED;
        return false;
    }
    settings_free(pool->settings);
    setting_table_free(&pool->table);
    pool->settings = checked;
    pool->table = *table;
    *table = (struct setting_table){ 0 };
    return true;
}

/* What was checked once stays as it is for every worker, unless the plugin's file was replaced by one that wants other settings. */
void pool_greeted(void *owner, struct worker *worker, struct worker_hello *hello) {
    struct pool *pool = owner;
    bool usable = pool->verdict != POOL_REFUSED;
    if (usable && !(pool->settings && table_equals(&pool->table, &hello->table)))
        usable = pool_check_settings(pool, &hello->table);
    setting_table_free(&hello->table);
    if (usable)
        worker_init(worker, pool->settings, pool->services.check_only);
    else
        worker_kill(worker, WORKER_END_DROPPED);
}

void pool_broken(void *owner, struct worker *worker, struct bytes why) {
    struct pool *pool = owner;
    (void)worker;
    if (pool->verdict != POOL_REFUSED) /* each of several workers says the same */
        pool_refuse(pool, "%.*s", (int)why.length, why.data);
}

/* Init could not be done now. */
static void pool_later(struct pool *pool, struct pool_slot *slot, const char *what, struct bytes text,
                       int64_t after_ms) {
    char why[STORE_DETAIL_LIMIT];
    if (pool->services.check_only) {
        pool_refuse(pool, "check says %s: %.*s", what, (int)text.length, text.length ? text.data : "");
        return;
    }
    if (after_ms > 0)
        slot->asked_ms = backoff_clamp(after_ms);
    snprintf(why, sizeof why, "init says %s: %.*s", what, (int)text.length, text.length ? text.data : "");
    pool_remember_why(pool->worker_why, why);
    pool_log(pool, LOG_LEVEL_WARN, worker_process(slot->worker), why, "%s; its events wait, and it is tried again",
             why);
    if (pool->verdict == POOL_PENDING)
        pool->verdict = POOL_LATER;
}

void pool_ready(void *owner, struct worker *worker, int code, int64_t after_ms, struct bytes text) {
    struct pool *pool = owner;
    struct pool_slot *slot = pool_slot_of(pool, worker);
    const char *function = pool->services.check_only ? "check" : "init";
    if (code == GRAPNEL_OK) {
        if (pool->verdict != POOL_REFUSED)
            pool->verdict = POOL_READY;
        slot->ready = true;
        /* After one that could not begin, or died, it is news. */
        pool_log(pool, pool->worker_why[0] ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, worker_process(worker), NULL,
                 "worker %d is ready", worker_process(worker));
        pool_remember_why(pool->worker_why, "");
        if (pool->stopping || pool->services.check_only)
            worker_stop(worker);
        return;
    }
    if (code == GRAPNEL_FAIL) {
        if (pool->verdict != POOL_REFUSED)
            pool_refuse(pool, "%s failed: %.*s", function, (int)text.length, text.length ? text.data : "");
    } else {
        pool_later(pool, slot, code == GRAPNEL_BUSY ? "BUSY" : "RETRY", text, after_ms);
    }
    worker_kill(worker, WORKER_END_DROPPED);
}
