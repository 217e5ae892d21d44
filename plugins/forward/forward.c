/* forward.so: POSTs each event to a URL, signed anew in the Standard Webhooks form. */
#include <grapnel/plugin.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdlib.h>

#include "answer.h"
#include "headers.h"
#include "signer.h"
#include "target.h"

enum { MARGIN_PART = 10, MARGIN_LONGEST_MS = 1000 /* of the deadline, for what is not the request */ };

struct forward {
    CURL *curl; /* keeps the connection */
    bool signs;
    struct signer signer;
};

static const struct grapnel_setting settings[] = {
    { "url", GRAPNEL_SECRET, NULL,
      "Where events are posted, https://host/path; only scheme, host and port are ever shown" },
    { "secret", GRAPNEL_SECRET, "", "Signs what is posted: whsec_ and base64, as the receiver has it" },
    { "headers/*", GRAPNEL_SECRET, "", "Headers that are added, Name: value" },
    { "pass_headers/*", GRAPNEL_TEXT, "", "Names of headers that are passed on as they were received" },
    { "ca_file", GRAPNEL_TEXT, "", "PEM file of the only certificate authorities to trust; empty: the system's" },
    { "connect_timeout", GRAPNEL_DURATION, "5s", "How long connecting may take, TLS included" },
    { "timeout", GRAPNEL_DURATION, "15s", "How long a request may take in all" },
    { 0 },
};

/* ---- the settings ---- */

static int ca_file_check(struct grapnel_call *call) {
    const char *file = grapnel_setting_text(call, "ca_file");
    if (!*file)
        return GRAPNEL_OK;
    mbedtls_x509_crt authorities;
    mbedtls_x509_crt_init(&authorities);
    int error = mbedtls_x509_crt_parse_file(&authorities, file);
    bool some = authorities.version != 0; /* some of many may be of a kind that only others can read */
    mbedtls_x509_crt_free(&authorities);
    if (error == MBEDTLS_ERR_PK_FILE_IO_ERROR || error == MBEDTLS_ERR_X509_FILE_IO_ERROR)
        return grapnel_fail(call, "`ca_file`: %s can't be read: a relative path starts at the config file's folder",
                            file);
    return some ? GRAPNEL_OK : grapnel_fail(call, "`ca_file`: %s holds no certificate (PEM)", file);
}

static int durations_check(struct grapnel_call *call) {
    if (grapnel_setting_number(call, "timeout") <= 0 || grapnel_setting_number(call, "connect_timeout") <= 0)
        return grapnel_fail(call, "`timeout` and `connect_timeout` must be longer than 0");
    return GRAPNEL_OK;
}

static int secret_check(struct grapnel_call *call) {
    const char *secret = grapnel_setting_text(call, "secret");
    struct signer signer;
    if (!*secret)
        return grapnel_setting_count(call, "headers") || grapnel_setting_count(call, "pass_headers")
                   ? GRAPNEL_OK
                   : grapnel_fail(call, "`secret` is missing or empty, and there are no `headers` either: the receiver "
                                        "could not tell who posts");
    const char *mistake = signer_start(&signer, secret);
    if (mistake)
        return grapnel_fail(call, "`secret`: %s", mistake);
    signer_stop(&signer);
    return GRAPNEL_OK;
}

static int check(struct grapnel_call *call) {
    const char *origin;
    int code = target_read(call, grapnel_setting_text(call, "url"), &origin);
    code = code ? code : secret_check(call);
    code = code ? code : headers_check(call);
    code = code ? code : ca_file_check(call);
    return code ? code : durations_check(call);
}

/* ---- the life of the plugin ---- */

/* Nothing of the environment counts: neither proxies nor a .netrc. What can't be set here is missing in this curl. */
static bool curl_prepare(struct grapnel_call *call, CURL *curl) {
    const char *ca_file = grapnel_setting_text(call, "ca_file");
    long connect_ms = (long)grapnel_setting_number(call, "connect_timeout");
    bool set = curl_easy_setopt(curl, CURLOPT_URL, grapnel_setting_text(call, "url")) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK && /* don't wait for a slow name server */
               curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_USERAGENT, "Grapnel") == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, answer_take_head) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_take_body) == CURLE_OK;
    if (*ca_file) /* and no folder of other ones beside it */
        set = set && curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    return set;
}

static void forward_free(struct forward *forward) {
    if (forward->signs)
        signer_stop(&forward->signer);
    curl_easy_cleanup(forward->curl);
    free(forward);
    curl_global_cleanup();
}

static int init(struct grapnel_call *call, void **self) {
    const char *secret = grapnel_setting_text(call, "secret");
    int code = check(call);
    if (code)
        return code;
    struct forward *forward = calloc(1, sizeof *forward);
    if (!forward || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(forward);
        return grapnel_busy(call, 0, "memory is short");
    }
    forward->curl = curl_easy_init();
    forward->signs = *secret && !signer_start(&forward->signer, secret);
    if (!forward->curl || (*secret && !forward->signs) || !curl_prepare(call, forward->curl)) {
        forward_free(forward);
        return grapnel_busy(call, 0, "libcurl can't be prepared: memory is short, or it is older than 7.87");
    }
    *self = forward;
    return GRAPNEL_OK;
}

static long request_timeout_ms(struct grapnel_call *call) {
    int64_t left = grapnel_ms_left(call), timeout = grapnel_setting_number(call, "timeout");
    left -= left / MARGIN_PART < MARGIN_LONGEST_MS ? left / MARGIN_PART : MARGIN_LONGEST_MS;
    timeout = timeout < left ? timeout : left;
    return timeout > 0 ? (long)timeout : 1; /* 0 would mean for ever */
}

static bool request_prepare(struct grapnel_call *call, struct forward *forward, struct curl_slist *headers,
                            struct answer *answer) {
    size_t length;
    const char *body = grapnel_json_length(call, "", &length);
    CURL *curl = forward->curl;
    return curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request_timeout_ms(call)) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, answer->error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK;
}

/* What lives in this call must not be known to curl after it. */
static void request_forget(CURL *curl) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, NULL);
}

static int deliver(struct grapnel_call *call, void *self) {
    struct forward *forward = self;
    struct answer answer = { 0 };
    const char *origin = target_origin(call, grapnel_setting_text(call, "url"));
    size_t length;
    const char *body = grapnel_json_length(call, "", &length);
    struct curl_slist *headers = headers_make(call, forward->signs ? &forward->signer : NULL, body, length);
    int code = GRAPNEL_BUSY;
    if (headers && origin && request_prepare(call, forward, headers, &answer)) {
        answer.result = curl_easy_perform(forward->curl);
        code = answer_judge(call, forward->curl, &answer, origin);
    } else {
        grapnel_busy(call, 0, "memory is short for a request");
    }
    request_forget(forward->curl);
    curl_slist_free_all(headers);
    return code;
}

static void shutdown_forward(struct grapnel_call *call, void *self) {
    (void)call;
    forward_free(self);
}

GRAPNEL_PLUGIN(.name = "forward", .version = "1.0.0", .summary = "Posts each event to a URL, signed anew",
               .settings = settings, .check = check, .init = init, .deliver = deliver, .shutdown = shutdown_forward);
