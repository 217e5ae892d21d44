/* Copies of a store: while it is written to, after it was left behind, interrupted, killed; and that nothing is ever
 * overwritten. Each copy is made by a process of its own, as it must be: another one's locks would go with it. */
#include "store_test.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Kills or gives up at a step; else counts. */
struct steps {
    int kill_at, give_up_at; /* from 1; 0: never */
    int count;
    bool disorder;
};

static bool steps_step(void *context, int64_t done_bytes, int64_t all_bytes) {
    struct steps *steps = context;
    steps->disorder |= done_bytes < 0 || done_bytes > all_bytes || all_bytes <= 0;
    steps->count++;
    if (steps->count == steps->kill_at) {
        raise(SIGKILL);
    }
    return steps->count != steps->give_up_at;
}

enum { DONE = 0, FAILED = 10, DISORDER = 11 };

/* What this program is when it is started with arguments: FOLDER FILE KILL_AT GIVE_UP_AT. */
static int backup_main(char **arguments) {
    struct steps steps = { .kill_at = (int)strtol(arguments[3], NULL, 10),
                           .give_up_at = (int)strtol(arguments[4], NULL, 10) };
    struct store_progress progress = { &steps, steps_step };
    struct fault fault = { "" };
    bool made = store_backup(arguments[1], arguments[2], &progress, &fault);
    fputs(fault.text, stdout);
    return steps.disorder ? DISORDER : made ? DONE : FAILED;
}

/* In a process of its own. Its exit code, or minus the signal that ended it; *fault holds what it said. */
static int backup_in_child(struct bench *bench, const char *file, int kill_at, int give_up_at, struct fault *fault) {
    int words[2];
    char kill[16], give_up[16];
    snprintf(kill, sizeof kill, "%d", kill_at);
    snprintf(give_up, sizeof give_up, "%d", give_up_at);
    assert_int_equal(pipe2(words, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(words[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test_backup", bench->folder, file, kill, give_up, NULL);
        _exit(127);
    }
    close(words[1]);
    int status, length = (int)read(words[0], fault->text, sizeof fault->text - 1);
    fault->text[length > 0 ? length : 0] = '\0';
    close(words[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int64_t file_integer(const char *path, const char *text) {
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return value;
}

static void assert_whole(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(file_integer(path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    assert_int_equal(file_integer(path, "PRAGMA application_id"), 0x47524e4c);
    assert_true(file_integer(path, "PRAGMA user_version") > 0);
}

static bool is_there(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

/* Beside the state folder. */
static void target_path(struct bench *bench, const char *name, char path[160]) {
    snprintf(path, 160, "%s.%s", bench->folder, name);
}

/* Puts one after the other, until it is told to stop. */
struct writing {
    struct bench *bench;
    _Atomic bool stop;
    _Atomic int answered;
};

static void *writing_run(void *context) {
    struct writing *writing = context;
    for (int i = 0; !writing->stop; i++) {
        char id[32];
        snprintf(id, sizeof id, "evt_%d", i);
        put_one(writing->bench, id, STORE_ACCEPTED);
        writing->answered++;
    }
    return NULL;
}

/* Waited for without a clock: every put before it was answered. */
static void writing_wait(struct writing *writing, int count) {
    struct bench *bench = writing->bench;
    pthread_mutex_lock(&bench->mutex);
    while (writing->answered < count) {
        pthread_cond_wait(&bench->changed, &bench->mutex);
    }
    pthread_mutex_unlock(&bench->mutex);
}

static void test_of_a_store_that_is_written_to(void **state) {
    struct bench *bench = *state;
    char path[160];
    pthread_t thread;
    struct fault fault;
    target_path(bench, "copy", path);
    bench_open(bench);
    bench_start(bench);
    struct writing writing = { .bench = bench };
    assert_int_equal(pthread_create(&thread, NULL, writing_run, &writing), 0);
    for (int i = 0; i < 5; i++) {
        writing_wait(&writing, 50 * (i + 1));
        int answered = writing.answered;
        assert_int_equal(backup_in_child(bench, path, 0, 0, &fault), DONE);
        assert_whole(path);
        /* The first ones, without a gap, and all that was answered before it began. */
        int64_t events = file_integer(path, "SELECT count(*) FROM event");
        assert_true(events >= answered);
        assert_int_equal(file_integer(path, "SELECT max(number) FROM event"), events);
        assert_int_equal(file_integer(path, "SELECT count(*) FROM delivery"), 2 * events);
        assert_int_equal(file_integer(path, "SELECT pending FROM tally WHERE plugin = 0"), events);
        assert_int_equal(unlink(path), 0);
    }
    writing.stop = true;
    pthread_join(thread, NULL);
    put_one(bench, "one more", STORE_ACCEPTED);
    assert_int_equal(bench->broken, 0);
}

/* Put in the place of the store, it is one: nothing is accepted twice, and all deliveries are there. */
static void test_restores(void **state) {
    struct bench *bench = *state;
    char copy[160], path[128], log[160];
    struct fault fault;
    struct store_delivery read[4];
    target_path(bench, "copy", copy);
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    put_one(bench, "evt_2", STORE_ACCEPTED);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), DONE);
    put_one(bench, "evt_3", STORE_ACCEPTED);
    bench_close(bench);
    bench_path(bench, "grapnel.db", path);
    snprintf(log, sizeof log, "%s-wal", path);
    assert_false(is_there(log));
    assert_int_equal(rename(copy, path), 0);
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_DUPLICATE);
    put_one(bench, "evt_3", STORE_ACCEPTED);
    assert_int_equal(read_fresh(bench, bench->plugins[0], 0, read, 4), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read[i].event->number, i + 1);
        event_release(read[i].event);
    }
}

/* A daemon that was killed leaves a log, which belongs to the store. */
static void test_of_a_store_that_was_left_behind(void **state) {
    struct bench *bench = *state;
    char copy[160], log[128];
    struct fault fault;
    target_path(bench, "copy", copy);
    pid_t child = fork();
    if (child == 0) {
        bench_open(bench);
        bench_start(bench);
        put_one(bench, "evt_1", STORE_ACCEPTED);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    bench_path(bench, "grapnel.db-wal", log);
    assert_true(is_there(log));
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), DONE);
    assert_whole(copy);
    assert_int_equal(file_integer(copy, "SELECT count(*) FROM event"), 1);
    assert_int_equal(unlink(copy), 0);
    /* And one that ended well, which leaves none. */
    bench_open(bench);
    bench_close(bench);
    assert_false(is_there(log));
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), DONE);
    assert_whole(copy);
    assert_int_equal(unlink(copy), 0);
    bench_open(bench);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM event"), 1);
}

static void test_killed_or_given_up(void **state) {
    struct bench *bench = *state;
    char copy[160], partial[176];
    struct fault fault;
    target_path(bench, "copy", copy);
    snprintf(partial, sizeof partial, "%s.partial", copy);
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    for (int at = 1; at <= 2; at++) { /* while copying, while checking */
        assert_int_equal(backup_in_child(bench, copy, at, 0, &fault), -SIGKILL);
        assert_false(is_there(copy));
        assert_true(is_there(partial));
        assert_int_equal(backup_in_child(bench, copy, 0, at, &fault), FAILED);
        assert_non_null(strstr(fault.text, "given up"));
        assert_false(is_there(copy));
        assert_false(is_there(partial)); /* taken over from the killed one, and removed */
    }
    assert_int_equal(backup_in_child(bench, copy, 1, 0, &fault), -SIGKILL);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), DONE);
    assert_false(is_there(partial));
    assert_whole(copy);
    assert_int_equal(unlink(copy), 0);
}

static void test_touches_no_other_file(void **state) {
    struct bench *bench = *state;
    char copy[160], partial[176];
    struct fault fault;
    target_path(bench, "copy", copy);
    snprintf(partial, sizeof partial, "%s.partial", copy);
    bench_open(bench);
    int file = open(copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_int_equal(write(file, "mine", 4), 4);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "there already"));
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_size, 4);
    assert_false(is_there(partial));
    /* Under its other name it is nobody's to write either: it is linked, or is being written. */
    assert_int_equal(rename(copy, partial), 0);
    assert_int_equal(flock(file, LOCK_EX), 0);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "let it finish"));
    assert_int_equal(flock(file, LOCK_UN), 0);
    assert_int_equal(link(partial, copy), 0);
    char elsewhere[160];
    target_path(bench, "elsewhere", elsewhere);
    assert_int_equal(rename(copy, elsewhere), 0);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "move it away"));
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_size, 4);
    assert_int_equal(unlink(partial), 0);
    assert_int_equal(symlink(elsewhere, partial), 0);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_size, 4);
    close(file);
    assert_int_equal(unlink(partial), 0);
    assert_int_equal(unlink(elsewhere), 0);
    assert_false(is_there(copy));
}

/* Words for a person. */
static void test_faults(void **state) {
    struct bench *bench = *state;
    char copy[160], path[128];
    struct fault fault;
    target_path(bench, "copy", copy);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "no store"));
    bench_open(bench);
    bench_close(bench);
    assert_int_equal(backup_in_child(bench, "/nonexistent/copy", 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "/nonexistent: there is no such folder"));
    bench_execute(bench, "PRAGMA application_id = 1");
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "/grapnel.db: this is a database of another program"));
    bench_execute(bench, "PRAGMA application_id = 0x47524e4c");
    /* A page of it is not what it was. */
    bench_path(bench, "grapnel.db", path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    char garbage[4096];
    memset(garbage, 0xa5, sizeof garbage);
    assert_int_equal(pwrite(file, garbage, sizeof garbage, 4 * 4096), sizeof garbage);
    close(file);
    assert_int_equal(backup_in_child(bench, copy, 0, 0, &fault), FAILED);
    assert_non_null(strstr(fault.text, "damaged"));
    assert_false(is_there(copy));
    assert_int_equal(ftruncate(file = open(path, O_RDWR | O_CLOEXEC), 0), 0);
    close(file);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(int count, char **arguments) {
    if (count == 5) {
        return backup_main(arguments);
    }
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_of_a_store_that_is_written_to),   STORE_TEST(test_restores),
        STORE_TEST(test_of_a_store_that_was_left_behind), STORE_TEST(test_killed_or_given_up),
        STORE_TEST(test_touches_no_other_file),           STORE_TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
