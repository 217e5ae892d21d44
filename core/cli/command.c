#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "base/units.h"

enum { COMMAND_LIMIT = 32, COMMAND_NAME_SIZE = 64, HELP_OPTION = 256 /* --help, beyond the option numbers */ };

const char *argument_value(const struct arguments *arguments, const char *option) {
    const struct command_option *options = arguments->command->options;
    for (int i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, option) == 0)
            return arguments->values[i];
    return NULL;
}

const struct command *command_find(const struct command *commands, const char *first, const char *second) {
    char both[COMMAND_NAME_SIZE];
    snprintf(both, sizeof both, "%s %s", first, second ? second : "");
    const struct command *found = NULL;
    for (const struct command *command = commands; command->name; command++) {
        if (second && strcmp(command->name, both) == 0)
            return command;
        if (strcmp(command->name, first) == 0)
            found = command;
    }
    return found;
}

static bool command_is_group(const struct command *command, const char *word) {
    size_t length = strlen(word);
    return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}

void command_print_all(const struct command *commands, FILE *stream) {
    fprintf(stream, "Grapnel receives signed webhooks, keeps each event safely and delivers it to plugins.\n\nusage: "
                    "grapnel COMMAND …\n\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(stream, "  %-16s %s\n", command->name, command->summary);
    fprintf(stream, "\n`grapnel help COMMAND` tells more. Exit codes: 0 done, 1 it failed, 2 wrong usage.\n");
}

void command_print(const struct command *command, FILE *stream) {
    const struct command_option *options = command->options;
    fprintf(stream, "usage: grapnel %s%s%s%s\n\n%s.\n", command->name, options && options[0].name ? " [OPTIONS]" : "",
            command->words[0] ? " " : "", command->words, command->summary);
    if (command->more)
        fprintf(stream, "\n%s\n", command->more);
    fprintf(stream, "\nOptions:\n");
    for (int i = 0; options && options[i].name; i++) {
        char letter[8] = "    ", form[64];
        if (options[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", options[i].letter);
        snprintf(form, sizeof form, "%s--%s %s", letter, options[i].name, options[i].value ? options[i].value : "");
        int beyond = 0; /* bytes that take no column of their own */
        for (const char *byte = form; *byte; byte++)
            beyond += (*byte & 0xc0) == 0x80;
        fprintf(stream, "  %-*s %s\n", 22 + beyond, form, options[i].help);
    }
    fprintf(stream, "  %-22s %s\n", "-h, --help", "this text");
}

/* getopt's forms of the table: long ones numbered by row, short ones as a string. */
static void command_forms(const struct command *command, struct option *forms, char *letters) {
    const struct command_option *options = command->options;
    int count = 0, length = 0;
    letters[length++] = '+'; /* a word ends the options */
    letters[length++] = ':';
    letters[length++] = 'h';
    for (; options && options[count].name && count < COMMAND_OPTION_LIMIT; count++) {
        forms[count] =
            (struct option){ options[count].name, options[count].value ? required_argument : no_argument, NULL, count };
        if (options[count].letter) {
            letters[length++] = options[count].letter;
            if (options[count].value)
                letters[length++] = ':';
        }
    }
    forms[count] = (struct option){ "help", no_argument, NULL, HELP_OPTION };
    forms[count + 1] = (struct option){ 0 };
    letters[length] = '\0';
}

int command_misused(const struct command *command, const char *format, ...) {
    va_list list;
    fprintf(stderr, "grapnel %s: ", command->name);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "; see `grapnel help %s`\n", command->name);
    return EXIT_USAGE;
}

/* The row of a letter, or -1. */
static int command_row(const struct command *command, int letter) {
    for (int i = 0; command->options && command->options[i].name; i++)
        if (command->options[i].letter == letter)
            return i;
    return -1;
}

static int command_complain(const struct command *command, const char *what, const char *given) {
    const char *names[COMMAND_OPTION_LIMIT + 1] = { 0 };
    for (int i = 0; command->options && command->options[i].name; i++)
        names[i] = command->options[i].name;
    const char *near = strncmp(given, "--", 2) == 0 ? nearest_name(given + 2, names) : NULL, *end = strrchr(given, '.');
    if (end && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0) && command_row(command, 'c') >= 0)
        return command_misused(command, "%s %s; the config file is named with -c %s", what, given, given);
    return command_misused(command, "%s %s%s%s%s", what, given, near ? "; did you mean --" : "", near ? near : "",
                           near ? "?" : "");
}

static bool command_repeats(const struct command_option *option) {
    size_t length = option->value ? strlen(option->value) : 0, mark = strlen(COMMAND_REPEATS);
    return length >= mark && strcmp(option->value + length - mark, COMMAND_REPEATS) == 0;
}

static int command_parse(struct arguments *arguments, int argc, char **argv, bool *asked_help) {
    const struct command *command = arguments->command;
    struct option forms[COMMAND_OPTION_LIMIT + 2];
    char letters[COMMAND_OPTION_LIMIT * 2 + 4];
    command_forms(command, forms, letters);
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, letters, forms, NULL);
        if (found == -1) {
            if (optind >= argc)
                return EXIT_DONE;
            bool two = strchr(command->words, ' ') != NULL;
            if (!command->words[0] || (arguments->word && (!two || arguments->second_word)))
                return command_complain(command, "unexpected argument", argv[optind]);
            *(arguments->word ? &arguments->second_word : &arguments->word) = argv[optind++];
            continue;
        }
        if (found == ':')
            return command_complain(command, "a value is missing for", argv[optind - 1]);
        if (found == '?')
            return command_complain(command, "unknown option", argv[optind - 1]);
        *asked_help = *asked_help || found == 'h' || found == HELP_OPTION;
        int row = found < COMMAND_OPTION_LIMIT ? found : command_row(command, found);
        if (row < 0 || found == HELP_OPTION)
            continue;
        arguments->values[row] = optarg ? optarg : "";
        if (!command_repeats(&command->options[row]))
            continue;
        if (arguments->repeated_count == COMMAND_REPEAT_LIMIT)
            return command_misused(command, "--%s is given more than %d times", command->options[row].name,
                                   COMMAND_REPEAT_LIMIT);
        arguments->repeated[arguments->repeated_count++] = arguments->values[row];
    }
}

int command_unknown(const struct command *commands, const char *first, const char *second) {
    char given[COMMAND_NAME_SIZE];
    const char *names[COMMAND_LIMIT + 1] = { 0 };
    bool group = false;
    for (int i = 0; commands[i].name && i < COMMAND_LIMIT; i++) {
        names[i] = commands[i].name;
        group = group || command_is_group(&commands[i], first);
    }
    snprintf(given, sizeof given, "%s%s%s", first, group && second ? " " : "", group && second ? second : "");
    const char *near = nearest_name(given, names);
    fprintf(stderr, "grapnel: unknown command \"%s\"%s%s%s; see `grapnel help`\n", given,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    for (const struct command *command = commands; group && command->name; command++)
        if (command_is_group(command, first))
            fprintf(stderr, "  grapnel %s %s\n", command->name, command->words);
    return EXIT_USAGE;
}

/* A habit from other programs: `grapnel -c FILE serve`. */
static int command_comes_first(const struct command *commands, int argc, char **argv) {
    const struct command *command = NULL;
    for (int i = 2; i < argc && !command; i++)
        command = command_find(commands, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
    fprintf(stderr, "grapnel: the command comes first and its options behind it: grapnel %s %s …; see `grapnel help`\n",
            command ? command->name : "COMMAND", argv[1]);
    return EXIT_USAGE;
}

/* What could not be printed is not done, and nobody would know. */
static int command_finish(const struct command *command, int code) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "grapnel %s: the output could not be written: %s\n", command->name, strerror(errno));
    return code != EXIT_DONE ? code : EXIT_FAILED;
}

int command_run(const struct command *commands, int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        command_print_all(commands, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const char *second = argc > 2 ? argv[2] : NULL;
    struct arguments arguments = { .commands = commands, .command = command_find(commands, name, second) };
    if (!arguments.command)
        return name[0] == '-' ? command_comes_first(commands, argc, argv) : command_unknown(commands, name, second);
    bool asked_help = false;
    int used = strchr(arguments.command->name, ' ') ? 2 : 1;
    int wrong = command_parse(&arguments, argc - used, argv + used, &asked_help);
    if (wrong)
        return wrong;
    if (asked_help) {
        command_print(arguments.command, stdout);
        return EXIT_DONE;
    }
    return command_finish(arguments.command, arguments.command->run(&arguments));
}
