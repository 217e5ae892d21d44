/* Templates: what they give, what they refuse, and where they say that the mistake is. */
#include "call.h"

#include <time.h>

#include "currency.h"
#include "filter.h"
#include "template.h"

static const char body[] =
    "{\"data\": {\"name\": \"Zo\\u00eb <b>&\\\"'\", \"amount\": 4999, \"currency\": \"eur\", \"empty\": \"\", "
    "\"none\": null, "
    "\"yes\": true, \"price\": 10.10, \"list\": [1, \"two\"], \"object\": {}, \"nul\": \"a\\u0000b\", \"time\": "
    "1700000000, "
    "\"ms\": 1700000000999, \"lines\": \"a\\r\\nBcc: x@y\\u2028\\u0085\\t z\", \"path\": \"a b/\\u00e9?&=#\", \"a/b\": "
    "1, "
    "\"braces\": \"{{/data/name}}\", \"jpy\": \"JPY\", \"kwd\": \"KWD\", \"clf\": \"CLF\", \"btc\": \"BTC\", "
    "\"negative\": -5, \"digits\": \"000000000000000000000012345678901234567890\", \"word\": \"ten\", \"fraction\": "
    "1700000000.75}}";

static struct test_call call;

/* What the template gives; null with `why` if it was refused, then or now. The caller frees neither. */
static const char *render(const char *source, enum template_form form, const char **why) {
    static char text[4096], fault_text[4096];
    struct template template = { 0 };
    struct text mistakes = { 0 }, out = { 0 }, fault = { 0 };
    struct grapnel_call *grapnel = test_call_begin(&call, NULL,
                                                   "e\xff"
                                                   "1",
                                                   "order.paid", body);
    bool read = template_read(&template, "subject", source, 0, strlen(source), &mistakes);
    bool rendered = read && template_render(&template, grapnel, form, &out, &fault);
    assert_true(read == (mistakes.length == 0));
    assert_true(!read || rendered == (fault.length == 0));
    snprintf(text, sizeof text, "%s", text_string(&out));
    snprintf(fault_text, sizeof fault_text, "%s%s", text_string(&mistakes), text_string(&fault));
    if (why)
        *why = fault_text;
    else if (!rendered)
        fail_msg("%s: %s", source, fault_text);
    template_free(&template);
    text_free(&mistakes);
    text_free(&out);
    text_free(&fault);
    test_call_end(&call);
    return rendered ? text : NULL;
}

static void test_values(void **state) {
    static const char *const rows[][2] = {
        { "", "" },
        { "no value", "no value" },
        { "{{/data/amount}}", "4999" },
        { "a {{ /data/amount }}{{id}} z", "a 4999e\xef\xbf\xbd"
                                          "1 z" },
        { "{{type}} {{source}} {{received}}", "order.paid shop 1769860800" },
        { "{{/data/name}}", "Zo\xc3\xab <b>&\"'" },
        { "{{/data/price}} {{/data/yes}} {{/data/list/1}} {{/data/a~1b}}", "10.10 true two 1" },
        { "{{\"{{\"}} }} } { {{\"a \\\"b\\\" \\\\ }}\"}}", "{{ }} } { a \"b\" \\ }}" },
        { "{{/data/braces}}", "{{/data/name}}" }, /* a value is no template */
        { "{{/data/missing | default \"x\"}}", "x" },
        { "{{/data/none|default \"x\"}}{{/data/empty|default \"y\"}}[{{/data/empty}}]", "xy[]" },
        { "{{/data/missing | default /data/none | default /data/amount}}", "4999" },
        { "{{/data/missing | default \"\"}}", "" },
        { "{{/data/amount | money /data/currency}}", "49.99 EUR" },
        { "{{/data/amount | money \"jpy\"}} {{/data/amount|money /data/kwd}} {{/data/amount|money /data/clf}}",
          "4999 JPY 4.999 KWD 0.4999 CLF" },
        { "{{\"5\" | money \"USD\"}} {{\"0\" | money \"USD\"}} {{\"-0\" | money \"USD\"}} {{/data/negative | money "
          "\"USD\"}}",
          "0.05 USD 0.00 USD 0.00 USD -0.05 USD" },
        { "{{\"50\" | money \"KWD\"}} {{\"-50\" | money \"JPY\"}} {{\"100\" | money \"USD\"}}",
          "0.050 KWD -50 JPY 1.00 USD" },
        { "{{/data/digits | money \"USD\"}}", "123456789012345678.90 USD" },
        { "{{/data/amount | money /data/btc \"8\"}}", "0.00004999 BTC" },
        { "{{/data/amount | money /data/missing | default \"?\"}}", "?" },
        { "{{/data/missing | money \"EUR\" | default \"?\"}}", "?" },
        { "{{/data/time | time}}", "2023-11-14 22:13 UTC" },
        { "{{/data/time | time \"%d.%m.%Y\"}} {{/data/ms | time_ms \"%H:%M:%S\"}}", "14.11.2023 22:13:20" },
        { "{{/data/fraction | time \"%s\"}} {{received | time \"%Y\"}} {{\"-1\" | time \"%Y\"}}",
          "1700000000 2026 1969" },
        { "{{/data/time | time \"\"}}", "" },
        { "{{/data/path | url}}", "a%20b%2F%C3%A9%3F%26%3D%23" },
        { "{{/data/missing | time | url | default \"-\"}}", "-" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(render(rows[i][0], FORM_TEXT, NULL), rows[i][1]);
}

static void test_forms(void **state) {
    assert_string_equal(render("<p>{{/data/name}}</p>", FORM_HTML, NULL),
                        "<p>Zo\xc3\xab &lt;b&gt;&amp;&quot;&#39;</p>");
    assert_string_equal(render("{{/data/missing | default \"<i>\"}}", FORM_HTML, NULL), "&lt;i&gt;");
    assert_string_equal(render("a\n b\xe2\x9c\x93: {{/data/lines}}.", FORM_HEADER, NULL),
                        "a  b\xe2\x9c\x93: a Bcc: x@y z.");
    assert_string_equal(render("{{/data/lines}}", FORM_TEXT, NULL), "a\r\nBcc: x@y\xe2\x80\xa8\xc2\x85\t z");
}

/* A part of what the operator is told. */
static void test_mistakes(void **state) {
    static const char *const rows[][2] = {
        { "ab {{", "subject:1:4: {{ without }}" },
        { "{{id", "subject:1:1: {{ without }}" },
        { "{{\"}}", "with a \" that is not closed" },
        { "{{}}", "subject:1:3: a value must stand here" },
        { "{{ | money}}", "subject:1:4: a value must stand here" },
        { "{{data/x}}", "subject:1:3: \"data/x\" is no value: write a JSON Pointer" },
        { "{{ids}}", "\"ids\" is no value" },
        { "{{/a~2}}", "subject:1:5: in a JSON Pointer, ~ must be followed by" },
        { "{{/a b}}", "subject:1:6: a | must stand between" },
        { "\xc3\xa4\n\n{{id}} {{/x | mony /y}}", "subject:3:15: unknown filter \"mony\"; did you mean \"money\"?" },
        { "{{/x | frobnicate}}", "unknown filter \"frobnicate\"; there are default, money, time, time_ms, url" },
        { "{{/x |}}", "subject:1:7: the name of a filter must follow the |" },
        { "{{/x | default}}", "subject:1:8: too few arguments: write | default \"text\"" },
        { "{{/x | url /y}}", "subject:1:12: too many arguments: write | url" },
        { "{{/x | time \"a\" \"b\"}}", "too many arguments" },
        { "{{\"a\\n\"}}", "a \\ must be followed by" },
        { "{{/x|url|url|url|url|url|url|url|url|url}}", "more than eight filters" },
        { "a\xff", "subject:1:2: this is no UTF-8" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why;
        assert_null(render(rows[i][0], FORM_TEXT, &why));
        if (!strstr(why, rows[i][1]))
            fail_msg("%s: \"%s\" is not in \"%s\"", rows[i][0], rows[i][1], why);
    }
    const char *why;
    assert_null(render("{{/a | mony}} {{/b | tim}}", FORM_TEXT, &why));
    assert_non_null(strstr(why, "subject:1:8: unknown filter \"mony\""));
    assert_non_null(strstr(why, "subject:1:22: unknown filter \"tim\""));
}

static void test_faults(void **state) {
    static const char *const rows[][2] = {
        { "\na{{/data/missing}}",
          "subject:2:2: the event has nothing at /data/missing; if that may be, say what stands in: "
          "{{/data/missing | default \"…\"}}" },
        { "{{/data/none}}", "nothing at /data/none" },
        { "{{/data/amount | money /data/none}}", "nothing at /data/none" },
        { "{{/data/missing | default /data/none}}", "nothing at /data/none" },
        { "{{/data/list}}", "/data/list is a list" },
        { "{{/data/object}}", "/data/object is an object" },
        { "{{/data/nul}}", "NUL" },
        { "{{/data/price | money \"EUR\"}}", "\"10.10\" is no whole number of minor units" },
        { "{{/data/word | money \"EUR\"}}", "\"ten\" is no whole number" },
        { "{{\"\" | money \"EUR\"}}", "\"\" is no whole number" },
        { "{{/data/amount | money /data/btc}}", "\"BTC\" is no currency of ISO 4217" },
        { "{{/data/amount | money \"E R\"}}", "\"E R\" is no currency" },
        { "{{/data/amount | money /data/btc \"19\"}}", "\"19\" is no number of decimal digits" },
        { "{{/data/word | time}}", "\"ten\" is no unix time in seconds" },
        { "{{/data/digits | time}}", "is no unix time" },
        { "{{\"999999999999999\" | time}}", "is no unix time" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why;
        assert_null(render(rows[i][0], FORM_TEXT, &why));
        if (!strstr(why, rows[i][1]))
            fail_msg("%s: \"%s\" is not in \"%s\"", rows[i][0], rows[i][1], why);
    }
}

static void test_currencies(void **state) {
    static const struct {
        const char *code;
        int digits;
    } rows[] = { { "EUR", 2 },  { "usd", 2 }, { "JPY", 0 },   { "KRW", 0 },  { "VND", 0 },  { "CLP", 0 }, { "XPF", 0 },
                 { "BHD", 3 },  { "TND", 3 }, { "JOD", 3 },   { "CLF", 4 },  { "UYW", 4 },  { "AED", 2 }, { "ZWG", 2 },
                 { "BTC", -1 }, { "", -1 },   { "EURO", -1 }, { "UR ", -1 }, { " EU", -1 }, { "R U", -1 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (currency_digits(rows[i].code) != rows[i].digits)
            fail_msg("%s: %d digits, not %d", rows[i].code, currency_digits(rows[i].code), rows[i].digits);
}

static void test_time_zone(void **state) {
    setenv("TZ", ":Europe/Berlin", 1);
    tzset();
    assert_string_equal(render("{{/data/time | time}}", FORM_TEXT, NULL), "2023-11-14 23:13 CET");
    setenv("TZ", ":UTC", 1);
    tzset();
}

int main(void) {
    setenv("TZ", ":UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_forms),      cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_faults), cmocka_unit_test(test_currencies), cmocka_unit_test(test_time_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
