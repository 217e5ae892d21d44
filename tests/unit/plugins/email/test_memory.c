/* email.so in a real host, for so many events that a leak of a few bytes each would show: into a Maildir, and to a mail server.
 *
 *     test_memory 100000                                                        so many events
 *     valgrind --leak-check=full --error-exitcode=9 test_memory 1000 valgrind   not measured, as valgrind's own memory grows */
#include "../../host/rig.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>

static int maildir_events = 20000, smtp_events = 2000;
#ifdef __SANITIZE_ADDRESS__
static bool measured = false; /* the sanitizer's own report is what counts */
#else
static bool measured = true;
#endif
enum { BATCH = 100, GROWTH_PAGES = 64 };

static const char body[] =
    "{\"data\": {\"name\": \"Zo\\u00eb\", \"amount\": 4999, \"currency\": \"eur\", \"mail\": \"zoe@example.org\"}}";

static const char *const settings[] = { "smtp_url",
                                        "",
                                        "starttls",
                                        "auto",
                                        "user",
                                        "",
                                        "password",
                                        "",
                                        "ca_file",
                                        "",
                                        "maildir",
                                        "",
                                        "timezone",
                                        "UTC",
                                        "from",
                                        "\"{{/data/name}}, Shop\" <shop@example.com>",
                                        "to",
                                        "{{/data/name}} <{{/data/mail}}>",
                                        "subject",
                                        "{{/data/name}} \xe2\x9c\x93 {{id}}",
                                        "text",
                                        "{{/data/amount | money /data/currency}} {{received | time}}\n",
                                        "html",
                                        "<p>{{/data/name | url}} {{/none | default \"<>\"}}</p>",
                                        "headers/X-Id",
                                        "{{id}}",
                                        NULL };

/* How many events come before the first measurement; every value that the mails need has been seen then. */
static int warm_up(int total) {
    return total / 10 / BATCH * BATCH;
}

static long resident_pages(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(path, sizeof path, file));
    fclose(file);
    char *resident;
    strtol(path, &resident, 10); /* the size comes first */
    return strtol(resident, NULL, 10);
}

/* BUILD/plugins/email.so; this executable is BUILD/tests/unit/plugins/email/NAME. */
static const char *plugin(void) {
    static char path[512];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    assert_true(length > 0);
    path[length] = '\0';
    char *end = strstr(path, "/tests/unit/plugins/");
    assert_non_null(end);
    snprintf(end, 32, "/plugins/email.so");
    return path;
}

/* Starts the plugin with the settings above, one of them replaced. */
static void begin(struct rig *rig, const char *name, const char *value) {
    const char *own[sizeof settings / sizeof *settings];
    struct wire_frame frame;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        own[i] = i && settings[i] && strcmp(settings[i - 1], name) == 0 ? value : settings[i];
    rig->deadline_ms = RIG_PATIENCE_MS;
    rig_start(rig);
    rig_put_start(rig, plugin());
    rig_put_init(rig, WIRE_INIT_RUN, own);
    rig_send(rig);
    rig_expect(rig, WIRE_HELLO, &frame);
    rig_expect(rig, WIRE_READY, &frame);
    if (wire_get_number(&frame) != GRAPNEL_OK)
        fail_msg("init: %s", wire_get_text(&frame).data);
}

/* The next outcome; lines of log before it are passed over. */
static int64_t outcome_code(struct rig *rig) {
    struct wire_frame frame;
    do
        assert_true(rig_receive(rig, &frame));
    while (frame.type == WIRE_LOG);
    assert_int_equal(frame.type, WIRE_OUTCOME);
    wire_get_number(&frame);
    return wire_get_number(&frame);
}

/* Takes away what was written, so that the folder stays small; returns how much it was. */
static int folder_empty(const char *path) {
    DIR *folder = opendir(path);
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            count += unlinkat(dirfd(folder), entry->d_name, 0) == 0;
    closedir(folder);
    return count;
}

/* `new`: the folder of the mails; null if they are sent. */
static void deliver_all(struct rig *rig, int total, const char *new) {
    long before = 0;
    for (int sequence = 1; sequence <= total; sequence += BATCH) {
        if (sequence == warm_up(total) + 1)
            before = resident_pages(rig->child);
        for (int i = 0; i < BATCH; i++)
            rig_put_event(rig, sequence + i, false, body);
        rig_send(rig);
        for (int i = 0; i < BATCH; i++)
            assert_int_equal(outcome_code(rig), GRAPNEL_OK);
        if (new)
            assert_int_equal(folder_empty(new), BATCH);
    }
    long after = resident_pages(rig->child);
    print_message("resident: %ld pages after %d events, %ld after %d\n", before, warm_up(total), after, total);
    if (measured)
        assert_true(after - before < GROWTH_PAGES);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
    return remove(path);
}

static void test_maildir(void **state) {
    /* In memory if there is such a file system: thousands of fsync are not what is tested. */
    char folder[64], new[128];
    struct rig rig;
    snprintf(folder, sizeof folder, "%s/grapnel-mail-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(new, sizeof new, "%s/new", folder);
    rig_folder(&rig);
    begin(&rig, "maildir", folder);
    deliver_all(&rig, maildir_events, new);
    rig_stop(&rig);
    rig_end(&rig);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- a mail server that takes everything ---- */

struct sink {
    int listener;
    int mails;
    pthread_t thread;
};

/* Answers commands until the client goes away. The whole mail is a line of its own here, ended by the dot. */
static void sink_serve(struct sink *sink, int client) {
    char line[4096];
    FILE *in = fdopen(client, "r+e");
    bool data = false;
    assert_non_null(in);
    dprintf(client, "220 sink\r\n");
    while (fgets(line, sizeof line, in)) {
        if (data && strcmp(line, ".\r\n") != 0)
            continue;
        sink->mails += data;
        data = !data && strncmp(line, "DATA", 4) == 0;
        dprintf(client, data ? "354 go on\r\n" : "250 OK\r\n");
    }
    fclose(in);
}

static void *sink_run(void *user) {
    struct sink *sink = user;
    for (int client; (client = accept4(sink->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        sink_serve(sink, client);
    return NULL;
}

static void test_smtp(void **state) {
    struct sink sink = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    char url[64];
    struct rig rig;
    assert_int_equal(bind(sink.listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(sink.listener, 4), 0);
    assert_int_equal(getsockname(sink.listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof url, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
    rig_folder(&rig);
    begin(&rig, "smtp_url", url); /* forks: the thread comes after it */
    assert_int_equal(pthread_create(&sink.thread, NULL, sink_run, &sink), 0);
    deliver_all(&rig, smtp_events, NULL);
    rig_stop(&rig);
    rig_end(&rig);
    shutdown(sink.listener, SHUT_RDWR);
    pthread_join(sink.thread, NULL);
    close(sink.listener);
    assert_int_equal(sink.mails, smtp_events);
}

int main(int count, char **arguments) {
    if (count > 1) {
        maildir_events = smtp_events = (int)strtol(arguments[1], NULL, 10);
        measured = measured && count == 2;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_maildir), cmocka_unit_test(test_smtp) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
