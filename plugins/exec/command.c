/* The program is looked for anew for each event, so that one that was replaced or moved along PATH is found. */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char fallback_path[] = "/usr/local/bin:/usr/bin:/bin";

/* What the command gets of the worker's own environment. */
static const char *const inherited[] = { "PATH", "HOME", "LANG" };
enum { INHERITED_COUNT = sizeof inherited / sizeof *inherited, EVENT_VARIABLES = 6 };

/* ---- finding the program ---- */

/* 0 or an errno. */
static int file_executable(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    return access(path, X_OK) == 0 ? 0 : errno;
}

/* Relative paths start at the config file's folder, which is the worker's; the command may be told to run in another. */
static const char *path_absolute(struct grapnel_call *call, const char *path) {
    char here[4096];
    return *path == '/' || !getcwd(here, sizeof here) ? path : grapnel_format(call, "%s/%s", here, path);
}

static const char *search_path(struct grapnel_call *call) {
    const char *path = grapnel_setting_text(call, "environment/PATH");
    path = path ? path : getenv("PATH");
    return path && *path ? path : fallback_path;
}

/* The file that `name` stands for; null and *error if there is none that can be run. */
static const char *program_find(struct grapnel_call *call, const char *name, int *error) {
    if (strchr(name, '/')) {
        *error = file_executable(name);
        return *error ? NULL : path_absolute(call, name);
    }
    *error = ENOENT;
    for (const char *folder = search_path(call); *folder;) {
        int length = (int)strcspn(folder, ":");
        const char *file = grapnel_format(call, "%.*s%s%s", length, folder, length ? "/" : "./", name);
        int wrong = file_executable(file);
        if (!wrong)
            return path_absolute(call, file);
        if (wrong == EACCES)
            *error = wrong;
        folder += length + (folder[length] == ':');
    }
    return NULL;
}

static const char *program_explain(struct grapnel_call *call, const char *name, int error) {
    switch (error) {
    case ENOENT:
        return strchr(name, '/')
                   ? grapnel_format(call, "%s does not exist: a relative path starts at the config file's folder", name)
                   : grapnel_format(call, "%s is in none of the folders of PATH (%s)", name, search_path(call));
    case EACCES:
        return grapnel_format(call, "%s can't be executed: give it the right to, with chmod +x", name);
    case EISDIR:
        return grapnel_format(call, "%s is a folder: `command` begins with the file to be run", name);
    default:
        return grapnel_format(call, "%s: %s", name, strerror(error));
    }
}

/* ---- the settings ---- */

static const char *command_name(struct grapnel_call *call) {
    const char *first = grapnel_setting_member(call, "command", 0);
    const char *name = first ? grapnel_setting_text(call, first) : NULL;
    return name ? name : "";
}

/* The name of a variable may be chosen freely, except that those of Grapnel are its own. */
static bool variable_named_well(const char *name) {
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (const char *letter = name; *letter; letter++)
        if (!isalnum((unsigned char)*letter) && *letter != '_')
            return false;
    return strncmp(name, "GRAPNEL_", 8) != 0;
}

static int variables_check(struct grapnel_call *call, const char *map) {
    for (int64_t i = 0; i < grapnel_setting_count(call, map); i++) {
        const char *name = grapnel_last_name(call, grapnel_setting_member(call, map, i));
        if (!variable_named_well(name))
            return grapnel_fail(
                call,
                "`%s`: \"%s\" can't be the name of a variable: it is a map, NAME: value, whose names have "
                "letters, digits and _, and don't begin with a digit or GRAPNEL_",
                map, name);
    }
    return GRAPNEL_OK;
}

static int pointers_check(struct grapnel_call *call, const char *container) {
    for (int64_t i = 0; i < grapnel_setting_count(call, container); i++) {
        const char *pointer = grapnel_setting_text(call, grapnel_setting_member(call, container, i));
        if (*pointer && *pointer != '/')
            return grapnel_fail(call,
                                "`%s`: \"%s\" is no JSON Pointer: it names a value of the payload, like "
                                "/data/object/id; empty stands for the whole payload",
                                container, pointer);
    }
    return GRAPNEL_OK;
}

static int folder_check(struct grapnel_call *call) {
    struct stat status;
    const char *folder = grapnel_setting_text(call, "folder");
    if (stat(folder, &status) != 0)
        return grapnel_fail(call, "`folder`: %s: %s", folder, strerror(errno));
    return S_ISDIR(status.st_mode) ? GRAPNEL_OK : grapnel_fail(call, "`folder`: %s is no folder", folder);
}

int command_check(struct grapnel_call *call) {
    int error, code = GRAPNEL_OK;
    const char *name = command_name(call);
    if (!*name)
        return grapnel_fail(
            call, "`command` is missing: a list of the program and its arguments, command: [ ./paid.sh, -v ]");
    if (!program_find(call, name, &error))
        return grapnel_fail(call, "`command`: %s", program_explain(call, name, error));
    code = code ? code : folder_check(call);
    code = code ? code : variables_check(call, "environment");
    code = code ? code : variables_check(call, "payload_environment");
    code = code ? code : pointers_check(call, "payload_environment");
    return code ? code : pointers_check(call, "payload_arguments");
}

/* ---- arguments and environment ---- */

/* A growing list that always ends with null; room for it was made before. */
struct texts {
    char **list;
    int64_t count;
};

static void texts_add(struct texts *texts, const char *text) {
    texts->list[texts->count++] = (char *)text;
    texts->list[texts->count] = NULL;
}

/* NAME=value. What comes later counts: a name that is there already gets the new value. */
static void variable_set(struct grapnel_call *call, struct texts *texts, const char *name, const char *value) {
    size_t length = strlen(name);
    const char *entry = grapnel_format(call, "%s=%s", name, value);
    for (int64_t i = 0; i < texts->count; i++) {
        if (strncmp(texts->list[i], name, length) == 0 && texts->list[i][length] == '=') {
            texts->list[i] = (char *)entry;
            return;
        }
    }
    texts_add(texts, entry);
}

/* *value is the payload's value at the pointer: a string's text, anything else as it was sent, null for nothing (or JSON's null). */
static int payload_value(struct grapnel_call *call, const char *pointer, const char **value) {
    size_t length;
    *value = grapnel_text_length(call, pointer, &length);
    if (*value && strlen(*value) != length)
        return grapnel_fail(call, "the text at %s holds a NUL, which can't be handed to a command", pointer);
    if (!*value)
        *value = grapnel_json(call, pointer);
    if (*value && strcmp(*value, "null") == 0 && !grapnel_text(call, pointer))
        *value = NULL;
    return GRAPNEL_OK;
}

static int arguments_make(struct grapnel_call *call, struct command *command) {
    int64_t fixed = grapnel_setting_count(call, "command"), more = grapnel_setting_count(call, "payload_arguments");
    struct texts texts = { .list = grapnel_allocate(call, (size_t)(fixed + more + 1) * sizeof *texts.list) };
    int code = GRAPNEL_OK;
    if (!texts.list)
        return grapnel_busy(call, 0, "memory is short for the arguments");
    for (int64_t i = 0; i < fixed; i++)
        texts_add(&texts, grapnel_setting_text(call, grapnel_setting_member(call, "command", i)));
    for (int64_t i = 0; i < more && !code; i++) {
        const char *value;
        code = payload_value(call, grapnel_setting_text(call, grapnel_setting_member(call, "payload_arguments", i)),
                             &value);
        texts_add(&texts, !code && value ? value : "");
    }
    command->arguments = texts.list;
    return code;
}

static void event_variables(struct grapnel_call *call, struct texts *texts, int64_t run_ms) {
    variable_set(call, texts, "GRAPNEL_ID", grapnel_id(call));
    variable_set(call, texts, "GRAPNEL_TYPE", grapnel_type(call));
    variable_set(call, texts, "GRAPNEL_SOURCE", grapnel_source(call));
    variable_set(call, texts, "GRAPNEL_KEY", grapnel_key(call));
    variable_set(call, texts, "GRAPNEL_ATTEMPT", grapnel_format(call, "%" PRId64, grapnel_attempt(call)));
    variable_set(call, texts, "GRAPNEL_DEADLINE_MS", grapnel_format(call, "%" PRId64, run_ms));
}

static int environment_make(struct grapnel_call *call, int64_t run_ms, struct command *command) {
    int64_t fixed = grapnel_setting_count(call, "environment");
    int64_t more = grapnel_setting_count(call, "payload_environment");
    int64_t most = INHERITED_COUNT + EVENT_VARIABLES + fixed + more;
    struct texts texts = { .list = grapnel_allocate(call, (size_t)(most + 1) * sizeof *texts.list) };
    if (!texts.list)
        return grapnel_busy(call, 0, "memory is short for the environment");
    for (int i = 0; i < INHERITED_COUNT; i++)
        if (getenv(inherited[i]))
            variable_set(call, &texts, inherited[i], getenv(inherited[i]));
    variable_set(call, &texts, "PATH", search_path(call));
    event_variables(call, &texts, run_ms);
    for (int64_t i = 0; i < fixed; i++) {
        const char *path = grapnel_setting_member(call, "environment", i);
        variable_set(call, &texts, grapnel_last_name(call, path), grapnel_setting_text(call, path));
    }
    for (int64_t i = 0; i < more; i++) {
        const char *path = grapnel_setting_member(call, "payload_environment", i), *value;
        int code = payload_value(call, grapnel_setting_text(call, path), &value);
        if (code)
            return code;
        if (value)
            variable_set(call, &texts, grapnel_last_name(call, path), value);
    }
    command->environment = texts.list;
    return GRAPNEL_OK;
}

/* A program that is gone is gone for every event. */
int command_make(struct grapnel_call *call, int64_t run_ms, struct command *command) {
    int error;
    *command = (struct command){ .name = command_name(call), .folder = grapnel_setting_text(call, "folder") };
    command->program = program_find(call, command->name, &error);
    if (!command->program)
        return grapnel_busy(call, 0, "%s", program_explain(call, command->name, error));
    int code = arguments_make(call, command);
    return code ? code : environment_make(call, run_ms, command);
}
