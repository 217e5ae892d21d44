/* exec.so: runs a command for each event, with the payload on its standard input. Its exit status says what becomes of the event. */
#include <grapnel/plugin.h>
#include <signal.h>
#include <stdlib.h>

#include "command.h"
#include "exit_codes.h"
#include "output.h"
#include "run.h"

/* The command is killed a little before the deadline: at the deadline itself Grapnel kills the worker. */
enum { MARGIN_PART = 10, MARGIN_LONGEST_MS = 1000 };
static const int64_t run_longest_ms = 30LL * 24 * 60 * 60 * 1000; /* where there is no deadline */

struct exec {
    struct exit_codes codes;
    struct runner runner;
};

static const struct grapnel_setting settings[] = {
    { "command/*", GRAPNEL_TEXT, NULL, "The program and its arguments, as a list; there is no shell" },
    { "folder", GRAPNEL_TEXT, ".", "The folder that it runs in" },
    { "environment/*", GRAPNEL_SECRET, "", "Variables for it, NAME: value" },
    { "payload_arguments/*", GRAPNEL_TEXT, "", "JSON Pointers: these values of the payload become further arguments" },
    { "payload_environment/*", GRAPNEL_TEXT, "", "NAME: JSON Pointer, these values of the payload become variables" },
    { "exit_codes/*", GRAPNEL_TEXT, "", "Exit status: ok, retry, busy or fail, what that status means" },
    { "exit_codes/other", GRAPNEL_TEXT, "retry", "What a status means that is not listed (75 is retry, 69 is busy)" },
    { "output", GRAPNEL_SIZE, "64KiB", "How much of what it prints is logged for an event; 0: nothing" },
    { 0 },
};

static int check(struct grapnel_call *call) {
    struct exit_codes codes;
    int code = command_check(call);
    return code ? code : exit_codes_read(call, &codes);
}

static int init(struct grapnel_call *call, void **self) {
    int code = check(call);
    if (code)
        return code;
    struct exec *exec = calloc(1, sizeof *exec);
    if (!exec)
        return grapnel_busy(call, 0, "memory is short");
    exit_codes_read(call, &exec->codes);
    code = runner_start(call, &exec->runner);
    if (code)
        free(exec);
    else
        *self = exec;
    return code;
}

static int64_t run_time_ms(struct grapnel_call *call) {
    int64_t left = grapnel_ms_left(call);
    int64_t margin = left / MARGIN_PART < MARGIN_LONGEST_MS ? left / MARGIN_PART : MARGIN_LONGEST_MS;
    return left - margin < run_longest_ms ? left - margin : run_longest_ms;
}

/* "pay.sh exited with status 3: no such order" */
static const char *explain(struct grapnel_call *call, const struct command *command, const struct run_result *result,
                           const struct output *output, int64_t run_ms) {
    const char *name = command->name, *said = output->last, *colon = *said ? ": " : "";
    const char *signal_name = result->end == RUN_SIGNALLED ? sigabbrev_np(result->number) : NULL;
    if (result->end == RUN_OVERDUE)
        return grapnel_format(call, "%s was killed, as it had not ended after %lld ms (`deadline`)%s%s", name,
                              (long long)run_ms, colon, said);
    if (signal_name)
        return grapnel_format(call, "%s was ended by SIG%s%s%s", name, signal_name, colon, said);
    return grapnel_format(call, "%s %s %d%s%s", name,
                          result->end == RUN_EXITED ? "exited with status" : "was ended by signal", result->number,
                          colon, said);
}

static int judge(struct grapnel_call *call, const struct exit_codes *codes, const struct run_result *result,
                 const char *why) {
    switch (result->end == RUN_EXITED ? (enum grapnel_code)codes->outcome[result->number] : GRAPNEL_RETRY) {
    case GRAPNEL_OK:
        return GRAPNEL_OK;
    case GRAPNEL_BUSY:
        return grapnel_busy(call, 0, "%s", why);
    case GRAPNEL_FAIL:
        return grapnel_fail(call, "%s", why);
    default:
        return grapnel_retry(call, 0, "%s", why);
    }
}

static int deliver(struct grapnel_call *call, void *self) {
    struct exec *exec = self;
    struct command command;
    struct run_result result;
    struct output output = { .call = call, .limit = grapnel_setting_number(call, "output") };
    int64_t run_ms = run_time_ms(call);
    int code = command_make(call, run_ms, &command);
    code = code ? code : runner_run(call, &exec->runner, &command, run_ms, &output, &result);
    if (code)
        return code;
    if (result.left && result.end == RUN_EXITED)
        grapnel_log(call, GRAPNEL_WARN,
                    "%s: %s ended, and what it had left running was killed: start with setsid what is to go on",
                    grapnel_id(call), command.name);
    return judge(call, &exec->codes, &result, explain(call, &command, &result, &output, run_ms));
}

static void shutdown_exec(struct grapnel_call *call, void *self) {
    (void)call;
    struct exec *exec = self;
    runner_stop(&exec->runner);
    free(exec);
}

GRAPNEL_PLUGIN(.name = "exec", .version = "1.0.0", .summary = "Runs a command for each event", .settings = settings,
               .check = check, .init = init, .deliver = deliver, .shutdown = shutdown_exec);
