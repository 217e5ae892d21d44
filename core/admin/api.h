/* What can be asked of a running daemon, whoever carries the question: a table of rows, each answering a request into a buffer. */
#ifndef ADMIN_API_H
#define ADMIN_API_H

#include "base/bytes.h"
#include "base/fault.h"

struct refusals;

/* What the rows answer from; all of it stays its maker's, and must stay as long as requests are answered. */
struct api {
    struct refusals *refusals;
};

struct api_request {
    const char *method, *path; /* the path as it was sent, up to the question mark */
    const char *query;         /* what stands behind that, still encoded; null if nothing */
};

struct api_answer {
    int status;
    const char *allow;  /* the method that the path has, if it was another one; else null */
    struct buffer body; /* JSON; the caller frees it */
};

enum { API_ANSWER_LIMIT = 4 * 1024 * 1024 };

/* Fills the answer, whatever was asked. From any thread. */
void api_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

/* An answer {"error":"…"}; what went wrong before there was anything to look up in the table, too. */
__attribute__((format(printf, 3, 4))) void api_refuse(struct api_answer *answer, int status, const char *format, ...);

/* ---- for the functions of the rows ---- */

/* The value of the query's parameter, decoded: true and the value, or false if it was not given. A value that is too
 * long for API_PARAMETER_SIZE, or holds a zero byte, is cut short there: it names nothing that there is. */
enum { API_PARAMETER_SIZE = 1024 };
bool api_parameter(const struct api_request *request, const char *name, char value[API_PARAMETER_SIZE]);
/* A JSON string with its quotes; null for a null text. */
void api_append_text(struct buffer *body, const char *text);

#endif
