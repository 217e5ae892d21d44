/* Who is charged when a worker dies, by what the shared page says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "deliver/worker_private.h"

enum { HELD = 4 }; /* sequences 11 to 14 */

struct scene {
    struct worker worker;
    struct wire_page page;
};

static struct scene *scene_make(uint32_t phase, int64_t running, int64_t delivered) {
    struct scene *scene = calloc(1, sizeof *scene);
    struct event *event = event_make(0, bytes_of("s"), bytes_of("i"), bytes_of("t"), bytes_of(""), bytes_of("{}"));
    scene->page.phase = phase;
    scene->page.running = running;
    scene->page.delivered = delivered;
    scene->worker.spawned.page = &scene->page;
    for (int i = 0; i < HELD; i++) {
        struct delivery *delivery = delivery_make(NULL, event, 0, 0);
        delivery->sequence = 11 + i;
        delivery_append(&scene->worker.held, delivery);
    }
    event_release(event);
    return scene;
}

static void judged(struct scene *scene, enum worker_end end, const char *expected) {
    char parts[HELD + 1] = { 0 };
    int count = 0;
    worker_judge(&scene->worker, end);
    for (struct delivery *delivery = scene->worker.held.first; delivery; delivery = delivery->next)
        parts[count++] = delivery->part == DELIVERY_CULPRIT ? 'C' : delivery->part == DELIVERY_SUSPECT ? 'S' : 'b';
    assert_string_equal(parts, expected);
    delivery_free_all(&scene->worker.held);
    free(scene);
}

static void the_running_event_is_charged_alone(void **state) {
    (void)state;
    judged(scene_make(WIRE_PHASE_DELIVER, 12, 11), WORKER_END_SIGNAL, "bCbb");
    judged(scene_make(WIRE_PHASE_DELIVER, 11, 10), WORKER_END_EXITED, "Cbbb");
    judged(scene_make(WIRE_PHASE_FLUSH, 13, 13), WORKER_END_SIGNAL, "bbCb"); /* a flush of a single one */
}

static void a_shared_flush_makes_suspects_of_those_in_it(void **state) {
    (void)state;
    judged(scene_make(WIRE_PHASE_FLUSH, 0, 13), WORKER_END_SIGNAL, "SSSb");
    judged(scene_make(WIRE_PHASE_FLUSH, 0, 11), WORKER_END_SIGNAL, "Cbbb");
}

static void between_events_nobody_is_charged(void **state) {
    (void)state;
    judged(scene_make(WIRE_PHASE_IDLE, 0, 12), WORKER_END_SIGNAL, "bbbb");
    judged(scene_make(WIRE_PHASE_DELIVER, 99, 12), WORKER_END_SIGNAL, "bbbb"); /* a page written over */
    judged(scene_make(WIRE_PHASE_DELIVER, 12, 11), WORKER_END_DROPPED, "bbbb");
}

static void garbage_is_charged_only_when_it_is_certain(void **state) {
    (void)state;
    judged(scene_make(WIRE_PHASE_DELIVER, 11, 10), WORKER_END_GARBAGE, "Cbbb");
    judged(scene_make(WIRE_PHASE_DELIVER, 13, 12), WORKER_END_GARBAGE, "SSSb");
    judged(scene_make(WIRE_PHASE_IDLE, 0, 12), WORKER_END_GARBAGE, "SSbb");
}

static void a_deadline_charges_what_was_seen_running(void **state) {
    (void)state;
    struct scene *scene = scene_make(WIRE_PHASE_DELIVER, 13, 12); /* it went on to 13 before the kill came */
    scene->worker.overdue = 12;
    judged(scene, WORKER_END_DEADLINE, "bCbb");
    scene = scene_make(WIRE_PHASE_DELIVER, 11, 10); /* 10 was overdue, and its outcome came after all */
    scene->worker.overdue = 10;
    judged(scene, WORKER_END_DEADLINE, "bbbb");
    scene = scene_make(WIRE_PHASE_FLUSH, 0, 12);
    scene->worker.overdue_flush = true;
    judged(scene, WORKER_END_DEADLINE, "SSbb");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_running_event_is_charged_alone),
        cmocka_unit_test(a_shared_flush_makes_suspects_of_those_in_it),
        cmocka_unit_test(between_events_nobody_is_charged),
        cmocka_unit_test(garbage_is_charged_only_when_it_is_certain),
        cmocka_unit_test(a_deadline_charges_what_was_seen_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
