#include "cli/setup_load.h"

#include <stdio.h>

struct setup *setup_load(const struct arguments *arguments, const struct place *place) {
    struct setup_options options = { .path = setup_default_path(argument_value(arguments, "config")),
                                     .installed_plugins = place->plugins[0] ? place->plugins : NULL };
    struct fault_list mistakes = { 0 }, warnings = { 0 };
    struct setup *setup = setup_read(&options, &mistakes, &warnings);
    for (size_t i = 0; i < mistakes.count; i++)
        fprintf(stderr, "%s\n", mistakes.texts[i]);
    for (size_t i = 0; i < warnings.count; i++)
        fprintf(stderr, "warning: %s\n", warnings.texts[i]);
    fault_list_free(&mistakes);
    fault_list_free(&warnings);
    return setup;
}
