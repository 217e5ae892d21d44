/* The table of everyday mistakes. A new one is a new row, with a case in tests/unit/event/test_diagnose.c. */
#include "event/diagnose_trials.h"

#include <stdio.h>
#include <string.h>

#include "event/diagnose_undo.h"

#define ON_ITS_WAY                                                                                                     \
    "something parsed the body and wrote it again, or it was signed in another form than it was sent in: the bytes "   \
    "that are signed must be the ones that arrive"
#define STYLE(...)                                                                                                     \
    {                                                                                                                  \
        .style = &(const struct json_style) {                                                                          \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define TEXT(value)                                                                                                    \
    { .text = (value) }
#define NUMBER(code)                                                                                                   \
    { .number = (code) }

static const struct trial trials[] = {
    { TRIAL_HASH, hash_undo, NUMBER(SIGNATURE_SHA256), "as a sha256", "spell `signature:` out, with `hash: sha256`" },
    { TRIAL_HASH, hash_undo, NUMBER(SIGNATURE_SHA1), "as a sha1", "spell `signature:` out, with `hash: sha1`" },
    { TRIAL_HASH, hash_undo, NUMBER(SIGNATURE_SHA512), "as a sha512", "spell `signature:` out, with `hash: sha512`" },

    { TRIAL_FORM, form_undo, TEXT("{hex}"), "read as hex",
      "spell `signature:` out, with {hex} instead of {base64} in `items:`" },
    { TRIAL_FORM, form_undo, TEXT("{base64}"), "read as base64",
      "spell `signature:` out, with {base64} instead of {hex} in `items:`" },
    { TRIAL_FORM, item_undo, TEXT("{hex}"), "as bare hex", "spell `signature:` out, with `items: [ \"{hex}\" ]`" },
    { TRIAL_FORM, item_undo, TEXT("{base64}"), "as bare base64",
      "spell `signature:` out, with `items: [ \"{base64}\" ]`" },
    { TRIAL_FORM, item_undo, TEXT("sha256={hex}"), "as sha256={hex}",
      "spell `signature:` out, with `items: [ \"sha256={hex}\" ]`" },
    { TRIAL_FORM, item_undo, TEXT("sha1={hex}"), "as sha1={hex}",
      "spell `signature:` out, with `items: [ \"sha1={hex}\" ]`" },
    { TRIAL_FORM, item_undo, TEXT("v1={hex}"), "as v1={hex}", "spell `signature:` out, with \"v1={hex}\" in `items:`" },

#define SIGNED_AS(template)                                                                                            \
    {                                                                                                                  \
        TRIAL_TEMPLATE, template_undo, TEXT(template), "over " template,                                               \
            "spell `signature:` out, with `signed: \"" template "\"`"                                                  \
    }
    SIGNED_AS("{body}"),
    SIGNED_AS("{timestamp}.{body}"),
    SIGNED_AS("{timestamp}:{body}"),
    SIGNED_AS("{timestamp}{body}"),
    SIGNED_AS("{id}.{timestamp}.{body}"),
    SIGNED_AS("{url}{body}"),
    { TRIAL_TEMPLATE, template_undo, TEXT("{url}"), "over the URL alone",
      "the sender leaves the body out, so that anything could be sent under its signature: it can't be used" },

#define REGISTERED "the source's `url:` must be, to the letter, the one that is registered with the sender"
    { TRIAL_URL, url_undo, NUMBER(URL_REQUESTED), "with the URL it was posted to", REGISTERED },
    { TRIAL_URL, url_undo, NUMBER(URL_SLASH), "with or without a slash at the URL's end", REGISTERED },
    { TRIAL_URL, url_undo, NUMBER(URL_SCHEME), "with the other of http and https", REGISTERED },
    { TRIAL_URL, url_undo, NUMBER(URL_NO_QUERY), "without the URL's query", REGISTERED },
    { TRIAL_URL, url_undo, NUMBER(URL_NO_PORT), "without the URL's port", REGISTERED },
    { TRIAL_URL, url_undo, NUMBER(URL_PORT), "with the URL's default port", REGISTERED },
    { TRIAL_URL, url_undo, NUMBER(URL_LOWER_CASE), "with the URL in lower case", REGISTERED },

    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_COMPACT), "with the body's JSON minified", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_COMPACT, .strings = true),
      "with the body as JavaScript's JSON.stringify writes it", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_SPACED, .strings = true, .ascii = true),
      "with the body as Python's json.dumps writes it", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_SPACED, .strings = true),
      "with the body as Python's json.dumps writes it (ensure_ascii=False)", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_COMPACT, .strings = true, .ascii = true, .slashes = true),
      "with the body as PHP's json_encode writes it", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_COMPACT, .strings = true, .html = true),
      "with the body as Go's json.Marshal writes it", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_COMPACT, .strings = true, .ascii = true),
      "with the body minified and its letters beyond ASCII as \\u escapes", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_INDENTED, .indent = 2, .strings = true),
      "with the body pretty-printed (indented by 2)", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_INDENTED, .indent = 4, .strings = true),
      "with the body pretty-printed (indented by 4)", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_INDENTED, .indent = 2, .strings = true, .ascii = true),
      "with the body pretty-printed by Python (indent=2)", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_INDENTED, .indent = 4, .strings = true, .ascii = true),
      "with the body pretty-printed by Python (indent=4)", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.layout = JSON_LAYOUT_INDENTED, .indent = 2),
      "with the body pretty-printed (indented by 2, its strings as they are)", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.strings = true), "with the body's \\u escapes as the letters they stand for",
      ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.strings = true, .ascii = true),
      "with the body's letters beyond ASCII as \\u escapes", ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.strings = true, .slashes = true), "with each / in the body's strings as \\/",
      ON_ITS_WAY },
    { TRIAL_JSON, json_undo, STYLE(.strings = true, .upper_case = true), "with the body's \\u escapes in upper case",
      ON_ITS_WAY },

    { TRIAL_ENCODING, mark_undo, NUMBER(0), "without the byte order mark at the body's start",
      "whatever saved or passed on the body added it" },
    { TRIAL_ENCODING, mark_undo, NUMBER(1), "with a byte order mark at the body's start",
      "whatever saved or passed on the body removed it; JSON should have none" },
    { TRIAL_ENCODING, latin_undo, NUMBER(0), "with the body's UTF-8 not encoded a second time",
      "something between took the body for Latin-1 and made UTF-8 of it: it must be passed on as bytes" },

    { TRIAL_LINES, lines_undo, TEXT("\n"), "with CRLF in the body as LF",
      "something between wrote the body's line ends anew: it must be passed on as bytes" },
    { TRIAL_LINES, lines_undo, TEXT("\r\n"), "with LF in the body as CRLF",
      "something between wrote the body's line ends anew (git, a text mode): it must be passed on as bytes" },

#define ADDED   "something added it after signing: an editor or echo when the body was saved, or whatever passed it on"
#define REMOVED "something removed it after signing: a trim, or a shell's $(…), which cuts newlines"
    { TRIAL_END, end_cut, TEXT("\n"), "without the newline at the body's end", ADDED },
    { TRIAL_END, end_cut, TEXT("\r\n"), "without the CRLF at the body's end", ADDED },
    { TRIAL_END, end_trim, NUMBER(0), "without the white space at the body's end", ADDED },
    { TRIAL_END, end_add, TEXT("\n"), "with a newline at the body's end", REMOVED },
    { TRIAL_END, end_add, TEXT("\r\n"), "with a CRLF at the body's end", REMOVED },
    { TRIAL_END, body_drop, NUMBER(0), "with an empty body",
      "the sender signed before it had the body, or read it twice: look for a body that was consumed already" },

#define FIX_SECRET "mend it where the config gets it from"
    { TRIAL_SECRET, secret_trim, NUMBER(0), "without the white space around the configured secret", FIX_SECRET },
    { TRIAL_SECRET, secret_unquote, NUMBER(0), "without the quotes around the configured secret",
      "an env file's quotes have become a part of it: " FIX_SECRET },
    { TRIAL_SECRET, secret_cut_prefix, NUMBER(0), "without \"whsec_\" in front of the configured secret", FIX_SECRET },
    { TRIAL_SECRET, secret_add_prefix, NUMBER(0), "with \"whsec_\" in front of the configured secret",
      "it belongs to the secret: " FIX_SECRET },
    { TRIAL_SECRET, secret_form, NUMBER(SIGNATURE_SECRET_BASE64), "with the secret decoded as base64",
      "the secret is base64-encoded and is used raw: spell `signature:` out, with `secret: base64`" },
    { TRIAL_SECRET, secret_url_base64, NUMBER(0), "with the secret decoded as URL-safe base64",
      "write the secret with + and / for - and _, and spell `signature:` out, with `secret: base64`" },
    { TRIAL_SECRET, secret_form, NUMBER(SIGNATURE_SECRET_HEX), "with the secret decoded as hex",
      "the secret is hex-encoded and is used raw: spell `signature:` out, with `secret: hex`" },
    { TRIAL_SECRET, secret_form, NUMBER(SIGNATURE_SECRET_RAW), "with the secret used as it is written",
      "the sender does not decode it: spell `signature:` out, with `secret: raw`" },
    { TRIAL_SECRET, secret_raw_cut, NUMBER(0), "with the secret used as it is written, without its \"whsec_\"",
      "the sender does not decode it: spell `signature:` out, with `secret: raw`, and cut the prefix" },
    { TRIAL_SECRET, secret_add_newline, NUMBER(0), "with a newline at the secret's end",
      "the sender's secret ends in one (from a file, or echo without -n): cut it there" },
    { .words = NULL },
};

const struct trial *diagnose_trials(void) {
    return trials;
}
