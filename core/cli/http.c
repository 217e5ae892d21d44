#include "cli/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { HTTP_TIMEOUT_S = 30, HTTP_HEADER_LIMIT = 64 * 1024 /* far more than any server takes, which then says so */ };

/* The functions of libcurl that are used, looked up by name. */
struct http_library {
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    void (*easy_reset)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
};

struct http {
    struct http_library library;
    CURL *handle;
    const char *authorities;          /* or null: the system's */
    char detail[CURL_ERROR_SIZE + 1]; /* of the failure, in libcurl's words; "" if it has none */
};

static bool http_find(void *library, const char *name, void *function, struct fault *fault) {
    void *found = dlsym(library, name);
    if (!found) {
        fault_set(fault, "libcurl has no %s: %s", name, dlerror());
        return false;
    }
    memcpy(function, &found, sizeof found);
    return true;
}

struct http *http_open(struct fault *fault) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fault_set(fault, "%s; install libcurl4, which sends over HTTP", dlerror());
        return NULL;
    }
    struct http *http = calloc(1, sizeof *http);
    if (!http) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    struct http_library *functions = &http->library;
    if (http_find(library, "curl_easy_init", &functions->easy_init, fault) &&
        http_find(library, "curl_easy_cleanup", &functions->easy_cleanup, fault) &&
        http_find(library, "curl_easy_reset", &functions->easy_reset, fault) &&
        http_find(library, "curl_easy_setopt", &functions->easy_setopt, fault) &&
        http_find(library, "curl_easy_perform", &functions->easy_perform, fault) &&
        http_find(library, "curl_easy_getinfo", &functions->easy_getinfo, fault) &&
        http_find(library, "curl_easy_strerror", &functions->easy_strerror, fault) &&
        http_find(library, "curl_slist_append", &functions->slist_append, fault) &&
        http_find(library, "curl_slist_free_all", &functions->slist_free_all, fault)) {
        http->handle = functions->easy_init();
        if (http->handle)
            return http;
        fault_set(fault, "libcurl could not be initialised: out of memory?");
    }
    free(http);
    return NULL;
}

void http_close(struct http *http) {
    if (!http)
        return;
    http->library.easy_cleanup(http->handle);
    free(http); /* the library stays loaded: the process is about to end */
}

void http_trust(struct http *http, const char *authorities) {
    http->authorities = authorities;
}

static size_t http_take(char *data, size_t size, size_t count, void *answer) {
    return buffer_append(answer, data, size * count) ? size * count : 0;
}

/* What all requests have in common; nothing of the one before is left. */
static void http_prepare(struct http *http, const char *url, struct buffer *answer) {
    const struct http_library *library = &http->library;
    buffer_clear(answer);
    if (answer->limit == 0)
        answer->limit = HTTP_ANSWER_LIMIT;
    library->easy_reset(http->handle);
    library->easy_setopt(http->handle, CURLOPT_URL, url);
    library->easy_setopt(http->handle, CURLOPT_PROTOCOLS_STR, "http,https");
    library->easy_setopt(http->handle, CURLOPT_TIMEOUT, (long)HTTP_TIMEOUT_S);
    library->easy_setopt(http->handle, CURLOPT_NOSIGNAL, 1L);
    library->easy_setopt(http->handle, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1"); /* whatever the environment says */
    http->detail[0] = '\0';
    library->easy_setopt(http->handle, CURLOPT_ERRORBUFFER, http->detail);
    if (http->authorities)
        library->easy_setopt(http->handle, CURLOPT_CAINFO, http->authorities);
    library->easy_setopt(http->handle, CURLOPT_WRITEFUNCTION, http_take);
    library->easy_setopt(http->handle, CURLOPT_WRITEDATA, answer);
}

static bool http_header_add(const struct http_library *library, const char *line, struct curl_slist **list,
                            struct fault *fault) {
    struct curl_slist *longer = library->slist_append(*list, line);
    *list = longer ? longer : *list;
    return longer || fault_set(fault, "out of memory");
}

/* One list entry for each line. */
static bool http_headers(const struct http_library *library, struct bytes lines, struct curl_slist **list,
                         struct fault *fault) {
    const char *next = lines.data, *end = lines.data + lines.length;
    struct buffer line = { 0 };
    bool added = true;
    while (added && next < end) {
        const char *stop = memchr(next, '\r', (size_t)(end - next));
        size_t length = (size_t)((stop ? stop : end) - next);
        if (length > HTTP_HEADER_LIMIT) {
            added = fault_set(fault, "the header \"%.*s…\" is longer than %d bytes", 32, next, HTTP_HEADER_LIMIT);
            break;
        }
        buffer_clear(&line);
        buffer_append(&line, next, length);
        added = http_header_add(library, buffer_text(&line), list, fault);
        next = stop ? stop + 2 : end;
    }
    buffer_free(&line);
    return added && http_header_add(library, "Expect:", list, fault); /* no pause before a larger body */
}

/* It must stay until the request is over. */
static void http_body(struct http *http, struct bytes body) {
    const struct http_library *library = &http->library;
    library->easy_setopt(http->handle, CURLOPT_POST, 1L);
    library->easy_setopt(http->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
    library->easy_setopt(http->handle, CURLOPT_POSTFIELDS, body.data);
}

static const char *http_advice(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return "; is `grapnel serve` running, and does it listen there?";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "; for an authority of your own say --cacert FILE, and use a name that the certificate has";
    default:
        return "";
    }
}

static bool http_failed(const struct http *http, const char *url, CURLcode code, struct fault *fault) {
    bool verified = code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CACERT_BADFILE;
    const char *what = http->library.easy_strerror(code);
    return fault_set(fault, "%s: %s%s", url, !verified && http->detail[0] ? http->detail : what, http_advice(code));
}

long http_post(struct http *http, const char *url, struct bytes headers, struct bytes body, struct buffer *answer,
               struct fault *fault) {
    const struct http_library *library = &http->library;
    struct curl_slist *list = NULL;
    long status = 0;
    http_prepare(http, url, answer);
    if (!http_headers(library, headers, &list, fault)) {
        library->slist_free_all(list);
        return 0;
    }
    http_body(http, body);
    library->easy_setopt(http->handle, CURLOPT_HTTPHEADER, list);
    CURLcode code = library->easy_perform(http->handle);
    library->slist_free_all(list);
    if (code == CURLE_OK)
        library->easy_getinfo(http->handle, CURLINFO_RESPONSE_CODE, &status);
    else
        http_failed(http, url, code, fault);
    return status;
}
