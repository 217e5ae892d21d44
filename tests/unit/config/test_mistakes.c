/* Every mistake that a config file can hold, with the line that it gives. */
#include "config_test.h"

#define GOOD_SOURCE  "sources: { s: { path: /s, signature: stripe, secrets: x } }\n"
#define SOURCE(rest) "sources:\n  s: { path: /s, signature: stripe, secrets: x, " rest " }\n"
#define PLUGIN(rest) GOOD_SOURCE "plugins:\n  email: { " rest " }\n"
#define SIGNATURE(rest)                                                                                                \
    "sources:\n  s:\n    path: /s\n    secrets: 00ff\n    event: { id: /id, type: /type }\n    signature: { " rest     \
    " }\n"

struct mistake {
    const char *text, *lines; /* the config file, and all that is wrong with it */
};

static void assert_mistakes(struct config_test *test, const struct mistake *mistakes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        config_test_read(test, mistakes[i].text);
        assert_lines(test, &test->mistakes, mistakes[i].lines);
    }
}
#define ASSERT_MISTAKES(state, mistakes) assert_mistakes(*(state), (mistakes), sizeof(mistakes) / sizeof *(mistakes))

static void top_level(void **state) {
    static const struct mistake mistakes[] = {
        { "stat: x\n", "grapnel.yaml:1:1: unknown key \"stat\"; did you mean \"state\"?\n" },
        { "colour: x\n",
          "grapnel.yaml:1:1: unknown key \"colour\"; the keys here are state, plugin_path, listen, admin, log, limits, "
          "retain, sources, plugins, routes\n" },
        { "- x\n", "grapnel.yaml:1:1: a map of keys is expected here, not a list\n" },
        { "state:\n", "grapnel.yaml:1:7: \"state\" is empty\n" },
        { "state: [ x ]\n",
          "grapnel.yaml:1:8: \"state\" must be a text, { file: PATH } or { env: NAME }, not a list\n" },
        { "state: { env: GRAPNEL_TEST_UNSET }\n",
          "grapnel.yaml:1:15: \"state\": the environment variable GRAPNEL_TEST_UNSET is not set\n" },
        { "state: { file: none }\n",
          "grapnel.yaml:1:16: \"state\": the file FOLDER/none can't be read: No such file or directory\n" },
        { "state: { file: plugins }\n",
          "grapnel.yaml:1:16: \"state\": the file FOLDER/plugins can't be read: not a regular file\n" },
        { "state: { file: \"\" }\n", "grapnel.yaml:1:16: \"file\" of \"state\" is empty\n" },
        { "state: { path: x }\n",
          "grapnel.yaml:1:8: \"state\" must be a text, { file: PATH } or { env: NAME }, not a map\n" },
        { "plugin_path: [ \"\" ]\n", "grapnel.yaml:1:16: \"plugin_path\" holds an empty path\n" },
        { "log: { level: loud, format: jsn }\n",
          "grapnel.yaml:1:15: log: \"level\" can't be \"loud\"; it must be one of debug, info, warn, error\n"
          "grapnel.yaml:1:29: log: \"format\" can't be \"jsn\"; did you mean \"json\"?\n" },
        { "log: info\n", "grapnel.yaml:1:6: log: a map of keys is expected here, not a text\n" },
        { "sources: []\nplugins: x\nroutes: []\n",
          "grapnel.yaml:1:10: \"sources\" must be a map of names, not a list\n"
          "grapnel.yaml:2:10: \"plugins\" must be a map of names, not a text\n"
          "grapnel.yaml:3:9: \"routes\" must be a map of event types, not a list\n" },
        { "state: a\nstate: b\n",
          "grapnel.yaml:2:1: duplicate key \"state\": it is in line 1 already; remove one of them\n" },
        { "routes:\n  *: [ x ]\n",
          "grapnel.yaml:2:3: a text that begins with * must be in quotes, as * alone begins an alias: \"*\"\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

static void limits_and_retain(void **state) {
    static const struct mistake mistakes[] = {
        { "limits: { bod: 1MiB }\n", "grapnel.yaml:1:11: limits: unknown key \"bod\"; did you mean \"body\"?\n" },
        { "limits: { body: 1MB }\n",
          "grapnel.yaml:1:17: limits: \"body\" must be a size like 512, 64KiB or 1MiB, not \"1MB\"\n" },
        { "limits: { body: 1023 }\n", "grapnel.yaml:1:17: limits: \"body\" must be from 1KiB to 64MiB, not 1023\n" },
        { "limits: { body: 65MiB }\n", "grapnel.yaml:1:17: limits: \"body\" must be from 1KiB to 64MiB, not 65MiB\n" },
        { "limits: { threads: 0 }\n", "grapnel.yaml:1:20: limits: \"threads\" must be from 1 to 1024, not 0\n" },
        { "limits: { threads: 1025 }\n", "grapnel.yaml:1:20: limits: \"threads\" must be from 1 to 1024, not 1025\n" },
        { "limits: { threads: many }\n",
          "grapnel.yaml:1:20: limits: \"threads\" must be a whole number, not \"many\"\n" },
        { "limits: { threads: [ 1 ] }\n",
          "grapnel.yaml:1:20: limits: \"threads\" must be a whole number, not a list\n" },
        { "limits: { threads: }\n", "grapnel.yaml:1:20: limits: \"threads\" must be a whole number, not nothing\n" },
        { "limits: { stop_timeout: 10 }\n", "grapnel.yaml:1:25: limits: \"stop_timeout\" must be a duration like "
                                            "500ms, 10s, 5m, 6h or 30d, not \"10\"\n" },
        { "retain: { events: -1d, disk: 1KiB }\n",
          "grapnel.yaml:1:19: retain: \"events\" must be a duration like 500ms, 10s, 5m, 6h or 30d, not \"-1d\"\n"
          "grapnel.yaml:1:30: retain: \"disk\" must be from 1MiB to 1024TiB, not 1KiB\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

#define NOT_LOOPBACK                                                                                                   \
    "is not a loopback address: whoever listens on the way would read the token; use 127.0.0.1 (HTTPS is not "         \
    "supported here yet), or say `insecure: true`\n"

static void listen_and_admin(void **state) {
    static const struct mistake mistakes[] = {
        { "listen: []\n", "grapnel.yaml:1:9: listen: at least one address is needed, like 127.0.0.1:8080\n" },
        { "listen: 8080\n",
          "grapnel.yaml:1:9: listen: \"8080\" is no address; write HOST:PORT, [IPV6]:PORT or :PORT\n" },
        { "listen: 127.0.0.1:http\n",
          "grapnel.yaml:1:9: listen: the port of \"127.0.0.1:http\" must be a number from 0 to 65535\n" },
        { "listen: 127.0.0.1:65536\n",
          "grapnel.yaml:1:9: listen: the port of \"127.0.0.1:65536\" must be a number from 0 to 65535\n" },
        { "listen: shop.example:80\n",
          "grapnel.yaml:1:9: listen: the host of \"shop.example:80\" is neither an IP address nor localhost\n" },
        { "listen: \"::1:80\"\n", "grapnel.yaml:1:9: listen: \"::1:80\": an IPv6 address is in brackets, and its port "
                                  "behind them: \"[::1]:8080\"\n" },
        { "listen: \"[::g]:80\"\n",
          "grapnel.yaml:1:9: listen: the host of \"[::g]:80\" is neither an IP address nor localhost\n" },
        { "listen: \"[127.0.0.1]:80\"\n",
          "grapnel.yaml:1:9: listen: the host of \"[127.0.0.1]:80\" is neither an IP address nor localhost\n" },
        { "listen: [ \"[::1]:80\", \"[0:0::1]:80\", \":0\", \":0\" ]\n",
          "grapnel.yaml:1:23: listen: \"[0:0::1]:80\" is listed twice\n" },
        { "listen: { address: \":1\", key: b.pem }\n",
          "grapnel.yaml:1:26: listen: \"key\" without \"certificate\": name the certificate that it belongs to\n" },
        { "listen: { address: \":1\", certificate: [], key: \"\" }\n",
          "grapnel.yaml:1:39: listen: \"certificate\" is an empty list\n" },
        { "listen: { address: \":1\", certificate: [ a, b, c ] }\n",
          "grapnel.yaml:1:39: listen: \"certificate\" names 3 files; one address has at most two certificates, RSA and "
          "ECDSA. What belongs to one chain stands in one file\n" },
        { "listen: { address: \":1\", certificate: [ a, b ], key: c }\n",
          "grapnel.yaml:1:54: listen: there must be as many of \"key\" as of \"certificate\", in the same order, or "
          "none, if each certificate's file holds its key\n" },
        { "listen: { address: \":1\", certificate: { file: a.pem }, key: \"\" }\n",
          "grapnel.yaml:1:39: listen: \"certificate\" is the path of a file already: leave `file` away\n"
          "grapnel.yaml:1:61: listen: \"key\" is empty; it is the path of a PEM file\n" },
        { "listen: { address: 1, certificate: { a: b } }\n",
          "grapnel.yaml:1:9: listen: \"1\" is no address; write HOST:PORT, [IPV6]:PORT or :PORT\n"
          "grapnel.yaml:1:36: listen: \"certificate\" must be a text, { file: PATH } or { env: NAME }, not a map\n" },
        { "listen: [ { adress: \":1\" } ]\n",
          "grapnel.yaml:1:11: listen: \"address\" is missing (HOST:PORT)\n"
          "grapnel.yaml:1:13: listen: unknown key \"adress\"; did you mean \"address\"?\n" },
        { "listen: [ [ a ] ]\n", "grapnel.yaml:1:11: listen: an address is expected here, not a list\n" },
        { "admin: { listen: 0.0.0.0:9180 }\n", "grapnel.yaml:1:18: admin: 0.0.0.0:9180 " NOT_LOOPBACK },
        { "admin: { listen: \":1\", insecure: maybe, token: \"\" }\n",
          "grapnel.yaml:1:18: admin: :1 " NOT_LOOPBACK
          "grapnel.yaml:1:34: admin: \"insecure\" must be true or false, not \"maybe\"\n"
          "grapnel.yaml:1:48: admin: the token is empty\n" },
        { "admin: { listen: \"[::]:0\" }\n", "grapnel.yaml:1:18: admin: [::]:0 " NOT_LOOPBACK },
        { "admin: { listen: \"[2001:db8::1]:0\", insecure: false }\n",
          "grapnel.yaml:1:18: admin: [2001:db8::1]:0 " NOT_LOOPBACK },
        { "admin: { listen: \"[::ffff:127.0.0.1]:0\" }\n",
          "grapnel.yaml:1:18: admin: [::ffff:127.0.0.1]:0 " NOT_LOOPBACK },
        { "admin: { listen: 128.0.0.1:0 }\n", "grapnel.yaml:1:18: admin: 128.0.0.1:0 " NOT_LOOPBACK },
        { "admin: { listen: admin.example:0 }\n",
          "grapnel.yaml:1:18: admin: the host of \"admin.example:0\" is neither an IP address nor localhost\n" },
        { "listen: [ \":1\", \"[::1]:80\" ]\nadmin: { listen: \"[0::1]:80\" }\n",
          "grapnel.yaml:2:18: admin: [0::1]:80 is an address of the top level's `listen` already; senders are not to "
          "reach this one\n" },
        { "admin: { listen: \":1\", insecure: true, token: { file: grapnel.yaml }, tokn: x }\n",
          "grapnel.yaml:1:55: admin: the token must be one line of letters, digits and punctuation, without a space\n"
          "grapnel.yaml:1:71: admin: unknown key \"tokn\"; did you mean \"token\"?\n" },
        { "admin: { listen: 127.0.0.1:1, token: fifteen-letters }\n",
          "grapnel.yaml:1:38: admin: the token has 15 characters; it must have from 16 to 1024, and should be random: "
          "without one in the config the daemon makes it\n" },
        { "admin: { listen: 127.0.0.1:1, token: { file: . } }\n",
          "grapnel.yaml:1:46: admin: \"token\": the file FOLDER/. can't be read: not a regular file\n" },
        { "admin: { listen: 127.0.0.1:1, token: [ a ] }\n",
          "grapnel.yaml:1:38: admin: \"token\" must be a text, { file: PATH } or { env: NAME }, not a list\n" },
        { "admin: { token: { env: GRAPNEL_UNSET } }\n",
          "grapnel.yaml:1:24: admin: \"token\": the environment variable GRAPNEL_UNSET is not set\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

static void sources(void **state) {
    static const struct mistake mistakes[] = {
        { "sources:\n  s:\n",
          "grapnel.yaml:2:3: source \"s\": \"path\" is missing (where the sender posts to, like /webhook)\n"
          "grapnel.yaml:2:3: source \"s\": \"signature\" is missing (the name of a preset, or how the sender signs)\n"
          "grapnel.yaml:2:3: source \"s\": \"secrets\" is missing (what the sender signs with, like [ { env: "
          "WEBHOOK_SECRET } ])\n" },
        { SOURCE("secret: y"), "grapnel.yaml:2:49: source \"s\": unknown key \"secret\"; did you mean \"secrets\"?\n" },
        { "sources:\n  Shop: { path: /s, signature: stripe, secrets: x }\n",
          "grapnel.yaml:2:3: source \"Shop\": the name \"Shop\" must be 1 to 64 of a-z, 0-9, _ and -\n" },
        { "sources:\n  s: { path: s, signature: stripe, secrets: x }\n",
          "grapnel.yaml:2:14: source \"s\": the path \"s\" must begin with a slash: \"/s\"\n" },
        { "sources:\n  s: { path: \"/s?x\", signature: stripe, secrets: x }\n",
          "grapnel.yaml:2:14: source \"s\": the path \"/s?x\" may hold no ?, # or space\n" },
        { "sources:\n  s: { path: \"/s#x\", signature: stripe, secrets: x }\n",
          "grapnel.yaml:2:14: source \"s\": the path \"/s#x\" may hold no ?, # or space\n" },
        { "sources:\n  s: { path: /s x, signature: stripe, secrets: x }\n",
          "grapnel.yaml:2:14: source \"s\": the path \"/s x\" may hold no ?, # or space\n" },
        { "sources:\n  s: { path: /\xc3\xa4, signature: stripe, secrets: x }\n",
          "grapnel.yaml:2:14: source \"s\": the path \"/\xc3\xa4\" may hold ASCII only; write other letters as senders "
          "do: \xc3\xa4 as %C3%A4\n" },
        { "sources:\n  a: { path: /s, signature: stripe, secrets: x }\n  b: { path: /s, signature: stripe, secrets: x "
          "}\n",
          "grapnel.yaml:3:14: source \"b\": the path \"/s\" is that of the source \"a\" already; each needs its "
          "own\n" },
        { "sources:\n  s: { path: /s, signature: stirpe, secrets: x }\n",
          "grapnel.yaml:2:29: source \"s\": unknown signature preset \"stirpe\"; did you mean \"stripe\"?\n" },
        { "sources:\n  s: { path: /s, signature: [ stripe ], secrets: x }\n",
          "grapnel.yaml:2:29: source \"s\": signature: the name of a preset or a map is expected here, not a list\n" },
        { "sources:\n  s: { path: /s, signature: stripe, secrets: \"\" }\n",
          "grapnel.yaml:2:46: source \"s\": the secret is empty: anyone could sign with it\n" },
        { "sources:\n  s: { path: /s, signature: stripe, secrets: [ x, { env: GRAPNEL_TEST_UNSET }, { file: none } ] "
          "}\n",
          "grapnel.yaml:2:58: source \"s\": \"secrets\": the environment variable GRAPNEL_TEST_UNSET is not set\n"
          "grapnel.yaml:2:88: source \"s\": \"secrets\": the file FOLDER/none can't be read: No such file or "
          "directory\n" },
        { "sources:\n  s: { path: /s, signature: stripe, secrets: [] }\n",
          "grapnel.yaml:2:46: source \"s\": from 1 to 8 secrets are expected, not 0\n" },
        { SOURCE("tolerance: 0s"), "grapnel.yaml:2:60: source \"s\": \"tolerance\" must be from 1s to 24h, not 0s\n" },
        { SOURCE("replay_guard: yes"),
          "grapnel.yaml:2:63: source \"s\": \"replay_guard\" must be true or false, not \"yes\"\n" },
        { SOURCE("url: shop.example"),
          "grapnel.yaml:2:54: source \"s\": the url \"shop.example\" must begin with https:// or http://\n" },
        { "sources:\n  s: { path: /s, signature: square, secrets: x }\n",
          "grapnel.yaml:2:3: source \"s\": \"url\" is missing (as registered with the sender, which signs it)\n" },
        { SOURCE("event: { id: id }"), "grapnel.yaml:2:62: source \"s\": event: id: \"id\" is no JSON Pointer; write "
                                       "\"/id\", { header: NAME } or { digest: body }\n" },
        { SOURCE("event: { id: { header: X-Id, digest: body } }"),
          "grapnel.yaml:2:62: source \"s\": event: id: either { header: NAME } or { digest: body } is expected "
          "here\n" },
        { SOURCE("event: { id: { head: X-Id } }"),
          "grapnel.yaml:2:64: source \"s\": event: id: unknown key \"head\"; the keys here are header, digest\n" },
        { SOURCE("event: { id: [] }"),
          "grapnel.yaml:2:62: source \"s\": event: id: from 1 to 4 places can be joined, not 0\n" },
        { SOURCE("event: { typ: /x }"),
          "grapnel.yaml:2:58: source \"s\": event: unknown key \"typ\"; did you mean \"type\"?\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

static void spelled_out_signatures(void **state) {
    static const struct mistake mistakes[] = {
        { "sources:\n  s:\n    path: /s\n    secrets: x\n    signature: { header: X, items: \"{hex}\", signed: "
          "\"{body}\" }\n",
          "grapnel.yaml:2:3: source \"s\": where the event's id and type are is not known: add it, like event: { id: "
          "/id, type: /type }\n" },
        { SIGNATURE("header: X"), "grapnel.yaml:6:5: source \"s\": signature: \"items\" is missing (what the header "
                                  "holds, like [ \"t={timestamp}\", \"v1={hex}\" ])\n"
                                  "grapnel.yaml:6:5: source \"s\": signature: \"signed\" is missing (what is signed, "
                                  "like \"{timestamp}.{body}\")\n" },
        { SIGNATURE("heeder: X, items: \"{hex}\", signed: \"{body}\""),
          "grapnel.yaml:6:5: source \"s\": signature: \"header\" is missing (the header that holds the signature)\n"
          "grapnel.yaml:6:18: source \"s\": signature: unknown key \"heeder\"; did you mean \"header\"?\n" },
        { SIGNATURE("header: X, items: [], signed: \"{body}\""),
          "grapnel.yaml:6:36: source \"s\": signature: \"items\" must be from 1 to 7 texts, not 0\n" },
        { SIGNATURE("header: X, items: \"{hex}\", signed: \"{body}\", hash: md5"),
          "grapnel.yaml:6:69: source \"s\": signature: \"hash\" can't be \"md5\"; it must be one of sha256, sha1, "
          "sha512\n" },
        { SIGNATURE("header: X, items: \"{hex}\", signed: \"{body}\", secret: base46"),
          "grapnel.yaml:6:71: source \"s\": signature: \"secret\" can't be \"base46\"; did you mean \"base64\"?\n" },
        { SIGNATURE("header: X, items: \"{hex}\", signed: \"{timestamp}.{body}\", timestamp: X-Time"),
          "grapnel.yaml:6:86: source \"s\": signature: timestamp: { header: NAME } is expected here, not a text\n" },
        { SIGNATURE("header: X, items: [ \"t={timestamp}\", \"{hex}\" ], signed: \"{body}\""),
          "grapnel.yaml:6:5: source \"s\": signature: signed: {timestamp} is not in it, so that anyone could change "
          "the time\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

static void secrets_that_are_no_key(void **state) {
    struct config_test *test = *state;
    config_test_read(test, "sources:\n  s:\n    path: /s\n    secrets: not-hex\n    event: { id: /id, type: /type }\n"
                           "    signature: { header: X, items: \"{hex}\", signed: \"{body}\", secret: hex }\n");
    assert_int_equal(test->mistakes.count, 1);
    assert_ptr_equal(strstr(test->mistakes.texts[0], "grapnel.yaml:4:14: source \"s\": "), test->mistakes.texts[0]);
    assert_null(strstr(test->mistakes.texts[0], "not-hex"));
}

static void plugins(void **state) {
    static const struct mistake mistakes[] = {
        { GOOD_SOURCE "plugins: { E-mail: { file: email.so } }\n",
          "grapnel.yaml:2:12: plugin \"E-mail\": the name \"E-mail\" must be 1 to 64 of a-z, 0-9, _ and -\n" },
        { GOOD_SOURCE "plugins: { emial: }\n",
          "grapnel.yaml:2:12: plugin \"emial\": there is no file emial.so in FOLDER/plugins, FOLDER/installed\n" },
        { GOOD_SOURCE "plugin_path: [ ./a, /b ]\nplugins: { email: { file: gone.so } }\n",
          "grapnel.yaml:3:27: plugin \"email\": there is no file gone.so in FOLDER/a, /b, FOLDER/installed\n" },
        { PLUGIN("file: ./plugins/none.so"), "grapnel.yaml:3:18: plugin \"email\": the file FOLDER/plugins/none.so "
                                             "can't be read: No such file or directory\n" },
        { PLUGIN("file: ./plugins"), "grapnel.yaml:3:18: plugin \"email\": FOLDER/plugins is not a regular file\n" },
        { PLUGIN("setings: {}"),
          "grapnel.yaml:3:12: plugin \"email\": unknown key \"setings\"; did you mean \"settings\"?\n" },
        { PLUGIN("settings: [ a ]"), "grapnel.yaml:3:22: plugin \"email\": \"settings\" must be a map, not a list\n" },
        { PLUGIN("workers: 0"), "grapnel.yaml:3:21: plugin \"email\": \"workers\" must be from 1 to 64, not 0\n" },
        { PLUGIN("workers: 65"), "grapnel.yaml:3:21: plugin \"email\": \"workers\" must be from 1 to 64, not 65\n" },
        { PLUGIN("deadline: soon"), "grapnel.yaml:3:22: plugin \"email\": \"deadline\" must be a duration like 500ms, "
                                    "10s, 5m, 6h or 30d, not \"soon\"\n" },
        { PLUGIN("memory: 1MiB"),
          "grapnel.yaml:3:20: plugin \"email\": \"memory\" must be from 8MiB to 1TiB, not 1MiB\n" },
        { PLUGIN("retry: { attempts: 0 }"),
          "grapnel.yaml:3:31: plugin \"email\": retry: \"attempts\" must be from 1 to 1000, not 0\n" },
        { PLUGIN("retry: { factor: 0.5 }"),
          "grapnel.yaml:3:29: plugin \"email\": retry: \"factor\" must be from 1 to 100, not 0.5\n" },
        { PLUGIN("retry: { factor: 1e3 }"),
          "grapnel.yaml:3:29: plugin \"email\": retry: \"factor\" must be a number like 2 or 1.5, not \"1e3\"\n" },
        { PLUGIN("retry: { jitter: 101% }"),
          "grapnel.yaml:3:29: plugin \"email\": retry: \"jitter\" must be from 0% to 100%, not 101%\n" },
        { PLUGIN("retry: { jitter: 0.2 }"),
          "grapnel.yaml:3:29: plugin \"email\": retry: \"jitter\" must be a percentage like 20%, not \"0.2\"\n" },
        { PLUGIN("retry: never"),
          "grapnel.yaml:3:19: plugin \"email\": retry: a map of keys is expected here, not a text\n" },
        { PLUGIN("breaker: { failure: 3 }"),
          "grapnel.yaml:3:23: plugin \"email\": breaker: unknown key \"failure\"; did you mean \"failures\"?\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

static void routes(void **state) {
    static const struct mistake mistakes[] = {
        { GOOD_SOURCE "plugins: { email: , logging: }\nroutes:\n  order.*: [ logging, emial ]\n",
          "grapnel.yaml:4:23: route \"order.*\": unknown plugin \"emial\"; did you mean \"email\"?\n" },
        { GOOD_SOURCE "plugins: { email: , logging: }\nroutes:\n  order.*: something\n",
          "grapnel.yaml:4:12: route \"order.*\": unknown plugin \"something\"; the plugins are email, logging\n" },
        { GOOD_SOURCE "routes:\n  order.*: email\n",
          "grapnel.yaml:3:12: route \"order.*\": unknown plugin \"email\"\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes:\n  t/order.*: email\n",
          "grapnel.yaml:4:3: route \"t/order.*\": \"t\", before the slash, is no source; the sources are s\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes:\n  s/: email\n",
          "grapnel.yaml:4:3: route \"s/\": the pattern of event types is empty; all types are \"*\"\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes:\n  \"\": email\n",
          "grapnel.yaml:4:3: route \"\": the pattern of event types is empty; all types are \"*\"\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes:\n  x: { email: 1 }\n",
          "grapnel.yaml:4:6: route \"x\": \"a plugin's name\" must be a text, { file: PATH } or { env: NAME }, not a "
          "map\n" },
    };
    ASSERT_MISTAKES(state, mistakes);
}

static void all_are_told_in_one_run_from_the_top_down(void **state) {
    struct config_test *test = *state;
    config_test_read(test, "routes:\n  a: [ nobody ]\nplugins:\n  email: { workers: x }\nsources:\n  s: { path: /s "
                           "}\nlog: { level: x }\nlgo: 1\n"
                           "state: &x 1\n");
    assert_lines(
        test, &test->mistakes,
        "grapnel.yaml:2:8: route \"a\": unknown plugin \"nobody\"; the plugins are email\n"
        "grapnel.yaml:4:21: plugin \"email\": \"workers\" must be a whole number, not \"x\"\n"
        "grapnel.yaml:6:3: source \"s\": \"signature\" is missing (the name of a preset, or how the sender signs)\n"
        "grapnel.yaml:6:3: source \"s\": \"secrets\" is missing (what the sender signs with, like [ { env: "
        "WEBHOOK_SECRET } ])\n"
        "grapnel.yaml:7:15: log: \"level\" can't be \"x\"; it must be one of debug, info, warn, error\n"
        "grapnel.yaml:8:1: unknown key \"lgo\"; did you mean \"log\"?\n"
        "grapnel.yaml:9:8: anchors (&…) are not supported; write the value out where it is needed, or put a text that "
        "begins with & in quotes\n");
}

static void what_is_probably_not_meant_is_warned_of(void **state) {
    static const struct mistake warnings[] = {
        { "plugins: { email: }\nroutes: { \"*\": email }\n",
          "grapnel.yaml:1:1: warning: no sources: every request is answered 404\n" },
        { GOOD_SOURCE, "grapnel.yaml:1:1: warning: no plugins: events are verified and kept, and delivered to none\n"
                       "grapnel.yaml:1:1: warning: no routes: events are verified and kept, and delivered to none\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes:\n",
          "grapnel.yaml:3:1: warning: no routes: events are verified and kept, and delivered to none\n" },
        { GOOD_SOURCE "plugins: { email: , logging: }\nroutes: { \"*\": email }\n",
          "grapnel.yaml:2:21: warning: plugin \"logging\" is in no route: no event is delivered to it\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes: { a: [], \"*\": email }\n",
          "grapnel.yaml:3:11: warning: route \"a\": no plugins: what matches only this row is kept, and delivered to "
          "none\n" },
        { GOOD_SOURCE "plugins: { email: { retry: { longest: 1s } } }\nroutes: { \"*\": email }\n",
          "grapnel.yaml:2:28: warning: plugin \"email\": retry: \"longest\" (1s) is shorter than \"first\" (5s): each "
          "retry "
          "waits 1s\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes: { \"*\": email }\nretain: { ids: 3d }\n",
          "grapnel.yaml:4:16: warning: retain: \"ids\" (3d) is shorter than \"events\" (7d), and is taken as 7d: an "
          "event that is kept is known by its id\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes: { \"*\": email }\nretain: { events: 1d, ids: 3d }\n",
          "grapnel.yaml:4:28: warning: retain: \"ids\" is under 4d: an event that its sender repeats after that is "
          "taken for a new one\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes: { \"*\": email }\nretain: { ids: 12h, events: 1d }\n",
          "grapnel.yaml:4:16: warning: retain: \"ids\" (12h) is shorter than \"events\" (1d), and is taken as 1d: an "
          "event that is kept is known by its id\n"
          "grapnel.yaml:4:16: warning: retain: \"ids\" is under 4d: an event that its sender repeats after that is "
          "taken for a new one\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes: { \"*\": email }\nretain: { disk: 63MiB, events: 60d }\n",
          "grapnel.yaml:4:17: warning: retain: \"disk\" is under 64MiB: beside the ids and the write-ahead log little "
          "of "
          "it is left for events\n" },
        { GOOD_SOURCE "plugins: { email: }\nroutes: { \"*\": email }\nretain: { disk: 64MiB, ids: 7d }\n", "" },
        { SOURCE("url: https://shop.example/") "plugins: { email: }\nroutes: { \"*\": email }\n",
          "grapnel.yaml:2:49: warning: source \"s\": \"url\" has no effect: this signature is not over the url\n" },
        { "sources: { s: { path: /s, signature: github, secrets: x, tolerance: 1m } }\nplugins: { email: }\nroutes: { "
          "\"*\": email }\n",
          "grapnel.yaml:1:58: warning: source \"s\": \"tolerance\" has no effect: this signature has no timestamp\n" },
    };
    struct config_test *test = *state;
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++) {
        config_test_read_good(test, warnings[i].text);
        assert_lines(test, &test->warnings, warnings[i].lines);
    }
}

/* A file's name instead of what the file holds would be a secret that is easily guessed. It is not repeated. */
static void a_secret_that_is_a_file_name(void **state) {
    struct config_test *test = *state;
    test_write_text("shop.secret", "whsec_a\n");
    config_test_read_good(test,
                          "sources: { s: { path: /s, signature: stripe, secrets: [ shop.secret, other.secret ] } }\n"
                          "plugins: { email: }\nroutes: { \"*\": email }\n");
    assert_lines(
        test, &test->warnings,
        "grapnel.yaml:1:57: warning: source \"s\": this text itself is the secret, and it is the name of a file "
        "that is there; for what the file holds write { file: … }\n");
}

/* What makes every signature wrong, and can't be seen in an editor. */
static void secrets_with_more_than_a_secret(void **state) {
    static const struct {
        const char *secret, *warning;
    } cases[] = {
        { "whsec_a", "" },
        { "whsec_a\n", "" },
        { "two words\n", "" },
        { "whsec_a\n\n", "the secret ends in white space, which is taken for a part of it\n" },
        { "whsec_a ", "the secret ends in white space, which is taken for a part of it\n" },
        { "whsec_a\t\n", "the secret ends in white space, which is taken for a part of it\n" },
        { "whsec_a\r\n",
          "the secret ends in white space, which is taken for a part of it: a file with the line ends of Windows?\n" },
        { " whsec_a\n", "the secret begins with white space, which is taken for a part of it\n" },
        { "whsec_a\nwhsec_b\n", "the secret holds several lines, and all of them are taken for one secret\n" },
        { "whsec_a\r\nwhsec_b\r\n", "the secret holds several lines, and all of them are taken for one secret\n" },
    };
    struct config_test *test = *state;
    char expected[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_write_text("pasted.secret", cases[i].secret);
        config_test_read_good(test,
                              "sources: { s: { path: /s, signature: stripe, secrets: [ { file: pasted.secret } ] } }\n"
                              "plugins: { email: }\nroutes: { \"*\": email }\n");
        snprintf(expected, sizeof expected, "%s%s",
                 cases[i].warning[0] ? "grapnel.yaml:1:57: warning: source \"s\": " : "", cases[i].warning);
        assert_lines(test, &test->warnings, expected);
    }
}

static void tables_have_limits(void **state) {
    struct config_test *test = *state;
    static char text[128 * 1024];
    char *at = text + sprintf(text, "plugins:\n");
    for (int i = 0; i <= SETUP_PLUGIN_LIMIT; i++)
        at += sprintf(at, "  p%d: { file: email.so }\n", i);
    at += sprintf(at, "sources:\n");
    for (int i = 0; i <= SETUP_SOURCE_LIMIT; i++)
        at += sprintf(at, "  s%d: { path: /%d, signature: stripe, secrets: x }\n", i, i);
    at += sprintf(at, "routes:\n");
    for (int i = 0; i <= SETUP_ROUTE_LIMIT; i++)
        at += sprintf(at, "  r%d: x\n", i);
    at += sprintf(at, "listen:\n");
    for (int i = 0; i <= SETUP_LISTEN_LIMIT; i++)
        at += sprintf(at, "  - :%d\n", i);
    config_test_read(test, text);
    assert_lines(test, &test->mistakes,
                 "grapnel.yaml:1:1: more than 64 plugins\n"
                 "grapnel.yaml:67:1: more than 256 sources\n"
                 "grapnel.yaml:325:1: more than 1024 routes\n"
                 "grapnel.yaml:1352:3: listen: more than 16 addresses\n");
}

static void more_than_can_be_told(void **state) {
    struct config_test *test = *state;
    static char text[16 * 1024];
    char *at = text + sprintf(text, "plugins: {}\n");
    for (int i = 0; i < FAULT_LIST_LIMIT + 3; i++)
        at += sprintf(at, "key%d: x\n", i);
    config_test_read(test, text);
    assert_int_equal(test->mistakes.count, FAULT_LIST_LIMIT + 1);
    assert_string_equal(
        test->mistakes.texts[0],
        "grapnel.yaml:2:1: unknown key \"key0\"; the keys here are state, plugin_path, listen, admin, log, limits, "
        "retain, sources, plugins, routes");
    assert_string_equal(test->mistakes.texts[FAULT_LIST_LIMIT], "… and 3 more");
}

static void no_warning_that_follows_from_a_mistake(void **state) {
    struct config_test *test = *state;
    config_test_read(test, GOOD_SOURCE "plugins: { email: }\nroutes: { a: [], \"*\": emial }\n");
    assert_lines(test, &test->mistakes,
                 "grapnel.yaml:3:23: route \"*\": unknown plugin \"emial\"; did you mean \"email\"?\n");
    assert_lines(test, &test->warnings,
                 "grapnel.yaml:3:11: warning: route \"a\": no plugins: what matches only this row is kept, and "
                 "delivered to none\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, config_test_setup, config_test_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(top_level),
        TEST(limits_and_retain),
        TEST(listen_and_admin),
        TEST(sources),
        TEST(spelled_out_signatures),
        TEST(secrets_that_are_no_key),
        TEST(plugins),
        TEST(routes),
        TEST(all_are_told_in_one_run_from_the_top_down),
        TEST(what_is_probably_not_meant_is_warned_of),
        TEST(a_secret_that_is_a_file_name),
        TEST(secrets_with_more_than_a_secret),
        TEST(more_than_can_be_told),
        TEST(no_warning_that_follows_from_a_mistake),
        TEST(tables_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
