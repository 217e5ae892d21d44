#include "cli/ask.h"

#include <stdio.h>

#include "cli/answer.h"

int ask_show(const struct arguments *arguments, const char *path, ask_print *print) {
    struct fault fault = { .text = "" };
    struct buffer answer = { 0 };
    struct json json = { 0 };
    struct control *control = control_open(argument_value(arguments, "config"), &fault);
    bool asked = control != NULL && control_get(control, path, &answer, NULL, &fault);
    int code = asked ? EXIT_DONE : control_exit_code(control);
    if (asked && (print == NULL || argument_value(arguments, "json") != NULL))
        fwrite(answer.data, 1, answer.length, stdout);
    else if (asked && !(answer_parse(&json, &answer, &fault) && print(&json, control, &fault)))
        code = EXIT_FAILED;
    if (code != EXIT_DONE)
        fprintf(stderr, "grapnel %s: %s\n", arguments->command->name, fault.text);
    control_close(control);
    json_free(&json);
    buffer_free(&answer);
    return code;
}
