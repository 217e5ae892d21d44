/* A folder for one test with a config file in it, and what reading it said. */
#ifndef CONFIG_TEST_H
#define CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/setup.h"

/* Everything is read from inside the folder, so that messages say "grapnel.yaml:…" as they do for a user. */
struct config_test {
    char folder[64], before[512];
    struct fault_list mistakes, warnings;
    struct setup *setup;
};

__attribute__((unused)) static void test_write(const char *name, const void *data, size_t length) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, strstr(name, ".secret") ? 0600 : 0644), 0); /* others may not read secrets */
}

__attribute__((unused)) static void test_write_text(const char *name, const char *text) {
    test_write(name, text, strlen(text));
}

__attribute__((unused)) static int config_test_setup(void **state) {
    struct config_test *test = calloc(1, sizeof *test);
    strcpy(test->folder, "/tmp/grapnel-config-XXXXXX");
    assert_non_null(mkdtemp(test->folder));
    assert_non_null(getcwd(test->before, sizeof test->before));
    assert_int_equal(chdir(test->folder), 0);
    assert_int_equal(system("mkdir plugins installed && touch plugins/email.so plugins/logging.so installed/late.so"),
                     0);
    test_write_text("one.secret", "whsec_from_a_file\n");
    assert_int_equal(setenv("GRAPNEL_TEST_SECRET", "whsec_from_the_environment", 1), 0);
    unsetenv("GRAPNEL_TEST_UNSET");
    *state = test;
    return 0;
}

__attribute__((unused)) static void config_test_clear(struct config_test *test) {
    setup_free(test->setup);
    test->setup = NULL;
    fault_list_free(&test->mistakes);
    fault_list_free(&test->warnings);
}

__attribute__((unused)) static int config_test_teardown(void **state) {
    struct config_test *test = *state;
    config_test_clear(test);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", test->folder);
    int failed = chdir(test->before) || system(command);
    free(test);
    return failed;
}

/* Reads `text` as grapnel.yaml; the setup is null if there were mistakes. */
__attribute__((unused)) static struct setup *config_test_read(struct config_test *test, const char *text) {
    char installed[96];
    config_test_clear(test);
    test_write_text("grapnel.yaml", text);
    snprintf(installed, sizeof installed, "%s/installed", test->folder);
    struct setup_options options = { .path = "grapnel.yaml", .installed_plugins = installed };
    test->setup = setup_read(&options, &test->mistakes, &test->warnings);
    assert_int_equal(test->setup == NULL, test->mistakes.count > 0);
    return test->setup;
}

__attribute__((unused)) static struct setup *config_test_read_good(struct config_test *test, const char *text) {
    config_test_read(test, text);
    for (size_t i = 0; i < test->mistakes.count; i++)
        print_error("%s\n", test->mistakes.texts[i]);
    assert_non_null(test->setup);
    return test->setup;
}

/* The lines joined, each with its end of line; FOLDER stands for the test's folder in what is expected. */
__attribute__((unused)) static void assert_lines(const struct config_test *test, const struct fault_list *list,
                                                 const char *expected) {
    char lines[8192] = "", wanted[8192] = "";
    size_t used = 0;
    for (size_t i = 0; i < list->count; i++)
        used += (size_t)snprintf(lines + used, sizeof lines - used, "%s\n", list->texts[i]);
    for (used = 0; *expected && used < sizeof wanted - 1;) {
        if (strncmp(expected, "FOLDER", 6) == 0) {
            used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s", test->folder);
            expected += 6;
        } else {
            wanted[used++] = *expected++;
            wanted[used] = '\0';
        }
    }
    assert_string_equal(lines, wanted);
}

#endif
