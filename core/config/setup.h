/* Everything the config file says, checked and typed: the immutable result that the rest of Grapnel works from. */
#ifndef CONFIG_SETUP_H
#define CONFIG_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "config/address_set.h"
#include "event/signature.h"

struct yaml_node;

/* PEM files, by absolute paths. */
struct setup_certificate {
    char *chain;             /* the server's own certificate, then those that vouch for it */
    char *key;               /* null: it stands in the chain's file */
    char *place, *key_place; /* "grapnel.yaml:12:3", for what is found out when the files are read */
};

enum { SETUP_CERTIFICATE_LIMIT = 2 }; /* RSA and ECDSA */

/* What an address serves HTTPS with. */
struct setup_tls {
    struct setup_certificate certificates[SETUP_CERTIFICATE_LIMIT];
    int count; /* 0: plain HTTP */
};

struct setup_listen {
    char *address; /* as written: "127.0.0.1:8080", "[::]:8443", ":8080" means all addresses of both families */
    struct setup_tls tls;
};

struct setup_limits {
    int64_t body; /* bytes */
    int64_t connections, per_address, threads;
    int64_t request_timeout_ms, stop_timeout_ms;
};

struct setup_retain {
    int64_t events_ms, ids_ms, dead_ms, disk_bytes;
};

/* How many requests a source may send. */
struct setup_rate {
    double per_second; /* in the long run; 0: as many as it likes */
    int64_t burst;     /* at once, after a pause that was long enough */
};

struct setup_source {
    char *name, *path;
    /* A copy of a preset's row, or spelled out; event_id and event_type as configured. */
    struct signature_scheme scheme;
    struct signature_key *keys[SIGNATURE_SECRET_LIMIT];
    /* As configured, one for each key; null unless keep_secrets was asked for. */
    char *secret_texts[SIGNATURE_SECRET_LIMIT];
    int key_count;
    int64_t tolerance_ms;
    char *url; /* or null */
    bool replay_guard;
    struct address_set allow;       /* who may send; empty: anyone */
    struct address_set trust_proxy; /* whose X-Forwarded-For is believed; empty: nobody's */
    struct setup_rate rate;
};

struct setup_retry {
    int64_t first_ms, longest_ms, give_up_ms;
    double factor, jitter; /* jitter 0.2 is 20% */
    int64_t attempts;
};

struct setup_breaker {
    int64_t failures, first_ms, longest_ms;
};

struct setup_plugin {
    char *name;
    char *file; /* absolute path of the .so that was found */
    int64_t workers, deadline_ms, memory_bytes;
    int keep_privileges; /* 1: what it starts may gain rights, as sudo does */
    char **environment;  /* "NAME=VALUE" each, then null; or null */
    struct setup_retry retry;
    struct setup_breaker breaker;
    const struct yaml_node *settings; /* unchecked until the plugin has told its table: see settings.h; null if none */
    char *place;                      /* "grapnel.yaml:12:3", for what is found out about it later */
};

struct setup_route {
    char *source;  /* the source that it is narrowed to, or null for all */
    char *pattern; /* of the event type */
    int *plugins;  /* indexes into setup.plugins */
    int plugin_count;
};

/* Everything that hangs on it, keys apart, is in the document's memory: it lives and goes with the setup as a whole. */
struct setup {
    char *path;   /* of the config file as given, for messages */
    char *folder; /* absolute; relative paths start here; also the working folder of plugins */
    char *state;  /* absolute */
    char **plugin_path;
    int plugin_path_count;
    struct setup_listen *listens;
    int listen_count;
    /* Null without. A file without a token is not there yet: the first start makes both. */
    char *admin_listen, *admin_token_file, *admin_token;
    bool admin_insecure;
    int log_level, log_format; /* enum log_level, enum log_format */
    struct setup_limits limits;
    struct setup_retain retain;
    struct setup_source *sources;
    int source_count;
    struct setup_plugin *plugins;
    int plugin_count;
    struct setup_route *routes;
    int route_count;
    struct yaml_document *document; /* kept for the settings nodes */
};

/* In the state folder: what the daemon can be asked at, as long as it runs. */
#define SETUP_CONTROL_SOCKET "control.sock"

/* Limits of a setup that a reader can find. */
enum {
    SETUP_SOURCE_LIMIT = 256,
    SETUP_PLUGIN_LIMIT = 64,
    SETUP_ROUTE_LIMIT = 1024,
    SETUP_WORKER_LIMIT = 64,
    SETUP_LISTEN_LIMIT = 16,
    SETUP_ADDRESS_LIMIT = 1024, /* of `allow`, and of `trust_proxy`, of one source */
    SETUP_VARIABLE_LIMIT = 64,  /* of a plugin's environment */
    SETUP_TOKEN_LEAST = 16,     /* characters */
    SETUP_TOKEN_MOST = 1024
};

struct setup_options {
    const char *path;              /* of the config file */
    const char *installed_plugins; /* the installed plugin folder, tried after plugin_path; may be null */
    /* The secrets' texts too, until setup_free wipes them: for `grapnel explain`, never for the daemon. */
    bool keep_secrets;
};

/* Reads and checks the whole file. Null when there is any mistake: all of them are then in `mistakes`, each "file:line:column: …". What is
 * allowed but probably not meant is in `warnings`, in the same form. Secrets are read here (files, environment). */
struct setup *setup_read(const struct setup_options *options, struct fault_list *mistakes, struct fault_list *warnings);
void setup_free(struct setup *setup); /* wipes secrets; null is allowed */

const struct setup_source *setup_source_by_name(const struct setup *setup, const char *name); /* or null */

/* Only `state:`, made absolute: for commands that must work while the rest of the file is being repaired. Caller frees. */
char *setup_read_state(const char *path, struct fault *fault);
/* The config file to use: `given` if not null, else $GRAPNEL_CONFIG, ./grapnel.yaml, /etc/grapnel/grapnel.yaml. */
const char *setup_default_path(const char *given);

/* Does the row count for such an event? */
bool setup_route_matches(const struct setup_route *route, struct bytes source, struct bytes type);
/* False, with what was tried and what to do, when nothing names a config file and none is where it would be looked for. */
bool setup_default_is_there(const char *given, struct fault *fault);

/* Which plugins an event goes to: writes indexes into setup.plugins, each at most once, in the order of the config's plugins. Returns how
 * many; `plugins` has room for SETUP_PLUGIN_LIMIT. Every matching row counts. */
int setup_route_event(const struct setup *setup, struct bytes source, struct bytes type, int *plugins);

#endif
