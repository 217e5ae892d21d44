/* A whole config file with every key, what stands in for keys that are absent, and files cut off anywhere. */
#include "config_test.h"

#include <sys/stat.h>

#include "base/log.h"
#include "config/yaml.h"

static const char full[] =
    "state: /var/lib/grapnel\n"
    "plugin_path: [ ./elsewhere, plugins ]\n"
    "listen:\n"
    "  - 127.0.0.1:8080\n"
    "  - { address: \"[::]:8443\" }\n"
    "  - :0\n"
    "  - { address: \"127.0.0.1:8444\", certificate: ./fullchain.pem, key: /etc/key.pem }\n"
    "  - { address: \"127.0.0.1:8445\", certificate: [ a.pem, { env: GRAPNEL_TEST_SECRET } ] }\n"
    "admin: { listen: 127.0.0.1:9180, token: { file: admin.token }, insecure: false }\n"
    "log: { level: warn, format: json }\n"
    "limits: { body: 64KiB, connections: 10, per_address: 5, threads: 7, request_timeout: 3s, stop_timeout: 4s }\n"
    "retain: { events: 1d, ids: 5d, dead: 2d, disk: 1GiB }\n"
    "sources:\n"
    "  cryptopay:\n"
    "    path: /webhook\n"
    "    signature: cryptopay\n"
    "    secrets: [ { env: GRAPNEL_TEST_SECRET }, { file: one.secret }, plain ]\n"
    "    tolerance: 90s\n"
    "    event: { id: [ /data/id, { header: X-Id } ], type: { header: X-Type } }\n"
    "    replay_guard: true\n"
    "  own:\n"
    "    path: /own\n"
    "    signature:\n"
    "      header: Paddle-Signature\n"
    "      separator: \";\"\n"
    "      items: [ \"h1={base64}\" ]\n"
    "      signed: \"{id}.{timestamp}.{url}.{body}\"\n"
    "      timestamp: { header: X-Time }\n"
    "      id: { header: X-Id }\n"
    "      hash: sha512\n"
    "      secret: hex\n"
    "    secrets: 00ff\n"
    "    url: https://shop.example/own\n"
    "    event: { id: { digest: body }, type: /type }\n"
    "plugins:\n"
    "  email:\n"
    "    file: email.so\n"
    "    workers: 2\n"
    "    deadline: 20s\n"
    "    memory: 64MiB\n"
    "    retry: { first: 1s, factor: 1.5, longest: 2h, jitter: 12.5%, attempts: 4, give_up: 3d }\n"
    "    breaker: { failures: 3, first: 2s, longest: 5m }\n"
    "    settings: { from: shop@example.org }\n"
    "  late:\n"
    "routes:\n"
    "  cryptopay/payment.*: [ email, late, email ]\n"
    "  \"*\": late\n";

static void assert_path(const struct config_test *test, const char *path, const char *name) {
    char expected[600];
    snprintf(expected, sizeof expected, "%s/%s", test->folder, name);
    assert_string_equal(path, expected);
}

static void every_key_is_read(void **state) {
    struct config_test *test = *state;
    const struct setup *setup = config_test_read_good(test, full);
    assert_string_equal(setup->path, "grapnel.yaml");
    assert_string_equal(setup->folder, test->folder);
    assert_string_equal(setup->state, "/var/lib/grapnel");
    assert_int_equal(setup->plugin_path_count, 2);
    assert_path(test, setup->plugin_path[0], "elsewhere");
    assert_path(test, setup->plugin_path[1], "plugins");
    assert_int_equal(setup->listen_count, 5);
    assert_string_equal(setup->listens[1].address, "[::]:8443");
    assert_int_equal(setup->listens[1].tls.count, 0);
    assert_string_equal(setup->listens[2].address, ":0");
    const struct setup_tls *tls = &setup->listens[3].tls;
    assert_int_equal(tls->count, 1);
    assert_path(test, tls->certificates[0].chain, "fullchain.pem");
    assert_string_equal(tls->certificates[0].key, "/etc/key.pem");
    assert_string_equal(tls->certificates[0].place, "grapnel.yaml:7:47");
    assert_string_equal(tls->certificates[0].key_place, "grapnel.yaml:7:69");
    tls = &setup->listens[4].tls;
    assert_int_equal(tls->count, 2);
    assert_path(test, tls->certificates[1].chain, "whsec_from_the_environment");
    assert_null(tls->certificates[1].key);
    assert_string_equal(tls->certificates[1].key_place, "grapnel.yaml:8:56");
    assert_string_equal(setup->admin_listen, "127.0.0.1:9180");
    assert_path(test, setup->admin_token_file, "admin.token");
    assert_null(setup->admin_token); /* made by the first start */
    assert_int_equal(setup->log_level, LOG_LEVEL_WARN);
    assert_int_equal(setup->log_format, LOG_FORMAT_JSON);
    const struct setup_limits *limits = &setup->limits;
    assert_int_equal(limits->body, 65536);
    assert_int_equal(limits->connections, 10);
    assert_int_equal(limits->per_address, 5);
    assert_int_equal(limits->threads, 7);
    assert_int_equal(limits->request_timeout_ms, 3000);
    assert_int_equal(limits->stop_timeout_ms, 4000);
    assert_int_equal(setup->retain.events_ms, 86400000);
    assert_int_equal(setup->retain.ids_ms, 5 * 86400000);
    assert_int_equal(setup->retain.dead_ms, 2 * 86400000);
    assert_int_equal(setup->retain.disk_bytes, 1 << 30);
}

static void sources_are_read(void **state) {
    const struct setup *setup = config_test_read_good(*state, full);
    assert_int_equal(setup->source_count, 2);
    const struct setup_source *source = setup_source_by_name(setup, "cryptopay");
    assert_ptr_equal(source, &setup->sources[0]);
    assert_string_equal(source->path, "/webhook");
    assert_string_equal(source->scheme.name, "cryptopay");
    assert_int_equal(source->key_count, 3);
    assert_int_equal(source->tolerance_ms, 90000);
    assert_string_equal(source->scheme.event_id[0], "/data/id");
    assert_string_equal(source->scheme.event_id[1], "header:X-Id");
    assert_null(source->scheme.event_id[2]);
    assert_string_equal(source->scheme.event_type[0], "header:X-Type");
    assert_true(source->replay_guard);

    source = setup_source_by_name(setup, "own");
    assert_null(source->scheme.name);
    assert_string_equal(source->scheme.header, "Paddle-Signature");
    assert_string_equal(source->scheme.separator, ";");
    assert_string_equal(source->scheme.items[0], "h1={base64}");
    assert_null(source->scheme.items[1]);
    assert_string_equal(source->scheme.signed_template, "{id}.{timestamp}.{url}.{body}");
    assert_string_equal(source->scheme.timestamp_header, "X-Time");
    assert_string_equal(source->scheme.id_header, "X-Id");
    assert_int_equal(source->scheme.hash, SIGNATURE_SHA512);
    assert_int_equal(source->scheme.secret, SIGNATURE_SECRET_HEX);
    assert_int_equal(source->key_count, 1);
    assert_string_equal(source->url, "https://shop.example/own");
    assert_string_equal(source->scheme.event_id[0], "digest:body");
    assert_false(source->replay_guard);
    assert_null(setup_source_by_name(setup, "other"));
}

static void plugins_are_read(void **state) {
    struct config_test *test = *state;
    const struct setup *setup = config_test_read_good(test, full);
    assert_int_equal(setup->plugin_count, 2);
    const struct setup_plugin *plugin = &setup->plugins[0];
    assert_string_equal(plugin->name, "email");
    assert_path(test, plugin->file, "plugins/email.so");
    assert_int_equal(plugin->workers, 2);
    assert_int_equal(plugin->deadline_ms, 20000);
    assert_int_equal(plugin->memory_bytes, 64 << 20);
    assert_int_equal(plugin->retry.first_ms, 1000);
    assert_true(plugin->retry.factor == 1.5);
    assert_int_equal(plugin->retry.longest_ms, 7200000);
    assert_true(plugin->retry.jitter == 0.125);
    assert_int_equal(plugin->retry.attempts, 4);
    assert_int_equal(plugin->retry.give_up_ms, 3 * 86400000);
    assert_int_equal(plugin->breaker.failures, 3);
    assert_int_equal(plugin->breaker.first_ms, 2000);
    assert_int_equal(plugin->breaker.longest_ms, 300000);
    assert_string_equal(yaml_member(plugin->settings, "from")->text, "shop@example.org");
    assert_string_equal(plugin->place, "grapnel.yaml:36:3");
    assert_path(test, setup->plugins[1].file, "installed/late.so");
    assert_null(setup->plugins[1].settings);
    assert_lines(test, &test->warnings, "");
}

#define QUIET                                                                                                          \
    "sources:\n  s: { path: /, signature: stripe, secrets: x }\nplugins: { email: }\nroutes: { \"*\": email }\n"

static void the_admins_token(void **state) {
    struct config_test *test = *state;
    const struct setup *setup = config_test_read_good(test, QUIET "admin: { listen: \"localhost:0\" }\n");
    assert_path(test, setup->admin_token_file, "state/admin.token");
    assert_null(setup->admin_token);
    assert_false(setup->admin_insecure);
    assert_lines(test, &test->warnings, "");

    assert_int_equal(mkdir("state", 0700), 0);
    test_write_text("state/admin.token", "made-by-the-first-start\n");
    assert_int_equal(chmod("state/admin.token", 0640), 0);
    setup = config_test_read_good(test, QUIET "admin: { listen: \"[::1]:0\" }\n");
    assert_path(test, setup->admin_token_file, "state/admin.token");
    assert_string_equal(setup->admin_token, "made-by-the-first-start");
    assert_lines(test, &test->warnings, "");

    assert_int_equal(chmod("state/admin.token", 0604), 0);
    setup = config_test_read_good(test, QUIET
                                  "admin: { listen: 0.0.0.0:0, insecure: true, token: { file: state/admin.token } }\n");
    assert_true(setup->admin_insecure);
    assert_string_equal(setup->admin_token, "made-by-the-first-start");
    assert_int_equal(test->warnings.count, 1);
    assert_non_null(strstr(test->warnings.texts[0], "grapnel.yaml:5:60: warning: admin: \"token\": every user of this "
                                                    "machine can read the file "));
    assert_non_null(strstr(test->warnings.texts[0], "/state/admin.token; `chmod o= FILE`"));

    setup = config_test_read_good(test, QUIET "admin: { listen: 127.0.0.9:0, token: { env: GRAPNEL_TEST_SECRET } }\n");
    assert_string_equal(setup->admin_token, "whsec_from_the_environment");
    assert_null(setup->admin_token_file);
    setup = config_test_read_good(test, QUIET "admin: { token: 0123456789abcdef }\n");
    assert_string_equal(setup->admin_token, "0123456789abcdef");
    assert_lines(test, &test->warnings,
                 "grapnel.yaml:5:8: warning: admin: without \"listen\" nothing is asked over TCP, "
                 "and the rest has no effect\n");

    test_write_text("state/admin.token", "\n");
    assert_null(config_test_read(test, QUIET "admin: { listen: 127.0.0.1:0 }\n"));
    assert_lines(test, &test->mistakes, "grapnel.yaml:5:18: admin: the token is empty\n");
}

static void absent_keys_have_defaults(void **state) {
    struct config_test *test = *state;
    const struct setup *setup = config_test_read_good(test, "sources:\n"
                                                            "  s: { path: /, signature: stripe, secrets: x }\n"
                                                            "plugins: { email: }\n"
                                                            "routes: { \"*\": email }\n");
    assert_lines(test, &test->warnings, "");
    assert_path(test, setup->state, "state");
    assert_int_equal(setup->plugin_path_count, 1);
    assert_path(test, setup->plugin_path[0], "plugins");
    assert_int_equal(setup->listen_count, 1);
    assert_string_equal(setup->listens[0].address, "127.0.0.1:8080");
    assert_null(setup->admin_listen);
    assert_int_equal(setup->log_level, LOG_LEVEL_INFO);
    assert_int_equal(setup->log_format, LOG_FORMAT_TEXT);
    assert_int_equal(setup->limits.body, 1 << 20);
    assert_int_equal(setup->limits.connections, 2048);
    assert_int_equal(setup->limits.per_address, 256);
    assert_int_equal(setup->limits.threads, 128);
    assert_int_equal(setup->limits.request_timeout_ms, 10000);
    assert_int_equal(setup->limits.stop_timeout_ms, 25000);
    assert_int_equal(setup->retain.events_ms, INT64_C(7) * 86400000);
    assert_int_equal(setup->retain.ids_ms, INT64_C(30) * 86400000);
    assert_int_equal(setup->retain.dead_ms, INT64_C(90) * 86400000);
    assert_int_equal(setup->retain.disk_bytes, INT64_C(20) << 30);
    assert_int_equal(setup->sources[0].tolerance_ms, 300000);
    assert_string_equal(setup->sources[0].scheme.event_id[0], "/id");
    const struct setup_plugin *plugin = &setup->plugins[0];
    assert_int_equal(plugin->workers, 1);
    assert_int_equal(plugin->deadline_ms, 30000);
    assert_int_equal(plugin->memory_bytes, 256 << 20);
    assert_int_equal(plugin->retry.first_ms, 5000);
    assert_true(plugin->retry.factor == 3);
    assert_int_equal(plugin->retry.longest_ms, 6 * 3600000);
    assert_true(plugin->retry.jitter == 0.2);
    assert_int_equal(plugin->retry.attempts, 20);
    assert_int_equal(plugin->retry.give_up_ms, 72 * 3600000);
    assert_int_equal(plugin->breaker.failures, 10);
    assert_int_equal(plugin->breaker.first_ms, 30000);
    assert_int_equal(plugin->breaker.longest_ms, 600000);
}

static void spelled_out_signature_has_defaults(void **state) {
    const struct setup *setup =
        config_test_read_good(*state, "sources:\n"
                                      "  s:\n"
                                      "    path: /\n"
                                      "    signature: { header: X-Signature, items: \"{hex}\", signed: \"{body}\" }\n"
                                      "    secrets: x\n"
                                      "    event: { id: /id, type: /type }\n");
    const struct signature_scheme *scheme = &setup->sources[0].scheme;
    assert_string_equal(scheme->separator, ",");
    assert_int_equal(scheme->hash, SIGNATURE_SHA256);
    assert_int_equal(scheme->secret, SIGNATURE_SECRET_RAW);
    assert_null(scheme->timestamp_header);
    assert_null(scheme->id_header);
}

static bool replay_guard_of(struct config_test *test, const char *signature, const char *more) {
    char text[512];
    snprintf(text, sizeof text, "sources: { s: { path: /, signature: %s, secrets: whsec_MTIzNA==%s } }\n", signature,
             more);
    return config_test_read_good(test, text)->sources[0].replay_guard;
}

static void replay_guard_is_on_where_the_id_is_not_signed(void **state) {
    assert_true(replay_guard_of(*state, "github", ""));
    assert_true(replay_guard_of(*state, "shopify", ""));
    assert_false(replay_guard_of(*state, "github", ", replay_guard: false"));
    assert_false(replay_guard_of(*state, "github", ", event: { id: /id }"));
    assert_false(replay_guard_of(*state, "standard", ""));
    assert_false(replay_guard_of(*state, "stripe", ""));
    assert_true(replay_guard_of(*state, "stripe", ", replay_guard: true"));
}

static void texts_come_from_files_and_the_environment(void **state) {
    struct config_test *test = *state;
    setenv("GRAPNEL_TEST_STATE", "from/environment", 1);
    test_write_text("listen.text", "127.0.0.1:81\n");
    const struct setup *setup =
        config_test_read_good(test, "state: { env: GRAPNEL_TEST_STATE }\nlisten: [ { file: ./listen.text } ]\n");
    assert_path(test, setup->state, "from/environment");
    assert_string_equal(setup->listens[0].address, "127.0.0.1:81");
    test_write_text("listen.text", "127.0.0.1:82"); /* no newline to cut */
    setup = config_test_read_good(test, "listen: { file: listen.text }\n");
    assert_string_equal(setup->listens[0].address, "127.0.0.1:82");
    test_write_text("listen.text", "127.0.0.1:82\n\n"); /* only one is cut */
    config_test_read(test, "listen: { file: listen.text }\n");
    assert_lines(test, &test->mistakes,
                 "grapnel.yaml:1:9: listen: the port of \"127.0.0.1:82\n\" must be a number from 0 to 65535\n");
}

static void state_is_found_in_a_broken_file(void **state) {
    struct config_test *test = *state;
    struct fault fault = { 0 };
    test_write_text("grapnel.yaml", "state: here\nunknown: 1\nplugins: [ broken\nx: }\n");
    char *found = setup_read_state("grapnel.yaml", &fault);
    assert_path(test, found, "here");
    free(found);
    test_write_text("grapnel.yaml", "listen: nonsense\n");
    found = setup_read_state("grapnel.yaml", &fault);
    assert_path(test, found, "state");
    free(found);
    test_write_text("grapnel.yaml", "log: [\n}\nstate: here\n");
    assert_null(setup_read_state("grapnel.yaml", &fault));
    assert_non_null(strstr(fault.text, "grapnel.yaml:2:1: "));
    test_write_text("grapnel.yaml", "state: { env: GRAPNEL_TEST_UNSET }\n");
    assert_null(setup_read_state("grapnel.yaml", &fault));
    assert_string_equal(fault.text,
                        "grapnel.yaml:1:15: \"state\": the environment variable GRAPNEL_TEST_UNSET is not set");
    assert_null(setup_read_state("none.yaml", &fault));
    assert_non_null(strstr(fault.text, "none.yaml: the config file can't be read: No such file or directory"));
}

static void default_path_is_given_configured_or_found(void **state) {
    unsetenv("GRAPNEL_CONFIG");
    assert_string_equal(setup_default_path("my.yaml"), "my.yaml");
    assert_string_equal(setup_default_path(NULL), "/etc/grapnel/grapnel.yaml");
    struct fault fault = { 0 };
    assert_true(setup_default_is_there("my.yaml", &fault));
    if (access("/etc/grapnel/grapnel.yaml", F_OK) != 0) {
        assert_false(setup_default_is_there(NULL, &fault));
        assert_non_null(strstr(fault.text, "there is no ./grapnel.yaml and no /etc/grapnel/grapnel.yaml"));
    }
    test_write_text("grapnel.yaml", "state: x\n");
    assert_string_equal(setup_default_path(NULL), "grapnel.yaml");
    setenv("GRAPNEL_CONFIG", "other.yaml", 1);
    assert_string_equal(setup_default_path(NULL), "other.yaml");
    assert_string_equal(setup_default_path("my.yaml"), "my.yaml");
    unsetenv("GRAPNEL_CONFIG");
}

/* Under the address sanitizer this is a fuzz test of every reader. */
static void a_file_cut_off_anywhere_is_read_or_refused(void **state) {
    struct config_test *test = *state;
    char text[sizeof full];
    for (size_t length = 0; length < sizeof full; length++) {
        memcpy(text, full, length);
        text[length] = '\0';
        config_test_read(test, text);
    }
    assert_non_null(test->setup); /* the last was whole */
}

static void a_file_with_any_byte_changed_is_read_or_refused(void **state) {
    struct config_test *test = *state;
    char text[sizeof full];
    for (size_t i = 0; i < sizeof full - 1; i++) {
        static const char bytes[] = "*[{]}:\n\"!\xff";
        memcpy(text, full, sizeof full);
        text[i] = bytes[i % (sizeof bytes - 1)];
        config_test_read(test, text);
    }
}

/* Only `grapnel explain` asks for them; the daemon keeps keys alone. */
static void secrets_are_kept_only_when_asked_for(void **state) {
    struct config_test *test = *state;
    struct setup_options options = { .path = "grapnel.yaml" };
    static const char *const texts[] = { "whsec_from_the_environment", "whsec_from_a_file", "plain" };
    config_test_read_good(test, "sources:\n  s:\n    path: /\n    signature: stripe\n"
                                "    secrets: [ { env: GRAPNEL_TEST_SECRET }, { file: one.secret }, plain ]\n");
    assert_int_equal(test->setup->sources[0].key_count, 3);
    for (int i = 0; i < SIGNATURE_SECRET_LIMIT; i++)
        assert_null(test->setup->sources[0].secret_texts[i]);
    config_test_clear(test);
    options.keep_secrets = true;
    test->setup = setup_read(&options, &test->mistakes, &test->warnings);
    assert_non_null(test->setup);
    for (int i = 0; i < 3; i++)
        assert_string_equal(test->setup->sources[0].secret_texts[i], texts[i]);
    assert_null(test->setup->sources[0].secret_texts[3]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_test_setup, config_test_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(secrets_are_kept_only_when_asked_for),
        TEST(every_key_is_read),
        TEST(sources_are_read),
        TEST(plugins_are_read),
        TEST(the_admins_token),
        TEST(absent_keys_have_defaults),
        TEST(spelled_out_signature_has_defaults),
        TEST(replay_guard_is_on_where_the_id_is_not_signed),
        TEST(texts_come_from_files_and_the_environment),
        TEST(state_is_found_in_a_broken_file),
        TEST(default_path_is_given_configured_or_found),
        TEST(a_file_cut_off_anywhere_is_read_or_refused),
        TEST(a_file_with_any_byte_changed_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
