#include "cli/setup_load.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* `warnings` null: they are of no interest here. */
static struct setup *load(const struct arguments *arguments, const struct place *place, struct fault_list *warnings,
                          bool keep_secrets) {
    struct setup_options options = { .path = setup_default_path(argument_value(arguments, "config")),
                                     .installed_plugins = place->plugins[0] ? place->plugins : NULL,
                                     .keep_secrets = keep_secrets };
    struct fault_list mistakes = { 0 }, unheeded = { 0 };
    struct fault fault = { 0 };
    if (!setup_default_is_there(argument_value(arguments, "config"), &fault)) {
        fprintf(stderr, "grapnel %s: %s\n", arguments->command->name, fault.text);
        return NULL;
    }
    struct setup *setup = setup_read(&options, &mistakes, warnings ? warnings : &unheeded);
    for (size_t i = 0; i < mistakes.count; i++)
        fprintf(stderr, "%s\n", mistakes.texts[i]);
    fault_list_free(&mistakes);
    fault_list_free(&unheeded);
    return setup;
}

static void print_all(const struct fault_list *warnings) {
    for (size_t i = 0; i < warnings->count; i++)
        fprintf(stderr, "%s\n", warnings->texts[i]);
}

struct setup *setup_load(const struct arguments *arguments, const struct place *place) {
    struct fault_list warnings = { 0 };
    struct setup *setup = load(arguments, place, &warnings, false);
    print_all(&warnings);
    fault_list_free(&warnings);
    return setup;
}

struct setup *setup_load_for_daemon(const struct arguments *arguments, const struct place *place,
                                    struct fault_list *warnings) {
    struct setup *setup = load(arguments, place, warnings, false);
    if (!setup)
        print_all(warnings);
    return setup;
}

struct setup *setup_load_quietly(const struct arguments *arguments, const struct place *place, bool keep_secrets) {
    return load(arguments, place, NULL, keep_secrets);
}

const struct setup_source *setup_choose_source(const struct arguments *arguments, const struct setup *setup,
                                               struct fault *fault) {
    const char *name = argument_value(arguments, "source");
    if (!name && setup->source_count == 1)
        return &setup->sources[0];
    const char *names[SETUP_SOURCE_LIMIT + 1] = { 0 };
    struct buffer all = { 0 };
    for (int i = 0; i < setup->source_count; i++) {
        names[i] = setup->sources[i].name;
        buffer_format(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const struct setup_source *source = name ? setup_source_by_name(setup, name) : NULL;
    const char *near = name ? nearest_name(name, names) : NULL;
    if (setup->source_count == 0)
        fault_set(fault, "there is no source in %s", setup->path);
    else if (!name)
        fault_set(fault, "say with --source which one is meant: %s", buffer_text(&all));
    else if (!source)
        fault_set(fault, "no source \"%s\" in %s%s%s%s (there are: %s)", name, setup->path,
                  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", buffer_text(&all));
    buffer_free(&all);
    return source;
}
