/* 69 and 75 are EX_UNAVAILABLE and EX_TEMPFAIL of sysexits.h. */
#include "exit_codes.h"

#include <stdlib.h>
#include <sysexits.h>

static const char *const outcomes[] = {
    [GRAPNEL_OK] = "ok", [GRAPNEL_RETRY] = "retry", [GRAPNEL_FAIL] = "fail", [GRAPNEL_BUSY] = "busy"
};
enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };

static const struct {
    int status;
    enum grapnel_code outcome;
} fixed[] = { { EX_OK, GRAPNEL_OK }, { EX_TEMPFAIL, GRAPNEL_RETRY }, { EX_UNAVAILABLE, GRAPNEL_BUSY } };

static int outcome_named(const char *name) {
    for (int i = 0; i < OUTCOMES; i++)
        if (strcmp(outcomes[i], name) == 0)
            return i;
    return -1;
}

/* 1 to 255, as one would write it; 0 for anything else. */
static int status_read(const char *text) {
    char *end;
    long status = *text >= '1' && *text <= '9' ? strtol(text, &end, 10) : 0;
    return status > 0 && status < EXIT_CODES && !*end ? (int)status : 0;
}

int exit_codes_read(struct grapnel_call *call, struct exit_codes *codes) {
    int other = outcome_named(grapnel_setting_text(call, "exit_codes/other"));
    if (other < 0)
        return grapnel_fail(call, "`exit_codes`: other: it must be ok, retry, busy or fail");
    memset(codes->outcome, other, sizeof codes->outcome);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        codes->outcome[fixed[i].status] = (unsigned char)fixed[i].outcome;
    for (int64_t i = 0; i < grapnel_setting_count(call, "exit_codes"); i++) {
        const char *path = grapnel_setting_member(call, "exit_codes", i), *name = grapnel_last_name(call, path);
        int outcome = outcome_named(grapnel_setting_text(call, path)), status = status_read(name);
        if (strcmp(name, "other") == 0)
            continue;
        if (!status)
            return grapnel_fail(call, "`exit_codes`: \"%s\" is no exit status from 1 to 255, nor \"other\"", name);
        if (outcome < 0)
            return grapnel_fail(call, "`exit_codes`: %s: it must be ok, retry, busy or fail", name);
        codes->outcome[status] = (unsigned char)outcome;
    }
    return GRAPNEL_OK;
}
