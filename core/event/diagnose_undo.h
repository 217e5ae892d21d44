/* How each row of the table of everyday mistakes changes an attempt. For diagnose_trials.c only. */
#ifndef EVENT_DIAGNOSE_UNDO_H
#define EVENT_DIAGNOSE_UNDO_H

#include "event/diagnose_trials.h"

/* What url_undo does. */
enum { URL_REQUESTED, URL_SLASH, URL_SCHEME, URL_NO_QUERY, URL_NO_PORT, URL_PORT, URL_LOWER_CASE };

typedef bool trial_apply(struct attempt *attempt, const struct trial *trial);

trial_apply hash_undo, form_undo, item_undo, template_undo, url_undo; /* diagnose_undo.c */
trial_apply json_undo, mark_undo, latin_undo, lines_undo, end_cut, end_trim, end_add,
    body_drop; /* diagnose_undo_body.c */
trial_apply secret_trim, secret_unquote, secret_cut_prefix, secret_add_prefix, secret_form, secret_url_base64,
    secret_raw_cut, secret_add_newline; /* diagnose_undo.c */

#endif
