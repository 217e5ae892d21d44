/* What both engines share. */
#include "database.h"

#include <stdio.h>
#include <string.h>

const struct database_engine *database_engine_of(const char *url, const char **location) {
    static const char sqlite[] = "sqlite:";
    *location = url;
    if (strncmp(url, sqlite, sizeof sqlite - 1) == 0) {
        *location = url + sizeof sqlite - 1;
        return &sqlite_engine;
    }
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
        return &postgresql_engine;
    return NULL;
}

void database_rollback(struct database *database) {
    char error[DATABASE_ERROR_SIZE];
    memcpy(error, database->error, sizeof error); /* why it is rolled back is what people want to know */
    if (database->engine->execute(database, "ROLLBACK", NULL, 0) != DATABASE_OK)
        database->engine->disconnect(database);
    memcpy(database->error, error, sizeof error);
}

enum database_result database_error(struct database *database, enum database_result result, const char *text) {
    snprintf(database->error, sizeof database->error, "%s", text);
    size_t length = strlen(database->error);
    while (length && (database->error[length - 1] == '\n' || database->error[length - 1] == ' '))
        database->error[--length] = '\0';
    for (char *c = database->error; *c; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
    return result;
}

struct value value_text(const char *text) {
    return (struct value){ .kind = text ? VALUE_TEXT : VALUE_NULL, .text = text };
}

struct value value_integer(int64_t number) {
    return (struct value){ .kind = VALUE_INTEGER, .number = number };
}
