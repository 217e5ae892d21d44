/* Mails in a Maildir: once for each key, whatever became of them; what a killed process left. */
#include "call.h"

#include <ftw.h>

#include "maildir.h"

static char folder[64];

static int setup(void **state) {
    /* In memory if there is such a file system: thousands of fsync are not what is tested. */
    snprintf(folder, sizeof folder, "%s/grapnel-maildir-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
    return remove(path);
}

static int teardown(void **state) {
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int file_count(const char *name) {
    DIR *files = opendir(path_of(name));
    assert_non_null(files);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(files));)
        count += entry->d_name[0] != '.';
    closedir(files);
    return count;
}

static void move(const char *from, const char *to) {
    char old[512];
    snprintf(old, sizeof old, "%s", path_of(from));
    assert_int_equal(rename(old, path_of(to)), 0);
}

static void test_once(void **state) {
    static const char *const shown[] = { "box/cur/a.grapnel:2,", "box/cur/a.grapnel:2,S", "box/cur/a.grapnel:2,FRS",
                                         "box/cur/a.grapnel:2,DFPRST", "box/cur/a.grapnel" };
    struct maildir maildir;
    assert_int_equal(maildir_open(&maildir, path_of("box")), 0);
    assert_int_equal(maildir_store(&maildir, "a", "A: b\r\n\r\nc\rd\r\n", 14), 0);
    assert_file(path_of("box/new/a.grapnel"), "A: b\n\nc\rd\n");
    assert_int_equal(maildir_store(&maildir, "a", "other\r\n", 7), 0);
    assert_file(path_of("box/new/a.grapnel"), "A: b\n\nc\rd\n");
    const char *at = "box/new/a.grapnel";
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        move(at, shown[i]);
        at = shown[i];
        assert_int_equal(maildir_store(&maildir, "a", "other\r\n", 7), 0);
        assert_int_equal(file_count("box/new") + file_count("box/tmp"), 0);
    }
    assert_int_equal(maildir_store(&maildir, "b", "x", 1), 0);
    assert_int_equal(file_count("box/new"), 1);
    maildir_close(&maildir);
    assert_int_equal(maildir_open(&maildir, path_of("box")), 0); /* what is there already is good */
    maildir_close(&maildir);
}

static void test_left_behind(void **state) {
    struct maildir maildir;
    assert_int_equal(maildir_open(&maildir, path_of("box")), 0);
    FILE *file = fopen(path_of("box/tmp/a.grapnel"), "we");
    assert_non_null(file);
    fputs("half a mail, and much longer than the whole one", file);
    fclose(file);
    assert_int_equal(maildir_store(&maildir, "a", "whole\r\n", 7), 0);
    assert_file(path_of("box/new/a.grapnel"), "whole\n");
    assert_int_equal(file_count("box/tmp"), 0);
    /* Nobody who may write there can have us write elsewhere. */
    assert_int_equal(symlink("../elsewhere", path_of("box/tmp/b.grapnel")), 0);
    assert_int_equal(maildir_store(&maildir, "b", "x", 1), ELOOP);
    maildir_close(&maildir);
}

static void test_errors(void **state) {
    struct maildir maildir;
    assert_int_equal(maildir_probe(path_of("box")), 0);
    assert_int_equal(maildir_probe(path_of("none/box")), ENOENT);
    assert_int_equal(maildir_open(&maildir, path_of("none/box")), ENOENT);
    FILE *file = fopen(path_of("file"), "we");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(maildir_probe(path_of("file")), ENOTDIR);
    assert_int_equal(maildir_open(&maildir, path_of("file")), ENOTDIR);
    assert_int_equal(maildir.new, -1);
    assert_int_equal(maildir_open(&maildir, path_of("box")), 0);
    assert_int_equal(maildir_probe(path_of("box")), 0);
    assert_int_equal(rmdir(path_of("box/tmp")), 0);
    assert_int_equal(maildir_store(&maildir, "a", "x", 1), ENOENT);
    maildir_close(&maildir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
