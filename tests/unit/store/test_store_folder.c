/* State folders that can't be used, or hold what is not ours: it is said what to do, by the start and by the check, and
 * nothing is changed. */
#include <sys/stat.h>

#include "store_test.h"

static void assert_open_fails(struct bench *bench, const char *expected) {
    struct fault fault = { "" };
    assert_null(bench_try_open(bench, &fault));
    if (!strstr(fault.text, expected) || !strstr(fault.text, bench->folder)) {
        fail_msg("\"%s\" does not say \"%s\" and the path", fault.text, expected);
    }
}

/* Neither can it be opened, nor does the check call it usable; both say why. */
static void assert_unusable(struct bench *bench, const char *expected) {
    struct fault fault = { "" };
    assert_open_fails(bench, expected);
    assert_false(store_check(bench->folder, &fault));
    if (!strstr(fault.text, expected) || !strstr(fault.text, bench->folder)) {
        fail_msg("\"%s\" does not say \"%s\" and the path", fault.text, expected);
    }
}

static void assert_usable(struct bench *bench) {
    struct fault fault = { "" };
    if (!store_check(bench->folder, &fault)) {
        fail_msg("%s", fault.text);
    }
}

static void test_folder_is_taken(void **state) {
    struct bench *bench = *state;
    char pid[32];
    bench_open(bench);
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_open_fails(bench, pid);
    bench_close(bench);
    bench_open(bench); /* the lock went with the store */
}

static void test_store_of_another_version(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_close(bench);
    assert_usable(bench);
    bench_execute(bench, "PRAGMA user_version = 99");
    assert_unusable(bench, "newer grapnel (its version is 99");
    bench_execute(bench, "PRAGMA user_version = 1");
    assert_unusable(bench, "from before the first release (its version is 1");
}

static void test_database_of_another_program(void **state) {
    struct bench *bench = *state;
    bench_execute(bench, "PRAGMA application_id = 7; CREATE TABLE theirs (x)");
    assert_unusable(bench, "another program");
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM sqlite_schema"), 1);
}

/* Most programs leave the mark of their files at zero. */
static void test_database_of_a_program_without_a_mark(void **state) {
    struct bench *bench = *state;
    bench_execute(bench, "CREATE TABLE theirs (x)");
    assert_unusable(bench, "another program");
}

static void test_no_database_at_all(void **state) {
    struct bench *bench = *state;
    char path[128], text[128] = "";
    bench_path(bench, "grapnel.db", path);
    FILE *file = fopen(path, "w");
    fputs("This is a letter to my aunt, and it is long enough to be taken for a header.\n", file);
    fclose(file);
    assert_unusable(bench, "damaged, or no database at all");
    file = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_non_null(strstr(text, "aunt"));
}

static void test_folder_can_not_be_made(void **state) {
    struct bench *bench = *state, other = *bench;
    snprintf(other.folder, sizeof other.folder, "%.40s/a/b", bench->folder);
    assert_unusable(&other, "can't be made: its parent folder does not exist: make that first");
    snprintf(other.folder, sizeof other.folder, "%.40s/lock", bench->folder);
    close(open(other.folder, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_unusable(&other, "is a file: correct `state:`");
    snprintf(other.folder, sizeof other.folder, "%.40s/lock/b", bench->folder);
    assert_unusable(&other, "on the way to it, is a file");
}

static void test_folder_is_not_writable(void **state) {
    struct bench *bench = *state, other = *bench;
    bool root = geteuid() == 0;
    snprintf(other.folder, sizeof other.folder, "%.40s/new", bench->folder);
    assert_int_equal(chmod(bench->folder, 0555), 0);
    if (root) {
        assert_int_equal(seteuid(65534), 0); /* root may write anywhere */
    }
    assert_unusable(bench, "can't be used: Permission denied: let the user that grapnel runs as (number ");
    assert_unusable(&other, "can't be made: Permission denied: let the user");
    if (root) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_int_equal(chmod(bench->folder, 0700), 0);
}

/* As after a first start by another user, or when somebody put a link there. */
static void test_files_are_not_usable(void **state) {
    struct bench *bench = *state;
    bool root = geteuid() == 0;
    char path[128];
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_unusable(bench, "grapnel.db: can't be opened for writing: it is a symbolic link");
    assert_int_equal(unlink(path), 0);
    bench_path(bench, "lock", path);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400));
    assert_int_equal(chmod(bench->folder, 0777), 0);
    if (root) {
        assert_int_equal(seteuid(65534), 0);
    }
    assert_unusable(bench, "lock: can't be opened for writing: Permission denied: let the user");
    if (root) {
        assert_int_equal(seteuid(0), 0);
    }
}

static void test_check_makes_nothing(void **state) {
    struct bench *bench = *state;
    char path[128];
    assert_usable(bench);
    assert_int_equal(rmdir(bench->folder), 0); /* was empty still */
    assert_usable(bench);
    assert_int_equal(access(bench->folder, F_OK), -1);
    bench_open(bench);
    bench_close(bench);
    assert_usable(bench);
    bench_path(bench, "grapnel.db-wal", path);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_files_are_private(void **state) {
    struct bench *bench = *state;
    struct stat status;
    char path[128];
    static const char *const names[] = { "grapnel.db", "grapnel.db-wal", "lock" };
    assert_int_equal(rmdir(bench->folder), 0); /* made by the store */
    mode_t before = umask(0);
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    umask(before);
    assert_int_equal(stat(bench->folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bench_path(bench, names[i], path);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_folder_is_taken),
        STORE_TEST(test_store_of_another_version),
        STORE_TEST(test_database_of_another_program),
        STORE_TEST(test_database_of_a_program_without_a_mark),
        STORE_TEST(test_no_database_at_all),
        STORE_TEST(test_folder_can_not_be_made),
        STORE_TEST(test_folder_is_not_writable),
        STORE_TEST(test_files_are_not_usable),
        STORE_TEST(test_check_makes_nothing),
        STORE_TEST(test_files_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
