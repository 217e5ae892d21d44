/* Loading: what a plugin may get wrong, and that the text says what to do about it. */
#include "rig.h"

#include "host/load.h"

static struct loaded_plugin loaded;
static struct fault fault;

static void assert_refused(const char *file, const char *reason) {
    fault.text[0] = '\0';
    bool done = plugin_load(file, &loaded, &fault);
    plugin_release(&loaded);
    if (done || !strstr(fault.text, reason))
        fail_msg("%s: wanted \"%s\", got \"%s\"", file, reason, fault.text);
    assert_non_null(strstr(fault.text, file));
}

static void test_good(void **state) {
    assert_true(plugin_load(rig_plugin("tests/plugins", "settings_all"), &loaded, &fault));
    assert_string_equal(loaded.plugin.name, "settings_all");
    assert_string_equal(loaded.plugin.version, "1.0.0");
    assert_int_equal(loaded.setting_count, 13);
    assert_string_equal(loaded.settings[11].name, "templates/*/subject");
    assert_string_equal(loaded.settings[11].fallback, "News");
    assert_null(loaded.settings[12].fallback);
    assert_null(loaded.plugin.flush);
    plugin_release(&loaded);
}

static void test_no_plugin(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_refused(rig_path(&rig, "missing.so"), "No such file or directory");
    FILE *file = fopen(rig_path(&rig, "text.so"), "w");
    assert_non_null(file);
    assert_true(fputs("this is no shared object, but a text that is long enough to hold a header\n", file) >= 0);
    fclose(file);
    assert_refused(rig_path(&rig, "text.so"), "is it a shared object");
    assert_refused(rig_plugin("tests/plugins", "no_symbol"), "GRAPNEL_PLUGIN");
    rig_end(&rig);
}

static void test_broken(void **state) {
    static const struct {
        const char *how, *reason;
    } cases[] = {
        { "null", "returned null" },
        { "size", "16 bytes" },
        { "no_name", "has no name" },
        { "bad_name", "invalid name" },
        { "no_deliver", "no deliver function" },
        { "setting_size", "setting_size is 8" },
        { "setting_name", "\"a//b\" is no name" },
        { "setting_star", "\"a/b*\" is no name" },
        { "setting_kind", "kind 99 is unknown" },
        { "setting_twice", "stands twice" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("GRAPNEL_TEST_BROKEN", cases[i].how, 1);
        assert_refused(rig_plugin("tests/plugins", "broken"), cases[i].reason);
    }
}

/* Built with a later header: larger structs, larger rows. What this host doesn't know is left out. */
static void test_newer(void **state) {
    setenv("GRAPNEL_TEST_BROKEN", "newer", 1);
    assert_true(plugin_load(rig_plugin("tests/plugins", "broken"), &loaded, &fault));
    assert_int_equal(loaded.plugin.abi_minor, 7);
    assert_int_equal(loaded.setting_count, 2);
    assert_string_equal(loaded.settings[0].help, "");
    assert_string_equal(loaded.settings[1].name, "second");
    assert_string_equal(loaded.settings[1].help, "Help");
    assert_string_equal(loaded.plugin.version, "");
    plugin_release(&loaded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_no_plugin),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_newer),
    };
    return cmocka_run_group_tests_name("host load", tests, NULL, NULL);
}
