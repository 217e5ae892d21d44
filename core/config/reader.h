/* What the readers of the config file's sections share: noting mistakes at their places, typed values, and tables of keys. Internal to
 * core/config. */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "config/arena.h"
#include "config/yaml.h"

enum { READER_ABOUT_SIZE = 256, READER_NAMES_SIZE = 512 };

struct reader {
    const char *file;    /* the config file as given, for messages */
    const char *folder;  /* absolute; where relative paths start */
    struct arena *arena; /* everything that is read is made in it */
    bool keep_secrets;   /* see struct setup_options */
    struct fault_list *mistakes, *warnings;
    size_t mistake_count;          /* those too that the list is too full for, or that follow from another */
    char about[READER_ABOUT_SIZE]; /* what is being read, before each message: `plugin "email": retry: ` */
};

/* Neither adds a line at a node at which a mistake was noted before. */
__attribute__((format(printf, 3, 4))) void reader_mistake(struct reader *reader, const struct yaml_node *node,
                                                          const char *format, ...);
__attribute__((format(printf, 3, 4))) void reader_warning(struct reader *reader, const struct yaml_node *node,
                                                          const char *format, ...);
/* Between the two, messages tell what they are about: `plugin "email"`. They nest; enter returns what leave needs. */
__attribute__((format(printf, 2, 3))) size_t reader_enter(struct reader *reader, const char *format, ...);
void reader_leave(struct reader *reader, size_t entered);
/* `; did you mean "email"?`, or else `; the plugins are a, b, c` with `others` "the plugins are"; "" where there are no names. */
void reader_names(const char *text, const char *const *names, const char *others, char hint[READER_NAMES_SIZE]);

const struct yaml_node *node_place(const struct yaml_node *node); /* its key in a map, else itself */
const char *node_kind_text(const struct yaml_node *node);         /* "a text", "a list", "a map" */
bool node_is_text(const struct yaml_node *node); /* a scalar, or a map of the one key `file` or `env` */
/* Where one may stand for a list of one: each member of the list, or else the node itself. Begins with null and ends with null:
 * for (item = NULL; (item = node_item(node, item));) */
const struct yaml_node *node_item(const struct yaml_node *node, const struct yaml_node *previous);
int node_item_count(const struct yaml_node *node);
bool node_is_none(const struct yaml_node *node); /* null, or nothing was written there */

/* ---- texts (read_text.c) ---- */
enum { TEXT_FILE_LIMIT = 64 * 1024 };
/* A scalar, { file: PATH } or { env: NAME }, resolved; null if that is a mistake (noted, with `name` of what it is for). */
char *read_text(struct reader *reader, const struct yaml_node *node, const char *name);
/* The contents of a file, without the newline at their end; null with the reason in `why` if they can't be had. */
char *reader_file_text(struct reader *reader, const char *path, const char **why);
/* Made absolute from the config file's folder. */
char *reader_path(const struct reader *reader, const char *path);

/* ---- typed values (read_value.c) ---- */
enum key_type {
    KEY_TEXT,     /* char *, not empty */
    KEY_PATH,     /* char *, made absolute */
    KEY_INTEGER,  /* int64_t */
    KEY_BOOLEAN,  /* bool */
    KEY_DURATION, /* int64_t, milliseconds */
    KEY_SIZE,     /* int64_t, bytes */
    KEY_FACTOR,   /* double */
    KEY_PERCENT,  /* double, 0.2 for 20% */
    KEY_CHOICE,   /* int, index into choices */
    KEY_NODE,     /* const struct yaml_node *: read by hand afterwards */
};

enum key_flag {
    KEY_REQUIRED = 1,
    KEY_UNSUPPORTED = 4, /* refused: ignoring it would be unsafe */
};

/* A row of a table of keys, which ends with a null name. Values are written as they would stand in the config file. */
struct key {
    const char *name;
    enum key_type type;
    size_t offset; /* in the struct that is filled */
    const char *fallback, *minimum, *maximum;
    unsigned flags;
    const char *help; /* for who forgot it */
    const char *const *choices;
};

#define ROW(name, type, offset, fallback, flags)                                                                       \
    { name, type, offset, fallback, NULL, NULL, flags, NULL, NULL }
#define ROW_RANGE(name, type, offset, fallback, minimum, maximum, flags)                                               \
    { name, type, offset, fallback, minimum, maximum, flags, NULL, NULL }
#define ROW_CHOICE(name, offset, fallback, choices)                                                                    \
    { name, KEY_CHOICE, offset, fallback, NULL, NULL, 0, NULL, choices }
#define ROW_REQUIRED(name, type, offset, help)                                                                         \
    { name, type, offset, NULL, NULL, NULL, KEY_REQUIRED, help, NULL }
#define ROW_REFUSED(name)                                                                                              \
    { name, KEY_NODE, 0, NULL, NULL, NULL, KEY_UNSUPPORTED, NULL, NULL }
#define ROW_END                                                                                                        \
    { NULL, KEY_NODE, 0, NULL, NULL, NULL, 0, NULL, NULL }

const char *value_expectation(const struct key *key); /* "a whole number" */
/* Puts the value of `text` where the row says. False, with what is expected in fault, if it is not of that type or out of range. */
bool value_store(const struct key *key, const char *text, void *target, struct fault *fault);

/* ---- tables of keys (read_keys.c) ---- */
enum { KEY_TABLE_LIMIT = 64 };
/* Fills `target` from the map: unknown keys, wrong values and missing ones are noted, fallbacks stand in for what is absent. A null or
 * empty map leaves fallbacks only. False if it is no map. */
bool read_keys(struct reader *reader, const struct key *keys, const struct yaml_node *map, void *target);

/* ---- addresses (read_listen.c, read_admin.c) ---- */
struct setup;
void read_listens(struct reader *reader, const struct yaml_node *node, struct setup *setup);
/* (read_certificates.c); each node null if it is not there. */
struct setup_tls;
void read_certificates(struct reader *reader, const struct yaml_node *certificate, const struct yaml_node *key,
                       struct setup_tls *tls);
/* After `state` and `listen`. */
void read_admin(struct reader *reader, const struct yaml_node *node, struct setup *setup);

/* ---- sections; each fills its part of the setup. `sources` must be read before `routes`, `plugins` too. ---- */
struct signature_scheme;
bool read_signature(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme);
/* Puts what `event` says over what the scheme's preset knows. */
bool read_event(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme);
/* Who may send to a source, and how much (read_guard.c): fills that part of `source`. After `listen`. */
struct guard_nodes {
    const struct yaml_node *allow, *trust_proxy, *rate; /* each null if it is not there */
};
struct setup_source;
void read_guard(struct reader *reader, const struct guard_nodes *nodes, const struct setup *setup,
                struct setup_source *source);
void read_sources(struct reader *reader, const struct yaml_node *node, struct setup *setup);
void read_plugins(struct reader *reader, const struct yaml_node *node, const char *installed_plugins,
                  struct setup *setup);
void read_routes(struct reader *reader, const struct yaml_node *node, const struct yaml_node *plugins,
                 struct setup *setup);
/* [a-z0-9_-]{1,64}, as sources and plugins are named. */
bool read_name(struct reader *reader, const struct yaml_node *node);

#endif
