/* A plugin's settings along the plugin's own table. */
#include "config_test.h"

#include "config/settings.h"
#include "grapnel/plugin.h"

/* A table as it comes from the plugin's process. Rows end with a null name. */
static struct setting_table table_of(const struct grapnel_setting *rows) {
    struct setting_table table = { .rows = calloc(64, sizeof *table.rows) };
    for (; rows[table.count].name; table.count++) {
        const struct grapnel_setting *row = &rows[table.count];
        table.rows[table.count] = (struct setting_row){ .name = strdup(row->name),
                                                        .kind = row->kind,
                                                        .fallback = row->fallback ? strdup(row->fallback) : NULL,
                                                        .help = strdup(row->help ? row->help : "") };
    }
    return table;
}

static const struct grapnel_setting rows[] = {
    { "smtp_url", GRAPNEL_TEXT, NULL, "where mail is handed over, smtp://host:587" },
    { "password", GRAPNEL_SECRET, "", "for the mail server" },
    { "port", GRAPNEL_INTEGER, "25", "" },
    { "tls", GRAPNEL_BOOLEAN, "true", "" },
    { "timeout", GRAPNEL_DURATION, "1.5s", "" },
    { "largest", GRAPNEL_SIZE, "", "" },
    { "proxy/host", GRAPNEL_TEXT, "none", "" },
    { "command/*", GRAPNEL_TEXT, NULL, "a list of texts" },
    { "headers/*", GRAPNEL_SECRET, NULL, "" },
    { "templates/*/subject", GRAPNEL_TEXT, NULL, "the subject line" },
    { "templates/*/size", GRAPNEL_SIZE, "1KiB", "" },
    { NULL, 0, NULL, NULL },
};

/* Checks `settings` (the lines below it, or what stands behind the colon) of a plugin email, and gives every value as a line. */
static const char *check_with(struct config_test *test, const struct grapnel_setting *table_rows,
                              const char *settings) {
    static char lines[4096];
    char text[2048];
    snprintf(text, sizeof text, "plugins:\n  email:\n    settings:%s\nroutes: { \"*\": email }\n", settings);
    config_test_read_good(test, text);
    struct setting_table table = table_of(table_rows);
    struct settings *checked = settings_check(test->setup, &test->setup->plugins[0], &table, &test->mistakes);
    assert_int_equal(checked == NULL, test->mistakes.count > 0);
    size_t used = 0;
    lines[0] = '\0';
    for (int i = 0; checked && i < checked->count; i++) {
        const struct setting_value *value = &checked->values[i];
        used += (size_t)snprintf(lines + used, sizeof lines - used, "%s=%s", value->path, value->text);
        if (value->kind != GRAPNEL_TEXT && value->kind != GRAPNEL_SECRET)
            used += (size_t)snprintf(lines + used, sizeof lines - used, " %lld", (long long)value->number);
        used += (size_t)snprintf(lines + used, sizeof lines - used, "\n");
    }
    settings_free(checked);
    setting_table_free(&table);
    return lines;
}

static const char *check(struct config_test *test, const char *settings) {
    return check_with(test, rows, settings);
}

static void values_are_typed_and_fallbacks_come_last(void **state) {
    struct config_test *test = *state;
    assert_string_equal(check(test, " { timeout: 5m, smtp_url: a, tls: false, largest: 2KiB, proxy: { host: b } }"),
                        "timeout=5m 300000\nsmtp_url=a\ntls=false 0\nlargest=2KiB 2048\nproxy/host=b\n"
                        "password=\nport=25 25\n");
    assert_string_equal(check(test, " { smtp_url: \"\" }"),
                        "smtp_url=\npassword=\nport=25 25\ntls=true 1\ntimeout=1.5s 1500\nlargest= 0\n"
                        "proxy/host=none\n");
}

static void lists_and_maps_become_paths(void **state) {
    struct config_test *test = *state;
    static const char *const fallbacks =
        "password=\nport=25 25\ntls=true 1\ntimeout=1.5s 1500\nlargest= 0\nproxy/host=none\n";
    char expected[1024];
    snprintf(expected, sizeof expected,
             "smtp_url=a\ncommand/0=sort\ncommand/1=-u\nheaders/X-A~1b~0=1\n"
             "templates/order.paid/size=2 2\ntemplates/order.paid/subject=Thanks\n"
             "templates/order.lost/subject=Sorry\ntemplates/order.lost/size=1KiB 1024\n%s",
             fallbacks);
    assert_string_equal(check(test, "\n      smtp_url: a\n      command: [ sort, -u ]\n      headers: { X-A/b~: 1 }\n"
                                    "      templates:\n        order.paid: { size: 2, subject: Thanks }\n"
                                    "        order.lost: { subject: Sorry }\n"),
                        expected);
    snprintf(expected, sizeof expected, "smtp_url=a\ncommand/first=x\n%s", fallbacks);
    assert_string_equal(check(test, " { smtp_url: a, command: { first: x }, templates: , headers: [] }"), expected);
}

static void texts_come_from_files_and_the_environment(void **state) {
    struct config_test *test = *state;
    const char *values =
        check(test, " { smtp_url: { env: GRAPNEL_TEST_SECRET }, password: { file: one.secret }, headers: { a: { file: "
                    "one.secret } }, command: { env: x } }");
    assert_ptr_equal(
        strstr(values, "smtp_url=whsec_from_the_environment\npassword=whsec_from_a_file\nheaders/a=whsec_from_a_file\n"
                       "command/env=x\n"),
        values);
}

static void assert_mistakes(struct config_test *test, const char *settings, const char *expected) {
    check(test, settings);
    assert_lines(test, &test->mistakes, expected);
}

static void mistakes_have_places(void **state) {
    struct config_test *test = *state;
    assert_mistakes(test, "\n      smpt_url: a",
                    "grapnel.yaml:4:7: plugin \"email\": unknown setting \"smpt_url\"; did you mean \"smtp_url\"?\n"
                    "grapnel.yaml:2:3: plugin \"email\": the setting \"smtp_url\" is missing (where mail is handed "
                    "over, smtp://host:587)\n");
    assert_mistakes(test, "",
                    "grapnel.yaml:2:3: plugin \"email\": the setting \"smtp_url\" is missing (where mail is handed "
                    "over, smtp://host:587)\n");
    assert_mistakes(
        test, " { smtp_url: a, port: x, tls: yes, timeout: 5, largest: 1MB }",
        "grapnel.yaml:3:36: plugin \"email\": \"port\" must be a whole number, not \"x\"\n"
        "grapnel.yaml:3:44: plugin \"email\": \"tls\" must be true or false, not \"yes\"\n"
        "grapnel.yaml:3:58: plugin \"email\": \"timeout\" must be a duration like 500ms, 10s, 5m, 6h or 30d, not "
        "\"5\"\n"
        "grapnel.yaml:3:70: plugin \"email\": \"largest\" must be a size like 512, 64KiB or 1MiB, not \"1MB\"\n");
}

static void containers_and_texts_are_told_apart(void **state) {
    struct config_test *test = *state;
    assert_mistakes(test, " { smtp_url: [ a ] }",
                    "grapnel.yaml:3:27: plugin \"email\": \"smtp_url\" must be a text, { file: PATH } or { env: NAME "
                    "}, not a list\n");
    assert_mistakes(test, " { smtp_url: { a: b } }",
                    "grapnel.yaml:3:27: plugin \"email\": \"smtp_url\" must be a text, { file: PATH } or { env: NAME "
                    "}, not a map\n");
    assert_mistakes(test, " { smtp_url: a, port: { env: HOME } }",
                    "grapnel.yaml:3:36: plugin \"email\": \"port\" must be a whole number, not a map\n");
    assert_mistakes(test, " { smtp_url: a, command: sort -u }",
                    "grapnel.yaml:3:39: plugin \"email\": \"command\" must be a list or a map, not a text\n");
    assert_mistakes(test, " { smtp_url: a, command: [ [ sort ] ] }",
                    "grapnel.yaml:3:41: plugin \"email\": \"command/0\" must be a text, { file: PATH } or { env: NAME "
                    "}, not a list\n");
    assert_mistakes(test, " { smtp_url: a, templates: [ { subject: x } ] }",
                    "grapnel.yaml:3:41: plugin \"email\": \"templates\" must be a map, not a list\n");
    assert_mistakes(test, " { smtp_url: a, templates: { x: y } }",
                    "grapnel.yaml:3:46: plugin \"email\": \"templates/x\" must be a map, not a text\n");
    assert_mistakes(test, " { smtp_url: a, proxy: x }",
                    "grapnel.yaml:3:37: plugin \"email\": \"proxy\" must be a map, not a text\n");
}

static void entries_must_be_whole_and_known(void **state) {
    struct config_test *test = *state;
    assert_mistakes(
        test, " { smtp_url: a, templates: { x: { subjct: y } } }",
        "grapnel.yaml:3:48: plugin \"email\": unknown setting \"templates/x/subjct\"; did you mean \"subject\"?\n"
        "grapnel.yaml:3:43: plugin \"email\": the setting \"templates/x/subject\" is missing (the subject line)\n");
    assert_mistakes(
        test, " { smtp_url: a, templates: { x: } }",
        "grapnel.yaml:3:43: plugin \"email\": the setting \"templates/x/subject\" is missing (the subject line)\n");
    assert_mistakes(
        test, " { smtp_url: a, proxy: { user: me } }",
        "grapnel.yaml:3:39: plugin \"email\": unknown setting \"proxy/user\"; the settings here are host\n");
    assert_mistakes(test, " { smtp_url: a, \"\": { smtp_url: b } }",
                    "grapnel.yaml:3:30: plugin \"email\": unknown setting \"\"; the settings here are smtp_url, "
                    "password, port, tls, "
                    "timeout, largest, proxy, command, headers, templates\n");
    assert_mistakes(test, " { smtp_url: a, \"proxy/host\": b }",
                    "grapnel.yaml:3:30: plugin \"email\": unknown setting \"proxy~1host\"; the settings here are "
                    "smtp_url, password, "
                    "port, tls, timeout, largest, proxy, command, headers, templates\n");
    assert_mistakes(
        test, " { smtp_url: { env: GRAPNEL_TEST_UNSET }, password: { file: none } }",
        "grapnel.yaml:3:34: plugin \"email\": \"smtp_url\": the environment variable GRAPNEL_TEST_UNSET is not set\n"
        "grapnel.yaml:3:74: plugin \"email\": \"password\": the file FOLDER/none can't be read: No such file or "
        "directory\n");
}

static void a_plugin_may_take_none_or_anything(void **state) {
    struct config_test *test = *state;
    static const struct grapnel_setting none[] = { { NULL, 0, NULL, NULL } };
    static const struct grapnel_setting anything[] = { { "*", GRAPNEL_TEXT, NULL, NULL },
                                                       { "port", GRAPNEL_INTEGER, "1", NULL },
                                                       { "maps/*/a", GRAPNEL_TEXT, "b", NULL },
                                                       { "maps/x/a", GRAPNEL_TEXT, "c", NULL },
                                                       { NULL, 0, NULL, NULL } };
    assert_string_equal(check_with(test, none, ""), "");
    assert_int_equal(test->mistakes.count, 0);
    check_with(test, none, " { a: b }");
    assert_lines(test, &test->mistakes, "grapnel.yaml:3:17: plugin \"email\": unknown setting \"a\"; it takes none\n");
    assert_string_equal(check_with(test, anything, " { a: b, port: 2, maps: { x: , y: } }"),
                        "a=b\nport=2 2\nmaps/y/a=b\nmaps/x/a=c\n");
    check_with(test, anything, " { port: b }"); /* the row that names it counts, not the star's */
    assert_lines(test, &test->mistakes,
                 "grapnel.yaml:3:23: plugin \"email\": \"port\" must be a whole number, not \"b\"\n");
}

static void a_wrong_table_is_blamed_on_the_plugin(void **state) {
    struct config_test *test = *state;
    static const struct grapnel_setting wrong_fallback[] = { { "port", GRAPNEL_INTEGER, "many", NULL },
                                                             { NULL, 0, NULL, NULL } };
    check_with(test, wrong_fallback, "");
    assert_lines(test, &test->mistakes,
                 "grapnel.yaml:2:3: plugin \"email\": its own table of settings is wrong, for its author to mend: "
                 "\"port\" must be a "
                 "whole number, not \"many\"\n");
    static const struct grapnel_setting wrong_names[] = { { "a//b", GRAPNEL_TEXT, "", NULL },
                                                          { "/a", GRAPNEL_TEXT, "", NULL },
                                                          { "a/", GRAPNEL_TEXT, "", NULL },
                                                          { "a*", GRAPNEL_TEXT, "", NULL },
                                                          { "", GRAPNEL_TEXT, "", NULL },
                                                          { "a", 99, "", NULL },
                                                          { "a", -1, "", NULL },
                                                          { NULL, 0, NULL, NULL } };
    for (int i = 0; wrong_names[i].name; i++) {
        struct grapnel_setting one[] = { wrong_names[i], { NULL, 0, NULL, NULL } };
        char expected[256];
        snprintf(expected, sizeof expected,
                 "grapnel.yaml:2:3: plugin \"email\": its own table of settings is wrong, for its author to mend: "
                 "\"%s\" of kind %d is no "
                 "setting\n",
                 one[0].name, one[0].kind);
        check_with(test, one, "");
        assert_lines(test, &test->mistakes, expected);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_test_setup, config_test_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_are_typed_and_fallbacks_come_last),  TEST(lists_and_maps_become_paths),
        TEST(texts_come_from_files_and_the_environment), TEST(mistakes_have_places),
        TEST(containers_and_texts_are_told_apart),       TEST(entries_must_be_whole_and_known),
        TEST(a_plugin_may_take_none_or_anything),        TEST(a_wrong_table_is_blamed_on_the_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
