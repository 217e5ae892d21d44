/* Trying the table of everyday mistakes: each alone, then two of different kinds together. */
#include <string.h>

#include "event/diagnose_trials.h"

/* Bytes that may be hashed and written in one search: a few seconds. It is enough for every pair over a body of 250 KiB, and for every
 * mistake alone over one of 10 MiB. */
enum { SEARCH_MIB = 1024, JSON_COST = 4, ALL_KINDS = -1, JSON_KIND = 1 << TRIAL_JSON };

struct search {
    const struct diagnose *given;
    struct trial_finding *finding;
    int64_t work_left;
    int kinds; /* a bit for each that is to be tried */
};

static bool secret_matches(const struct signature_scheme *scheme, const struct signature_request *request,
                           const struct signature_found *found, struct bytes secret) {
    int which;
    struct signature_key *key = signature_key_make(scheme, secret, NULL);
    bool matches = key && signature_match(scheme, &key, 1, request, found, &which) == SIGNATURE_OK;
    signature_key_free(key);
    return matches;
}

int trials_match(const struct signature_scheme *scheme, const struct signature_request *request,
                 const char *const *secrets, int secret_count) {
    struct signature_found found;
    if ((!request->url && signature_signs_url(scheme)) || signature_read(scheme, request, &found) != SIGNATURE_OK)
        return -1;
    for (int i = 0; i < secret_count; i++) {
        if (secret_matches(scheme, request, &found, bytes_of(secrets[i])))
            return i;
    }
    return -1;
}

/* Everything but the rooms, which are its own. */
static void attempt_begin(struct attempt *attempt, const struct attempt *from) {
    *attempt = *from;
    attempt->body_room = attempt->secret_room = attempt->url_room = (struct buffer){ 0 };
}

static void attempt_end(struct attempt *attempt) {
    if (attempt->secret_room.data)
        bytes_wipe(attempt->secret_room.data, attempt->secret_room.capacity);
    buffer_free(&attempt->secret_room);
    buffer_free(&attempt->body_room);
    buffer_free(&attempt->url_room);
}

/* A trial of the secret, with each of them in turn. */
static bool secrets_try(struct search *search, const struct attempt *from, const struct trial *trial) {
    const struct diagnose *given = search->given;
    for (int i = 0; i < given->secret_count; i++) {
        struct attempt attempt;
        struct signature_found found;
        attempt_begin(&attempt, from);
        attempt.secret = bytes_of(given->secrets[i]);
        search->work_left -= (int64_t)attempt.request.body.length;
        bool matches = trial->apply(&attempt, trial) &&
                       signature_read(&attempt.scheme, &attempt.request, &found) == SIGNATURE_OK &&
                       secret_matches(&attempt.scheme, &attempt.request, &found, attempt.secret);
        attempt_end(&attempt);
        if (matches) {
            search->finding->secret = i;
            return true;
        }
    }
    return false;
}

/* What trying it costs, in bytes of work. */
static int64_t cost(const struct trial *trial, const struct attempt *attempt) {
    int times = trial->kind == TRIAL_JSON ? JSON_COST : trial->kind > TRIAL_JSON ? 1 : 0;
    return (int64_t)attempt->request.body.length * times;
}

static bool level_search(struct search *search, const struct attempt *from, const struct trial *first, int level);

/* A trial of anything else: alone, or with a further one behind it. */
static bool other_try(struct search *search, const struct attempt *from, const struct trial *trial, int level) {
    struct attempt attempt;
    bool matches = false;
    attempt_begin(&attempt, from);
    search->work_left -= cost(trial, &attempt);
    if (trial->apply(&attempt, trial)) {
        attempt.kinds |= 1U << trial->kind;
        if (level == 1) {
            matches = level_search(search, &attempt, trial + 1, 0);
        } else {
            search->work_left -= (int64_t)attempt.request.body.length * search->given->secret_count;
            int secret =
                trials_match(&attempt.scheme, &attempt.request, search->given->secrets, search->given->secret_count);
            matches = secret >= 0;
            search->finding->secret = secret;
        }
        if (matches && attempt.kinds & 1U << TRIAL_URL && !search->finding->url.data)
            buffer_append_text(&search->finding->url, attempt.request.url);
    }
    attempt_end(&attempt);
    return matches;
}

/* Level 0 tries one more mistake, level 1 two. */
static bool level_search(struct search *search, const struct attempt *from, const struct trial *first, int level) {
    int place = from->kinds ? 1 : 0;
    for (const struct trial *trial = first; trial->words; trial++) {
        if (from->kinds & 1U << trial->kind || !(search->kinds & 1 << trial->kind))
            continue;
        if (search->work_left <= 0) {
            search->finding->gave_up = true;
            return false;
        }
        /* Nothing comes behind a secret's kind. */
        if (trial->kind == TRIAL_SECRET ? level == 0 && secrets_try(search, from, trial)
                                        : other_try(search, from, trial, level)) {
            search->finding->trials[place] = trial;
            return true;
        }
    }
    return false;
}

bool trials_search(const struct diagnose *given, struct trial_finding *finding) {
    /* Writing the JSON anew may undo by chance what is a simpler mistake, like a newline at the end: it comes later. */
    static const struct {
        int level, kinds;
    } passes[] = { { 0, ALL_KINDS & ~JSON_KIND }, { 0, JSON_KIND }, { 1, ALL_KINDS & ~JSON_KIND }, { 1, ALL_KINDS } };
    struct search search = { .given = given, .finding = finding, .work_left = (int64_t)SEARCH_MIB * 1024 * 1024 };
    struct attempt attempt = { .scheme = *given->scheme,
                               .request = *given->request,
                               .requested_url = given->requested_url };
    struct json json = { 0 };
    attempt.body_is_json = json_parse(&json, given->request->body, NULL);
    json_free(&json);
    *finding = (struct trial_finding){ .secret = -1 };
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        search.kinds = passes[i].kinds;
        if (level_search(&search, &attempt, diagnose_trials(), passes[i].level))
            return true;
    }
    return false;
}
