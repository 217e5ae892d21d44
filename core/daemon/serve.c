/* The daemon: every part of it is made here, in order, and ended in the other. Read serve_run first, at the end of the page: it
 * is the whole life of the daemon in a few lines, and what it calls stands above it in the order of the calls.
 *
 * Three things about the end, in serve_stop. Intake and workers are drained at once, with the loop turning, so that a second
 * signal is heard. The store outlives both, as requests in hand and outcomes still go to it. And the dispatch is closed before
 * the store but freed after it: dispatch_close ends its reading of the database, store_close writes the last commits and tells the
 * dispatch of them from the writer thread, and only then is there nobody left who could call it. */
#include "daemon/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/server.h"
#include "base/clock.h"
#include "base/process.h"
#include "base/units.h"
#include "base/version.h"
#include "cli/setup_load.h"
#include "daemon/announce.h"
#include "daemon/service.h"
#include "daemon/signals.h"
#include "deliver/dispatch.h"
#include "receive/certificate.h"
#include "receive/refusals.h"
#include "receive/server.h"

enum {
    SERVE_START_MS =
        15000, /* how long the start waits for the plugins' first words; one that is slower is waited for while the daemon runs */
    SERVE_TICK_MS = 5000,
    SERVE_DRAIN_STEP_MS = 5, /* between two looks whether intake has drained: nothing on the loop tells */
};

const struct command_option serve_options[] = { COMMAND_OPTION_CONFIG, { 0 } };

/* The whole daemon: everything below has this one owner, and is made and ended in the order of serve_run. */
struct serve {
    struct place place;
    struct setup *setup;
    struct log log;
    struct loop *loop;
    struct signals signals;
    struct loop_watch broken_watch;
    _Atomic bool store_broken; /* set by the writer thread, with broken_watch's eventfd written */
    struct store *store;
    int plugin_numbers[SETUP_PLUGIN_LIMIT];
    struct dispatch *dispatch;
    struct fault_list mistakes; /* of plugins, which add to it until serve_start_plugins is over */
    struct refusals *refusals;
    struct server *server;
    struct admin *admin;
    int64_t started_ms; /* wall */
    bool asked_to_stop, asked_again;
};

static void serve_signal(void *owner, int number) {
    struct serve *serve = owner;
    if (number == SIGTERM || number == SIGINT) {
        serve->asked_again = serve->asked_to_stop;
        serve->asked_to_stop = true;
        return;
    }
    log_warn(&serve->log, "SIG%s is ignored%s", sigabbrev_np(number),
             number == SIGHUP ? ": reloading is not there yet, restart to read the config again" : "");
}

/* On the writer thread. */
static void serve_store_committed(void *owner, struct store_put *const *accepted, int accepted_count,
                                  int settled_count) {
    struct serve *serve = owner;
    dispatch_committed(serve->dispatch, accepted, accepted_count, settled_count);
}

/* On the writer thread. */
static void serve_store_given_up(void *owner, struct store_settle *settles) {
    struct serve *serve = owner;
    dispatch_given_up(serve->dispatch, settles);
}

/* On the writer thread. */
static void serve_store_reopened(void *owner, int plugin) {
    struct serve *serve = owner;
    dispatch_reopened(serve->dispatch, plugin);
}

/* On the writer thread. */
static void serve_store_broken(void *owner, const char *why) {
    struct serve *serve = owner;
    uint64_t one = 1;
    log_error(&serve->log,
              "the store can't go on: %s; nothing more is accepted, and the daemon ends so that a restart recovers",
              why);
    serve->store_broken = true;
    if (write(serve->broken_watch.descriptor, &one, sizeof one) < 0)
        log_error(&serve->log, "can't wake the main loop: %s", strerror(errno));
}

static void serve_broken_ready(struct loop_watch *watch, uint32_t events) {
    struct serve *serve = watch->owner;
    (void)events;
    serve->asked_to_stop = true;
    loop_remove(serve->loop, watch);
}

/* Before anything is started, so that all that is wrong is told at once. */
static bool serve_check_certificates(struct serve *serve, struct fault *fault) {
    struct fault_list mistakes = { 0 }, warnings = { 0 };
    bool good = certificate_check_all(serve->setup, NULL, &mistakes, &warnings);
    for (size_t i = 0; i < warnings.count; i++)
        log_warn(&serve->log, "%s", warnings.texts[i]);
    for (size_t i = 0; i < mistakes.count; i++)
        log_error(&serve->log, "%s", mistakes.texts[i]);
    fault_list_free(&mistakes);
    fault_list_free(&warnings);
    return good || fault_set(fault, "a certificate can't be used: nothing was started");
}

static bool serve_open_loop(struct serve *serve, struct fault *fault) {
    serve->loop = loop_make(fault);
    serve->signals.came = serve_signal;
    serve->signals.owner = serve;
    if (!serve->loop || !signals_open(&serve->signals, serve->loop, fault))
        return false;
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0)
        return fault_set(fault, "eventfd: %s", strerror(errno));
    serve->broken_watch = (struct loop_watch){ .descriptor = descriptor, .ready = serve_broken_ready, .owner = serve };
    return loop_add(serve->loop, &serve->broken_watch, EPOLLIN, fault);
}

static bool serve_open_store(struct serve *serve, struct fault *fault) {
    const struct setup_retain *retain = &serve->setup->retain;
    struct store_options options = {
        .folder = serve->setup->state,
        .log = &serve->log,
        .listener = { .context = serve,
                      .committed = serve_store_committed,
                      .given_up = serve_store_given_up,
                      .reopened = serve_store_reopened,
                      .broken = serve_store_broken },
        .retain = { .events_ms = retain->events_ms,
                    .ids_ms = retain->ids_ms,
                    .dead_ms = retain->dead_ms,
                    .disk_bytes = retain->disk_bytes },
    };
    serve->store = store_open(&options, fault);
    if (!serve->store)
        return false;
    for (int i = 0; i < serve->setup->plugin_count; i++) {
        serve->plugin_numbers[i] = store_plugin(serve->store, serve->setup->plugins[i].name, fault);
        if (serve->plugin_numbers[i] < 0)
            return false;
    }
    return true;
}

/* Starts the plugins and waits for what each says. False when one refuses, with all reasons logged. */
static bool serve_start_plugins(struct serve *serve, struct fault *fault) {
    struct dispatch_options options = { .setup = serve->setup,
                                        .plugin_numbers = serve->plugin_numbers,
                                        .loop = serve->loop,
                                        .log = &serve->log,
                                        .host = serve->place.host };
    struct fault_list *mistakes = &serve->mistakes;
    int64_t deadline = clock_monotonic_ms() + SERVE_START_MS;
    serve->dispatch = dispatch_make(&options, fault);
    if (!serve->dispatch || !dispatch_open(serve->dispatch, serve->store, fault))
        return false;
    dispatch_start(serve->dispatch, mistakes);
    bool turned = true;
    while (turned && !serve->asked_to_stop && !dispatch_verdicts(serve->dispatch) && clock_monotonic_ms() < deadline)
        turned = dispatch_turn(serve->dispatch, deadline, fault);
    for (size_t i = 0; i < mistakes->count; i++)
        log_error(&serve->log, "%s", mistakes->texts[i]);
    if (mistakes->count)
        fault_set(fault, "a plugin can't be used: nothing was started");
    bool started = turned && !mistakes->count;
    if (started)
        dispatch_started(serve->dispatch);
    return started;
}

static bool serve_start(struct serve *serve, struct fault *fault) {
    struct server_options options = {
        .setup = serve->setup, .store = serve->store, .plugin_numbers = serve->plugin_numbers, .log = &serve->log
    };
    announce_deliveries(&serve->log, serve->setup, serve->store, serve->plugin_numbers, "they go on now");
    serve->refusals = options.refusals = refusals_make(serve->setup, fault);
    if (!serve->refusals || !store_start(serve->store, fault))
        return false;
    serve->server = server_start(&options, fault);
    if (!serve->server)
        return false;
    struct admin_options asked = { .state = serve->setup->state,
                                   .listen = serve->setup->admin_listen,
                                   .token = serve->setup->admin_token,
                                   .token_file = serve->setup->admin_token_file,
                                   .api = { .log = &serve->log,
                                            .setup = serve->setup,
                                            .plugin_numbers = serve->plugin_numbers,
                                            .store = serve->store,
                                            .dispatch = serve->dispatch,
                                            .server = serve->server,
                                            .refusals = serve->refusals,
                                            .started_ms = serve->started_ms },
                                   .log = &serve->log };
    serve->admin = admin_start(&asked, fault);
    if (!serve->admin)
        return false;
    announce_sources(&serve->log, serve->setup);
    const char *also = admin_addresses(serve->admin);
    log_info(&serve->log, "ready: listening on %s%s%s", server_addresses(serve->server), also[0] ? "; admin on " : "",
             also);
    service_notify("READY=1");
    return true;
}

static bool serve_turns(struct serve *serve, struct fault *fault) {
    int64_t tick = clock_monotonic_ms() + SERVE_TICK_MS;
    while (!serve->asked_to_stop) {
        if (!dispatch_turn(serve->dispatch, tick, fault))
            return false;
        if (clock_monotonic_ms() < tick)
            continue;
        server_tick(serve->server);
        admin_tick(serve->admin);
        dispatch_report(serve->dispatch, false);
        tick = clock_monotonic_ms() + SERVE_TICK_MS;
    }
    return true;
}

/* Requests in hand get their answers, and workers finish what they hold, at most `stop_timeout`; a second signal ends that at
 * once. What is not done stays on disk. */
static void serve_drain(struct serve *serve) {
    struct fault fault = { 0 };
    int64_t now = clock_monotonic_ms(), deadline = now + serve->setup->limits.stop_timeout_ms;
    if (serve->server)
        server_drain(serve->server);
    dispatch_stop(serve->dispatch);
    while (!serve->asked_again && now < deadline) {
        bool received = !serve->server || server_is_drained(serve->server);
        if (received && !dispatch_alive(serve->dispatch))
            break;
        int64_t wake = received || deadline - now < SERVE_DRAIN_STEP_MS ? deadline : now + SERVE_DRAIN_STEP_MS;
        if (!dispatch_turn(serve->dispatch, wake, &fault))
            break;
        now = clock_monotonic_ms();
    }
    if (serve->server)
        server_stop(serve->server);
    if (dispatch_held(serve->dispatch) > 0)
        log_warn(&serve->log,
                 "workers are killed in the middle of their work; deliveries that come again after the next start: %d",
                 dispatch_held(serve->dispatch));
    dispatch_kill(serve->dispatch);
    while (dispatch_alive(serve->dispatch) && dispatch_turn(serve->dispatch, INT64_MAX, &fault))
        continue;
    dispatch_report(serve->dispatch, true);
}

static void serve_stop(struct serve *serve) {
    if (serve->server) {
        log_info(&serve->log, "stopping: intake ends, workers finish what they hold");
        service_notify("STOPPING=1");
    }
    if (serve->dispatch) {
        serve_drain(serve);
        dispatch_silence(serve->dispatch);
        admin_stop(serve->admin);
        dispatch_close(serve->dispatch);
    }
    if (serve->store) {
        store_stop(serve->store);
        announce_deliveries(&serve->log, serve->setup, serve->store, serve->plugin_numbers,
                            "they go on with the next start");
        store_close(serve->store);
    }
    dispatch_free(serve->dispatch);
    if (serve->broken_watch.ready) {
        loop_remove(serve->loop, &serve->broken_watch);
        close(serve->broken_watch.descriptor);
    }
    if (serve->loop) {
        signals_close(&serve->signals, serve->loop);
        loop_free(serve->loop);
    }
    if (serve->server)
        log_info(&serve->log, "stopped");
    server_free(serve->server);
    refusals_free(serve->refusals);
    fault_list_free(&serve->mistakes);
    setup_free(serve->setup);
}

int serve_run(const struct arguments *arguments) {
    struct serve serve = { .log = { .level = LOG_LEVEL_INFO, .format = LOG_FORMAT_TEXT, .descriptor = STDERR_FILENO },
                           .started_ms = clock_wall_ms() };
    struct fault fault = { 0 };
    umask(077); /* whatever is made from here on is nobody else's business, SQLite's files among it */
    struct fault_list warnings = { 0 };
    bool going = place_find(&serve.place, &fault);
    if (going && !(serve.setup = setup_load_for_daemon(arguments, &serve.place, &warnings))) {
        fault_list_free(&warnings);
        return EXIT_FAILED;
    }
    if (serve.setup) {
        serve.log.level = serve.setup->log_level;
        serve.log.format = serve.setup->log_format;
        log_info(&serve.log, "grapnel %s starts with %s", GRAPNEL_VERSION, serve.setup->path);
        for (size_t i = 0; i < warnings.count; i++)
            log_warn(&serve.log, "%s", warnings.texts[i]);
        if (!process_is_hidden())
            log_warn(&serve.log,
                     "GRAPNEL_CORE_DUMPS is set: core dumps, and any process of this user, can show the secrets");
    }
    fault_list_free(&warnings);
    going = going && serve_check_certificates(&serve, &fault) && serve_open_loop(&serve, &fault) &&
            serve_open_store(&serve, &fault) && serve_start_plugins(&serve, &fault);
    going = going && (serve.asked_to_stop || (serve_start(&serve, &fault) && serve_turns(&serve, &fault)));
    if (!going)
        log_error(&serve.log, "%s", fault.text);
    serve_stop(&serve);
    return serve.store_broken ? EXIT_BROKEN_STORE : going ? EXIT_DONE : EXIT_FAILED;
}
