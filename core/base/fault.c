/* Faults: formatting them, and keeping all those of one run. */
#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stand in for what no memory was left for, so that a mistake is never mistaken for none. */
static char out_of_memory[] = "out of memory while noting a mistake";
static char *out_of_memory_list[] = { out_of_memory };

bool fault_set(struct fault *fault, const char *format, ...) {
    if (!fault)
        return false;
    /* By way of a copy: the old text may be among the arguments, as when a caller adds the place to it. */
    char text[FAULT_TEXT_SIZE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length < 0)
        snprintf(text, sizeof text, "%s", "a fault that could not be put into words");
    else if ((size_t)length >= sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    memcpy(fault->text, text, strlen(text) + 1);
    return false;
}

/* Beyond the limit only the number grows, in the text behind the others. */
static void fault_list_leave_out(struct fault_list *list) {
    char *text;
    list->left_out++;
    if (asprintf(&text, "… and %zu more", list->left_out) < 0)
        return; /* the text before, if there is one, says nearly the same */
    if (list->count > FAULT_LIST_LIMIT)
        free(list->texts[FAULT_LIST_LIMIT]);
    list->texts[FAULT_LIST_LIMIT] = text;
    list->count = FAULT_LIST_LIMIT + 1;
}

void fault_list_add(struct fault_list *list, const char *format, ...) {
    if (list->texts == out_of_memory_list)
        return;
    if (list->count >= FAULT_LIST_LIMIT) {
        fault_list_leave_out(list);
        return;
    }
    if (!list->texts) {
        list->texts = calloc(FAULT_LIST_LIMIT + 1, sizeof *list->texts);
        if (!list->texts) {
            list->texts = out_of_memory_list;
            list->count = 1;
            return;
        }
    }
    va_list arguments;
    va_start(arguments, format);
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        text = out_of_memory;
    va_end(arguments);
    list->texts[list->count++] = text;
}

void fault_list_free(struct fault_list *list) {
    if (list->texts != out_of_memory_list) {
        for (size_t i = 0; i < list->count; i++) {
            if (list->texts[i] != out_of_memory)
                free(list->texts[i]);
        }
        free(list->texts);
    }
    *list = (struct fault_list){ 0 };
}
