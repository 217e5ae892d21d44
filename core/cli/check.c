/* grapnel check: the config file, its certificates, the state folder, and each plugin asked in a process of its own; nothing that lasts is
 * started or made. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/setup_load.h"
#include "deliver/dispatch.h"
#include "receive/certificate.h"
#include "store/store.h"

const struct command_option check_options[] = { COMMAND_OPTION_CONFIG, { 0 } };

/* Loads each plugin, checks its settings against its own table, runs its check function, ends it. False if anything is wrong. */
static bool check_plugins(const struct setup *setup, const struct place *place, struct log *log,
                          struct fault_list *mistakes, struct fault *fault) {
    struct loop *loop = loop_make(fault);
    struct dispatch_options options = {
        .setup = setup, .loop = loop, .log = log, .host = place->host, .check_only = true
    };
    struct dispatch *dispatch = loop ? dispatch_make(&options, fault) : NULL;
    bool done = dispatch != NULL;
    if (done)
        dispatch_start(dispatch, mistakes);
    while (done && !dispatch_verdicts(dispatch))
        done = dispatch_turn(dispatch, INT64_MAX, fault);
    if (dispatch)
        dispatch_kill(dispatch);
    while (dispatch && dispatch_alive(dispatch) && dispatch_turn(dispatch, INT64_MAX, fault))
        continue;
    dispatch_free(dispatch);
    loop_free(loop);
    return done && mistakes->count == 0;
}

/* What can't be served is a mistake; what clients refuse, or will soon, is only told. */
static void check_certificates(const struct setup *setup, struct buffer *told, struct fault_list *mistakes) {
    struct fault_list warnings = { 0 };
    certificate_check_all(setup, told, mistakes, &warnings);
    for (size_t i = 0; i < warnings.count; i++)
        fprintf(stderr, "%s\n", warnings.texts[i]);
    fault_list_free(&warnings);
}

int check_run(const struct arguments *arguments) {
    struct place place = { 0 };
    struct fault fault = { 0 };
    struct fault_list mistakes = { 0 };
    struct buffer told = { 0 };
    struct log log = { .level = LOG_LEVEL_WARN, .descriptor = 2 };
    if (!place_find(&place, &fault)) {
        fprintf(stderr, "grapnel check: %s\n", fault.text);
        return EXIT_FAILED;
    }
    struct setup *setup = setup_load(arguments, &place);
    if (!setup)
        return EXIT_FAILED;
    check_certificates(setup, &told, &mistakes);
    if (!store_check(setup->state, &fault))
        fault_list_add(&mistakes, "%s", fault.text);
    fault.text[0] = '\0';
    bool good = check_plugins(setup, &place, &log, &mistakes, &fault);
    for (size_t i = 0; i < mistakes.count; i++)
        fprintf(stderr, "%s\n", mistakes.texts[i]);
    if (fault.text[0])
        fprintf(stderr, "grapnel check: %s\n", fault.text);
    if (good)
        printf("%s%s: ok (sources: %d, plugins: %d, routes: %d)\n", buffer_text(&told), setup->path,
               setup->source_count, setup->plugin_count, setup->route_count);
    fault_list_free(&mistakes);
    buffer_free(&told);
    setup_free(setup);
    return good ? EXIT_DONE : EXIT_FAILED;
}
