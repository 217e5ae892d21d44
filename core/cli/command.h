/* Commands and their options as tables: the parser, `grapnel help` and the usage lines are all made from these rows. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

enum { COMMAND_OPTION_LIMIT = 16, COMMAND_REPEAT_LIMIT = 128 /* values of one option that may be given again */ };

#define COMMAND_REPEATS " …" /* at the end of an option's value */

/* What every command can answer with. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command_option {
    const char *name; /* "config": given as --config; null ends the table */
    char letter;      /* 'c': also given as -c; 0 if there is none */
    const char
        *value; /* what stands for its value in the help ("FILE"); null: it takes none. COMMAND_REPEATS marks one of a
                          command's options that may be given again, where each value counts and not the last one only */
    const char *help;
};

struct arguments;

struct command {
    const char *name;  /* one word, or two: "plugin describe"; null ends the table */
    const char *words; /* what may follow besides options: "[COMMAND]"; "" if nothing may; as many as it has words */
    const char *summary;
    const char *more; /* a paragraph for `grapnel help COMMAND`; may be null */
    const struct command_option *options;
    int (*run)(const struct arguments *arguments); /* returns the exit code */
};

/* What was given on the command line, sorted by the command's table. Views into argv. */
struct arguments {
    const struct command *command, *commands;
    const char *values[COMMAND_OPTION_LIMIT];   /* null: not given; a flag's is "" */
    const char *word, *second_word;             /* what was given besides the options, or null */
    const char *repeated[COMMAND_REPEAT_LIMIT]; /* of the option that may be given again */
    int repeated_count;
};

/* `-c FILE`, which every command that reads the config file has. */
#define COMMAND_OPTION_CONFIG                                                                                          \
    {                                                                                                                  \
        "config", 'c', "FILE",                                                                                         \
            "the config file; default $GRAPNEL_CONFIG, else ./grapnel.yaml, else /etc/grapnel/grapnel.yaml"            \
    }

/* The value of an option of the command's table, or null if it was not given. */
const char *argument_value(const struct arguments *arguments, const char *option);

/* Tells what is wrong with the arguments, and where to read how they should be. Returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int command_misused(const struct command *command, const char *format, ...);

/* Finds the command, sorts its arguments, runs it. Returns the exit code of the process. */
int command_run(const struct command *commands, int argc, char **argv);

/* By one word or, where `second` is not null, by two: the longer name wins. Null if there is none. */
const struct command *command_find(const struct command *commands, const char *first, const char *second);
/* Says that there is no such command, and what comes near; returns EXIT_USAGE. */
int command_unknown(const struct command *commands, const char *first, const char *second);
void command_print_all(const struct command *commands, FILE *stream);
void command_print(const struct command *command, FILE *stream);

#endif
