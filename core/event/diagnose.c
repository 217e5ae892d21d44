/* The signature: which of the everyday mistakes explains what came. */
#include "event/diagnose.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "event/diagnose_trials.h"

enum { ITEMS_TOLD = 6, ITEM_NAME_LIMIT = 16 };

static const char *ordinal(int number, char text[16]) {
    int last = number % 10, teen = number % 100 / 10 == 1;
    snprintf(text, 16, "%d%s", number,
             !teen && last == 1   ? "st"
             : !teen && last == 2 ? "nd"
             : !teen && last == 3 ? "rd"
                                  : "th");
    return text;
}

/* ", with the 2nd of 3 secrets", where there are several. */
static void secret_tell(const struct diagnose *given, int secret, struct buffer *words) {
    char text[16];
    if (given->secret_count > 1)
        buffer_format(words, ", with the %s of %d secrets", ordinal(secret + 1, text), given->secret_count);
}

/* Of several names, the one to speak of. */
static const char *first_name(const char *names, char name[SIGNATURE_HEADER_NAME_LIMIT + 1]) {
    struct bytes first = header_name_take(&names);
    snprintf(name, SIGNATURE_HEADER_NAME_LIMIT + 1, "%.*s", (int)first.length, first.data);
    return name;
}

/* Is it right as another preset? Of those whose header the request has. */
static bool presets_try(const struct diagnose *given, struct buffer *words) {
    for (const struct signature_scheme *preset = signature_presets(); preset->name; preset++) {
        if (given->scheme->name && strcmp(preset->name, given->scheme->name) == 0)
            continue;
        int secret = trials_match(preset, given->request, given->secrets, given->secret_count);
        if (secret < 0)
            continue;
        buffer_format(words, "; it is right as `%s` signs", preset->name);
        secret_tell(given, secret, words);
        buffer_format(words, ": this source should have `signature: %s`", preset->name);
        return true;
    }
    return false;
}

/* Does the request look like one of another sender? */
static bool presets_look(const struct diagnose *given, struct buffer *words) {
    char name[SIGNATURE_HEADER_NAME_LIMIT + 1];
    struct bytes value;
    for (const struct signature_scheme *preset = signature_presets(); preset->name; preset++) {
        if (header_read(given->request, preset->header, &value) == SIGNATURE_HEADER_MISSING)
            continue;
        buffer_format(words,
                      "; the request has %s, with which `%s` signs: is it meant for another source, or should this one "
                      "have `signature: %s`?",
                      first_name(preset->header, name), preset->name, preset->name);
        return true;
    }
    return false;
}

/* Is the signature in a header of another name: one that is right, or at least one that has the form? */
static bool headers_try(const struct diagnose *given, bool must_match, struct buffer *words) {
    char wanted[SIGNATURE_HEADER_NAME_LIMIT + 1];
    for (int i = 0; i < given->header_count; i++) {
        struct signature_scheme scheme = *given->scheme;
        struct signature_found found;
        scheme.header = given->header_names[i];
        if (strlen(scheme.header) > SIGNATURE_HEADER_NAME_LIMIT || strchr(scheme.header, '/') ||
            signature_is_header(given->scheme, bytes_of(scheme.header)))
            continue;
        signature_read(&scheme, given->request, &found);
        int secret =
            found.candidate_count ? trials_match(&scheme, given->request, given->secrets, given->secret_count) : -1;
        if (found.candidate_count == 0 || (must_match && secret < 0))
            continue;
        buffer_format(words, "; the header %s holds one that %s", scheme.header,
                      secret < 0 ? "has the form" : "is right");
        if (secret >= 0)
            secret_tell(given, secret, words);
        buffer_format(words, ": give it the name %s, or spell `signature:` out with `header: %s`",
                      first_name(given->scheme->header, wanted), scheme.header);
        return true;
    }
    return false;
}

/* A header whose name is nearly right: a proxy's or a framework's spelling. */
static bool names_try(const struct diagnose *given, struct buffer *words) {
    char wanted[SIGNATURE_HEADER_NAME_LIMIT + 1];
    const char *names[] = { first_name(given->scheme->header, wanted), NULL };
    for (int i = 0; i < given->header_count; i++) {
        if (strcasecmp(given->header_names[i], wanted) == 0 || !nearest_name(given->header_names[i], names))
            continue;
        buffer_format(words, "; the request has %s, which is not the same", given->header_names[i]);
        return true;
    }
    return false;
}

static void header_missing_tell(const struct diagnose *given, struct buffer *words) {
    if (given->header_count == 0)
        buffer_append_text(words, "; no header of the request is known");
    else if (!presets_try(given, words) && !headers_try(given, true, words) && !presets_look(given, words) &&
             !headers_try(given, false, words) && !names_try(given, words))
        buffer_append_text(words, "; no other header looks like a signature: has the sender been given its secret, and "
                                  "does every proxy pass the header on?");
}

/* An item's name, never its value: "v0=…", "12 characters". */
static void item_tell(const struct diagnose *given, struct bytes item, struct buffer *words) {
    size_t name = 0;
    while (name < item.length && name <= ITEM_NAME_LIMIT &&
           ((item.data[name] >= 'a' && item.data[name] <= 'z') || (item.data[name] >= '0' && item.data[name] <= '9') ||
            item.data[name] == '_' || item.data[name] == '-'))
        name++;
    bool named = name > 0 && name < item.length && name <= ITEM_NAME_LIMIT && strchr("=,", item.data[name]);
    if (named)
        name++;
    else
        name = 0;
    buffer_append(words, item.data, name);
    struct bytes prefix;
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && given->scheme->items[i]; i++) {
        bool digest = item_parse(given->scheme->items[i], &prefix) != PLACEHOLDER_TIMESTAMP;
        if (digest && bytes_equal(prefix, (struct bytes){ item.data, name })) {
            buffer_format(words, "%s%zu characters", name ? " with " : "", item.length - name);
            return;
        }
    }
    if (named)
        buffer_append_text(words, "…");
    else
        buffer_format(words, "%zu characters", item.length);
}

/* What the header holds instead of a signature. */
static void header_contents_tell(const struct diagnose *given, struct buffer *words) {
    struct bytes header;
    const char *separator = separator_of(given->scheme);
    if (header_read(given->request, given->scheme->header, &header) != SIGNATURE_OK)
        return;
    buffer_append_text(words, "; it holds ");
    const char *at = header.data, *end = header.data + header.length;
    for (int told = 0; at < end; told++) {
        const char *stop = memmem(at, (size_t)(end - at), separator, strlen(separator));
        if (told == ITEMS_TOLD) {
            buffer_append_text(words, ", …");
            return;
        }
        buffer_append_text(words, told ? ", " : "");
        item_tell(given, trimmed((struct bytes){ at, (size_t)((stop ? stop : end) - at) }), words);
        at = stop ? stop + strlen(separator) : end;
    }
}

/* What a secret looks like that does not match in any way. Tells which one, never what is in it. */
static void secrets_look(const struct diagnose *given, struct buffer *words) {
    static const char *const api_keys[] = { "sk_", "pk_", "rk_", "ghp_", "shpat_", "xoxb-" };
    char text[16];
    for (int i = 0; i < given->secret_count; i++) {
        const char *secret = given->secrets[i];
        size_t length = strlen(secret);
        const char *which = given->secret_count > 1 ? ordinal(i + 1, text) : "configured";
        for (size_t j = 0; j < sizeof api_keys / sizeof *api_keys; j++) {
            if (strncmp(secret, api_keys[j], strlen(api_keys[j])) == 0)
                buffer_format(
                    words,
                    "; the %s secret begins with %s, as an API key does: what is needed is the signing secret "
                    "of the webhook",
                    which, api_keys[j]);
        }
        if (length > 0 && (strchr(" \t\r\n", secret[0]) || strchr(" \t\r\n", secret[length - 1])))
            buffer_format(words, "; the %s secret has white space around it", which);
        else if (length > 1 && (secret[0] == '"' || secret[0] == '\'') && secret[length - 1] == secret[0])
            buffer_format(words, "; the %s secret has quotes around it", which);
    }
}

/* What was ruled out. */
static void nothing_found_tell(const struct diagnose *given, bool gave_up, struct buffer *words) {
    buffer_format(
        words,
        "; nor would it be with %s read in another form, or a body that was re-encoded: it is another secret, or "
        "what the body says was changed",
        given->secret_count > 1 ? "one" : "it");
    if (gave_up)
        buffer_append_text(words, " (as the body is large, not everything was tried)");
    secrets_look(given, words);
}

/* Looks for what would make it right. */
static void explain(const struct diagnose *given, bool has_candidates, struct buffer *words) {
    struct trial_finding finding;
    if (presets_try(given, words) || headers_try(given, true, words))
        return;
    if (!trials_search(given, &finding)) {
        if (has_candidates)
            nothing_found_tell(given, finding.gave_up, words);
        buffer_free(&finding.url);
        return;
    }
    const struct trial *first = finding.trials[0], *second = finding.trials[1];
    buffer_format(words, "; it would be right %s%s%s", first->words, second ? " and " : "",
                  second ? second->words : "");
    secret_tell(given, finding.secret, words);
    if (finding.url.data)
        buffer_format(words, " (%s)", buffer_text(&finding.url));
    buffer_format(words, ": %s", first->advice);
    if (second && second->advice != first->advice)
        buffer_format(words, "; %s", second->advice);
    buffer_free(&finding.url);
}

enum diagnose_result diagnose_signature(const struct diagnose *given, struct buffer *words) {
    struct signature_found found;
    struct fault reason = { .text = "" };
    char names[HEADER_NAMES_SIZE];
    int which = -1;
    enum signature_verdict verdict = signature_read(given->scheme, given->request, &found);
    if (verdict == SIGNATURE_OK && !given->request->url && signature_signs_url(given->scheme))
        verdict = SIGNATURE_UNAVAILABLE;
    if (verdict == SIGNATURE_OK)
        verdict = signature_match(given->scheme, given->keys, given->secret_count, given->request, &found, &which);
    if (verdict == SIGNATURE_OK) {
        char text[16];
        if (given->secret_count > 1)
            buffer_format(words, "by the %s of %d secrets", ordinal(which + 1, text), given->secret_count);
        return DIAGNOSE_OK;
    }
    if (verdict == SIGNATURE_MISMATCH)
        buffer_format(words, "no signature in the header %s is right with %s",
                      header_names_text(given->scheme->header, names),
                      given->secret_count > 1 ? "any of the secrets" : "the secret");
    else {
        signature_reason(given->scheme, given->request, verdict, NULL, given->now_ms, given->tolerance_ms, &reason);
        buffer_append_text(words, reason.text);
    }
    switch (verdict) {
    case SIGNATURE_HEADER_MISSING:
        header_missing_tell(given, words);
        break;
    case SIGNATURE_HEADER_DOUBLED:
        buffer_append_text(words, "; two readers could take different ones: send it once, and see what adds another");
        break;
    case SIGNATURE_NO_CANDIDATE:
        header_contents_tell(given, words);
        explain(given, false, words);
        break;
    case SIGNATURE_MISMATCH:
    case SIGNATURE_TIMESTAMP_MISSING:
    case SIGNATURE_ID_MISSING:
        explain(given, verdict == SIGNATURE_MISMATCH, words);
        break;
    default:
        break;
    }
    return DIAGNOSE_REFUSED;
}
