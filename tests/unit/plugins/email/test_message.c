/* Mails as they are written: headers, addresses, bodies. tests/flow/test_email.py has Python's parser read them. */
#include "call.h"

#include "header.h"
#include "layout.h"
#include "message.h"
#include "quoted_printable.h"

static struct message message;

static struct mailboxes one(const char *name, const char *address) {
    return (struct mailboxes){ .entries = { { name, address } }, .count = 1 };
}

static void test_message(void **state) {
    struct text out = { 0 };
    message = (struct message){
        .key = "c0ffee/~1",
        .date = 1769860800,
        .from = one("Shop", "shop@example.com"),
        .to = one("", "zoe@example.org"),
        .subject = "Bestellung f\xc3\xbcr Zo\xc3\xab \xe2\x9c\x93",
        .text = "a",
        .html = "b",
        .headers = { { "X-Order", "1" } },
        .header_count = 1,
    };
    message_write(&message, &out);
    assert_string_equal(text_string(&out), "Date: Sat, 31 Jan 2026 12:00:00 +0000\r\n"
                                           "From: Shop <shop@example.com>\r\n"
                                           "To: zoe@example.org\r\n"
                                           "Subject: =?UTF-8?B?QmVzdGVsbHVuZyBmw7xyIFpvw6sg4pyT?=\r\n"
                                           "Message-ID: <c0ffee-~1@example.com>\r\n"
                                           "X-Order: 1\r\n"
                                           "Auto-Submitted: auto-generated\r\n"
                                           "MIME-Version: 1.0\r\n"
                                           "Content-Type: multipart/alternative;\r\n boundary=\"=_c0ffee-~1\"\r\n\r\n"
                                           "--=_c0ffee-~1\r\n"
                                           "Content-Type: text/plain; charset=utf-8\r\n"
                                           "Content-Transfer-Encoding: quoted-printable\r\n\r\na\r\n\r\n"
                                           "--=_c0ffee-~1\r\n"
                                           "Content-Type: text/html; charset=utf-8\r\n"
                                           "Content-Transfer-Encoding: quoted-printable\r\n\r\nb\r\n\r\n"
                                           "--=_c0ffee-~1--\r\n");
    text_clear(&out);
    message.html = NULL;
    message.headers[0] = (struct message_header){ "auto-submitted", "no" };
    message.bcc = message.to;
    message.to.count = 0;
    message_write(&message, &out);
    assert_null(strstr(text_string(&out), "multipart"));
    assert_null(strstr(text_string(&out), "auto-generated"));
    assert_null(strstr(text_string(&out), "zoe@"));
    assert_non_null(strstr(text_string(&out), "\r\nTo: undisclosed-recipients:;\r\n"));
    text_free(&out);
}

static void test_header_text(void **state) {
    static const char *const rows[][2] = {
        { "plain", "S: plain\r\n" },
        { "", "S:\r\n" },
        { "=?UTF-8?B?QQ==?=", "S: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=\r\n" }, /* no value speaks RFC 2047 itself */
        { "two  blanks", "S: =?UTF-8?B?dHdvICBibGFua3M=?=\r\n" },
        { " first", "S: =?UTF-8?B?IGZpcnN0?=\r\n" },
        { "last ", "S: =?UTF-8?B?bGFzdCA=?=\r\n" },
        { "a\r\nBcc: x@y", "S: =?UTF-8?B?YQ0KQmNjOiB4QHk=?=\r\n" }, /* never comes here, and would do no harm */
        { "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456 0123456789",
          "S: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456\r\n 0123456789\r\n" },
        { "01234567890123456789012345678901234567890123456789012345678901234567890",
          "S: =?UTF-8?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0?=\r\n"
          " =?UTF-8?B?NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA=?=\r\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = { 0 };
        header_text(&out, "S", rows[i][0]);
        assert_string_equal(text_string(&out), rows[i][1]);
        text_free(&out);
    }
}

/* Every length of text, so that every way of breaking it comes up: no line is longer than 76, no character is torn apart. */
static void test_header_lengths(void **state) {
    for (int length = 1; length < 120; length++) {
        struct text out = { 0 }, text = { 0 };
        text_add(&text, "xx", (size_t)length % 3);
        for (int i = 0; i < length; i++)
            text_add_string(&text, "\xe2\x9c\x93");
        header_text(&out, "Subject", text_string(&text));
        text_free(&text);
        for (const char *line = text_string(&out), *end; *line; line = end + 2) {
            end = strstr(line, "\r\n");
            assert_in_range(end - line, 10, 76);
            const char *word = strstr(line, "=?UTF-8?B?"), *close = strstr(word + 10, "?=");
            assert_ptr_equal(close + 2, end);
            assert_int_equal((close - word - 10) % 4, 0);
            /* A word that holds whole characters only begins with the first byte of one: "4p" is e2 9. */
            assert_true(word[10] == '4' || word[10] == 'e');
        }
        text_free(&out);
    }
}

static void test_mailboxes(void **state) {
    static const char *const rows[][2] = {
        { "Zoe", "To: Zoe <a@b>\r\n" },
        { "Zoe Q. Public", "To: \"Zoe Q. Public\" <a@b>\r\n" },
        { "Q\" \\, x@y", "To: \"Q\\\" \\\\, x@y\" <a@b>\r\n" },
        { "Zo\xc3\xab", "To: =?UTF-8?B?Wm/Dqw==?= <a@b>\r\n" },
        { "<x@y>,", "To: \"<x@y>,\" <a@b>\r\n" },
        { "(comment)", "To: \"(comment)\" <a@b>\r\n" },
        { "=?UTF-8?Q?x?=", "To: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?= <a@b>\r\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = { 0 };
        struct mailboxes mailboxes = one(rows[i][0], "a@b");
        header_mailboxes(&out, "To", &mailboxes);
        assert_string_equal(text_string(&out), rows[i][1]);
        text_free(&out);
    }
    struct text out = { 0 };
    static struct mailboxes many;
    for (many.count = 0; many.count < 4; many.count++)
        many.entries[many.count] = (struct mailbox){ many.count == 1 ? "Name" : "", "somebody@subdomain.example.com" };
    header_mailboxes(&out, "Cc", &many);
    assert_string_equal(text_string(&out),
                        "Cc: somebody@subdomain.example.com, Name <somebody@subdomain.example.com>,\r\n"
                        " somebody@subdomain.example.com, somebody@subdomain.example.com\r\n");
    text_free(&out);
}

static void test_addresses(void **state) {
    static const char *const good[] = { "a@b", "zoe+tag@example.com", "o'neil=x@sub.example-1.com", "1@2.3" };
    static const char *const bad[] = {
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        "a b@c",
        "a@b c",
        "a,b@c",
        "a@b,c@d",
        "<a@b>",
        "a@b>",
        "\"a\"@b",
        "a@[1.2]",
        "a\n@b",
        "a@b\r\n",
        "a@b\tc",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a@.b",
        "a@b.",
        "a@b..c",
        "a@-b",
        "a@b-",
        "a@b_c",
        "a@b\x7f",
        "(x)a@b",
        "a:b@c;",
        "a\\@b",
        "a@b SIZE=1",
        "zo\xc3\xab@example.com",
        "a@ex\xc3\xa4mple.com",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b",
        "a@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (address_wrong(good[i]))
            fail_msg("%s: %s", good[i], address_wrong(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!address_wrong(bad[i]))
            fail_msg("\"%s\" was taken for an address", bad[i]);
    char longest[300] = "a@";
    for (size_t length = 2; length < 255; length++)
        longest[length] = length % 60 ? 'x' : '.';
    assert_non_null(address_wrong(longest));
    longest[254] = '\0';
    assert_null(address_wrong(longest));
}

static const char payload[] =
    "{\"name\": \"Zo\\u00eb, <x@y>\", \"mail\": \" zoe@example.org \", \"two\": \"a@b, c@d\", \"full\": "
    "\"A <a@b>\", \"lines\": \"a@b\\r\\nRCPT TO:<c@d>\"}";

/* Name and address of each mailbox, as `name|address;`, or what was refused. */
static const char *mailboxes_of(const char *source) {
    static char text[1000];
    static struct mailboxes mailboxes;
    struct test_call call;
    struct address_list list = { 0 };
    struct text mistakes = { 0 }, fault = { 0 };
    struct grapnel_call *grapnel = test_call_begin(&call, NULL, "e1", "order.paid", payload);
    text[0] = '\0';
    mailboxes.count = 0;
    if (address_list_read(&list, "to", source, &mistakes) && address_list_render(&list, grapnel, &mailboxes, &fault))
        for (int i = 0; i < mailboxes.count; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s|%s;", mailboxes.entries[i].name,
                     mailboxes.entries[i].address);
    else
        snprintf(text, sizeof text, "%s%s", text_string(&mistakes), text_string(&fault));
    address_list_free(&list);
    text_free(&mistakes);
    text_free(&fault);
    test_call_end(&call);
    return text;
}

static void test_lists(void **state) {
    static const char *const rows[][2] = {
        { "a@b", "|a@b;" },
        { " a@b , C D <c@d>,\"E, F\" <e@f>\n", "|a@b;C D|c@d;E, F|e@f;" },
        { "{{/name}} <{{/mail}}>", "Zo\xc3\xab, <x@y>|zoe@example.org;" },
        { "\"{{/name}}\" <{{/mail}}>, <{{\"a\"}}@b>", "Zo\xc3\xab, <x@y>|zoe@example.org;|a@b;" },
        { "{{/none | default \"x, <y\"}} <a@b>", "x, <y|a@b;" },
        { "\"{{/none | default \"x, <y\"}}\" <a@b>", "x, <y|a@b;" },
        { "{{/none | default \"\"}}, a@b, N <{{/none | default \"\"}}>", "|a@b;" },
        { "{{/two}}", "to:1:1: \"a@b, c@d\" is no address: it must be one name@domain" },
        { "x@y, N <{{/full}}>", "to:1:9: \"A <a@b>\" is no address: what stands before the @" },
        { "{{/lines}}", "is no address: it holds a line break" },
        { "{{/two}}@example.com", "\"a@b, c@d@example.com\" is no address" },
        { "{{/none}}", "the event has nothing at /none" },
        { "a@b,", "to:1:5: a mailbox is missing here" },
        { ",", "to:1:1: a mailbox is missing here; to:1:2: a mailbox" },
        { "A <a@b", "to:1:3: a < without a > at the end" },
        { "A <a@b> c", "a < without a > at the end" },
        { "a@b; c@d", "to:1:1: \"a@b; c@d\" is no address" },
        { "A <>", "to:1:4: \"\" is no address" },
        { "{{/x | mony}} <a@b>", "to:1:8: unknown filter \"mony\"" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = mailboxes_of(rows[i][0]);
        if (strchr(rows[i][1], '|') ? strcmp(got, rows[i][1]) != 0 : !strstr(got, rows[i][1]))
            fail_msg("%s: \"%s\", not \"%s\"", rows[i][0], got, rows[i][1]);
    }
}

static void test_quoted_printable(void **state) {
    static const char *const rows[][2] = {
        { "", "" },
        { "a", "a\r\n" },
        { "a\n", "a\r\n" },
        { "a\r\nb\rc\n\nd", "a\r\nb\r\nc\r\n\r\nd\r\n" },
        { ".\n..a\nb.", "=2E\r\n=2E.a\r\nb.\r\n" },
        { "a \nb\t\nc d ", "a=20\r\nb=09\r\nc d=20\r\n" },
        { "1=2 \xf0\x9f\x8e\x89\x01", "1=3D2 =F0=9F=8E=89=01\r\n" },
        { "012345678901234567890123456789012345678901234567890123456789012345678901234",
          "012345678901234567890123456789012345678901234567890123456789012345678901234\r\n" },
        { "0123456789012345678901234567890123456789012345678901234567890123456789012345",
          "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n5\r\n" },
        { "012345678901234567890123456789012345678901234567890123456789012345678901234.x",
          "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n=2Ex\r\n" },
        { "0123456789012345678901234567890123456789012345678901234567890123456789\xc3\xa4",
          "0123456789012345678901234567890123456789012345678901234567890123456789=\r\n=C3=A4\r\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = { 0 };
        quoted_printable_write(rows[i][0], &out);
        assert_string_equal(text_string(&out), rows[i][1]);
        text_free(&out);
    }
}

static void test_header_names(void **state) {
    static const char *const good[] = { "X-Order", "List-Id", "Precedence", "Auto-Submitted" };
    static const char *const bad[] = { "",         "To",       "bcc",  "CONTENT-TYPE", "Message-Id",
                                       "a b",      "a:",       "a\nb", "Subject",      "MIME-version",
                                       "\xc3\xa4", "reply-to", "cc",   "From",         "date" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(message_header_wrong(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(message_header_wrong(bad[i]));
}

/* Which entry of `templates` counts, and what it takes from outside. */
static void test_layouts(void **state) {
    static const char *const values[] = { "from",
                                          "a@b",
                                          "to/0",
                                          "{{/mail}}",
                                          "to/1",
                                          "c@d",
                                          "subject",
                                          "general",
                                          "text",
                                          "general",
                                          "html",
                                          "general",
                                          "templates/order.*/text",
                                          "order",
                                          "templates/order.*/bcc/0",
                                          "e@f",
                                          "templates/order.paid/subject",
                                          "never",
                                          "templates/*~1x/subject",
                                          "slash",
                                          NULL };
    static const char *const rows[][4] = { /* type; subject, text, html */
                                           { "order.paid", "general", "order", NULL },
                                           { "order.", "general", "order", NULL },
                                           { "other", "general", "general", "general" },
                                           { "a/b/x", "slash", "general", "general" }
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct test_call call;
        struct layouts layouts = { 0 };
        struct text mistakes = { 0 }, fault = { 0 }, bodies[2] = { 0 };
        struct grapnel_call *grapnel = test_call_begin(&call, values, "e1", rows[i][0], payload);
        assert_true(layouts_read(&layouts, grapnel, &mistakes));
        assert_true(layouts_compose(&layouts, grapnel, &message, bodies, &fault));
        assert_string_equal(message.subject, rows[i][1]);
        assert_string_equal(message.text, rows[i][2]);
        assert_true(rows[i][3] ? strcmp(message.html, rows[i][3]) == 0 : !message.html);
        assert_int_equal(message.to.count, 2);
        assert_int_equal(message.bcc.count, strncmp(rows[i][0], "order.", 6) == 0);
        text_free(&bodies[0]);
        text_free(&bodies[1]);
        layouts_free(&layouts);
        test_call_end(&call);
    }
}

/* Settings, and a part of what is said about them. */
static void test_layout_mistakes(void **state) {
    static const struct {
        const char *values[9], *said;
    } rows[] = {
        { { NULL }, "`text` or `html` is missing" },
        { { NULL }, "`subject` is missing; `to` is missing, who gets the mail; `from` is missing" },
        { { "templates/a/subject", "b" }, "templates/a: `text` or `html` is missing" },
        { { "from", "a@b, c@d" }, "from: a mail is from one mailbox" },
        { { "headers/To", "a@b" }, "headers/To: this header is made from" },
        { { "headers/a", "{{" }, "headers/a:1:1: {{ without }}" },
        { { "templates/a/to/0", "{{x}}", "subject", "{{/a | tim}}" },
          "subject:1:8: unknown filter \"tim\"; did you mean" },
        { { "templates/a/to/0", "{{x}}", "subject", "{{/a | tim}}" }, "templates/a/to/0:1:3: \"x\" is no value" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct test_call call;
        struct layouts layouts = { 0 };
        struct text mistakes = { 0 };
        struct grapnel_call *grapnel = test_call_begin(&call, rows[i].values, "e1", "t", "{}");
        assert_false(layouts_read(&layouts, grapnel, &mistakes));
        if (!strstr(text_string(&mistakes), rows[i].said))
            fail_msg("\"%s\" is not in \"%s\"", rows[i].said, text_string(&mistakes));
        text_free(&mistakes);
        layouts_free(&layouts);
        test_call_end(&call);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),          cmocka_unit_test(test_header_text),
        cmocka_unit_test(test_header_lengths),   cmocka_unit_test(test_mailboxes),
        cmocka_unit_test(test_addresses),        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_quoted_printable), cmocka_unit_test(test_header_names),
        cmocka_unit_test(test_layouts),          cmocka_unit_test(test_layout_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
