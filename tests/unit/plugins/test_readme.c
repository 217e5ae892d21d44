/* The README.md of every plugin has a table of its settings: the same names, kinds and defaults as the table in the plugin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "grapnel/plugin.h"

/* BUILD/plugins; this executable is BUILD/tests/unit/plugins/NAME. */
static void plugins_folder(char *path, size_t size) {
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    assert_true(length > 0);
    path[length] = '\0';
    char *end = strstr(path, "/tests/unit/plugins/");
    assert_non_null(end);
    snprintf(end, size - (size_t)(end - path), "/plugins");
}

static void read_file(const char *path, struct buffer *text) {
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s is missing: each plugin has one, with its settings", path);
    char *room = buffer_reserve(text, 1024 * 1024);
    assert_non_null(room);
    text->length += fread(room, 1, 1024 * 1024 - 1, file);
    fclose(file);
}

static const char *const kinds[] = { "text", "integer", "boolean", "duration", "size", "secret" };

/* The row of this setting, up to where its help begins: | `name` | kind | default |. A default is `so`, or required, or optional; of a
 * setting whose name has a star, which there may be many of, the last two are for people to choose. Where in the file, or null. */
static const char *row_find(const char *readme, const struct grapnel_setting *setting, struct buffer *row) {
    assert_in_range(setting->kind, GRAPNEL_TEXT, GRAPNEL_SECRET);
    buffer_format(row, "\n| `%s` | %s | ", setting->name, kinds[setting->kind]);
    size_t length = row->length;
    const char *fallback = setting->fallback;
    buffer_format(row, fallback && *fallback ? "`%s` |" : "%s |",
                  !fallback   ? "required"
                  : *fallback ? fallback
                              : "optional");
    const char *found = strstr(readme, buffer_text(row));
    if (found || fallback || !strchr(setting->name, '*'))
        return found;
    row->length = length;
    buffer_format(row, "optional |");
    return strstr(readme, buffer_text(row));
}

/* How many rows have a kind in their second column: those of settings. */
static int rows_count(const char *readme) {
    int count = 0;
    for (const char *row = readme; (row = strstr(row, "\n| `")); row++) {
        const char *end = strchrnul(row + 1, '\n'), *kind = strstr(row, "` | ");
        for (size_t i = 0; kind && kind < end && i < sizeof kinds / sizeof *kinds; i++) {
            size_t length = strlen(kinds[i]);
            count += strncmp(kind + 4, kinds[i], length) == 0 && strncmp(kind + 4 + length, " |", 2) == 0;
        }
    }
    return count;
}

static void readme_check(const char *name, const struct grapnel_plugin *plugin) {
    char path[512];
    struct buffer readme = { 0 };
    int expected = 0;
    snprintf(path, sizeof path, "%s/../plugins/%s/README.md", GRAPNEL_TEST_SOURCE, name);
    read_file(path, &readme);
    for (const struct grapnel_setting *setting = plugin->settings; setting && setting->name; setting++, expected++) {
        struct buffer row = { 0 };
        if (!row_find(buffer_text(&readme), setting, &row))
            fail_msg("%s: this row of the settings is missing or differs:%s", path, buffer_text(&row));
        buffer_free(&row);
    }
    int found = rows_count(buffer_text(&readme));
    if (found != expected)
        fail_msg("%s: %d rows of settings, and the plugin has %d", path, found, expected);
    buffer_free(&readme);
}

static void test_settings(void **state) {
    char folder[512], path[1024];
    int count = 0;
    plugins_folder(folder, sizeof folder);
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));) {
        char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".so") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library)
            fail_msg("%s", dlerror());
        const struct grapnel_plugin *(*entry_point)(void);
        *(void **)&entry_point = dlsym(library, "grapnel_plugin_v1");
        assert_non_null(entry_point);
        *dot = '\0';
        readme_check(entry->d_name, entry_point());
        count++;
    }
    closedir(files);
    assert_true(count > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_settings) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
