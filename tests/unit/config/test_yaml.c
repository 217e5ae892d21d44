/* YAML: the tree with its places, and everything of YAML that is refused. */
#include "config_test.h"

#include "config/yaml.h"

static struct yaml_document *parse(const char *text, struct fault_list *mistakes) {
    return yaml_parse("f.yaml", bytes_of(text), mistakes);
}

/* One mistake is all that there may be. */
static void assert_mistake(const char *text, size_t length, const char *expected) {
    struct fault_list mistakes = { 0 };
    struct yaml_document *document = yaml_parse("f.yaml", (struct bytes){ text, length }, &mistakes);
    assert_int_equal(mistakes.count, 1);
    assert_string_equal(mistakes.texts[0], expected);
    yaml_document_free(document);
    fault_list_free(&mistakes);
}

static void tree_has_texts_and_places(void **state) {
    struct fault_list mistakes = { 0 };
    struct yaml_document *document =
        parse("# comment\nname: yes\nlist: [ 1_000, \"a b\" ]\nmap:\n  deep: { x: |-\n", &mistakes);
    assert_true(document->broken);
    yaml_document_free(document);
    fault_list_free(&mistakes);

    document = parse("# comment\nname: yes\nlist: [ 1_000, \"ä b\", z ]\nmap:\n  deep: >-\n    two\n    lines\nnone:\n",
                     &mistakes);
    assert_int_equal(mistakes.count, 0);
    assert_int_equal(document->root->kind, YAML_MAPPING);
    assert_int_equal(document->root->count, 4);
    const struct yaml_node *name = yaml_member(document->root, "name");
    assert_string_equal(name->text, "yes");
    assert_int_equal(name->line, 2);
    assert_int_equal(name->column, 7);
    assert_int_equal(name->key->column, 1);
    const struct yaml_node *list = yaml_member(document->root, "list");
    assert_int_equal(list->kind, YAML_SEQUENCE);
    assert_int_equal(list->count, 3);
    assert_string_equal(list->first->text, "1_000");
    assert_string_equal(list->first->next->text, "ä b");
    assert_int_equal(list->last->column, 23); /* characters, not bytes */
    const struct yaml_node *deep = yaml_member(yaml_member(document->root, "map"), "deep");
    assert_string_equal(deep->text, "two lines");
    assert_int_equal(deep->line, 5);
    assert_true(yaml_member(document->root, "none")->empty);
    assert_null(yaml_member(document->root, "absent"));
    yaml_document_free(document);
}

static const struct {
    const char *text, *mistake;
} refused[] = {
    { "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key \"a\": it is in line 1 already; remove one of them" },
    { "x: { a: 1, a: 2 }\n", "f.yaml:1:12: duplicate key \"a\": it is in line 1 already; remove one of them" },
    { "a: &here 1\n", "f.yaml:1:4: anchors (&…) are not supported; write the value out where it is needed, or put a "
                      "text that begins with & in quotes" },
    { "a: &here [ 1 ]\n", "f.yaml:1:4: anchors (&…) are not supported; write the value out where it is needed, or put "
                          "a text that begins with & in quotes" },
    { "a: *there\n",
      "f.yaml:1:4: aliases (*…) are not supported; write the value out, or put a text that begins with * in quotes" },
    { "*there : 1\n",
      "f.yaml:1:1: aliases (*…) are not supported; write the value out, or put a text that begins with * in quotes" },
    { "a: !!int 1\n", "f.yaml:1:4: tags (!…) are not supported, as every value is a text until Grapnel gives it a "
                      "type; put a text that begins with ! in quotes" },
    { "a: !own { b: 1 }\n", "f.yaml:1:4: tags (!…) are not supported, as every value is a text until Grapnel gives it "
                            "a type; put a text that begins with ! in quotes" },
    { "a: ! b\n", "f.yaml:1:4: tags (!…) are not supported, as every value is a text until Grapnel gives it a type; "
                  "put a text that begins with ! in quotes" },
    { "! a: b\n", "f.yaml:1:1: tags (!…) are not supported, as every value is a text until Grapnel gives it a type; "
                  "put a text that begins with ! in quotes" },
    { "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here; a config file has only one" },
    { "? [ a ]\n: 1\n", "f.yaml:1:3: a key must be a text, not a list or a map" },
    { "{ a: 1 }: 1\n", "f.yaml:1:1: a key must be a text, not a list or a map" },
    { "*: 1\n", "f.yaml:1:1: a text that begins with * must be in quotes, as * alone begins an alias: \"*\"" },
    { "a: [ x, * ]\n", "f.yaml:1:9: a text that begins with * must be in quotes, as * alone begins an alias: \"*\"" },
    { "ä: 1\n*.created: 1\n",
      "f.yaml:2:1: a text that begins with * must be in quotes, as * alone begins an alias: \"*…\"" },
    { "a: \"x\\0y\"\n", "f.yaml:1:4: a text may not hold a zero byte" },
    { "a:\n\tb: 1\n", "f.yaml:2:1: found character that cannot start any token (while scanning for the next token from "
                      "line 2); indent with spaces, "
                      "not with tabs" },
    { "a: [ 1\nb: 2\n", "f.yaml:2:2: did not find expected ',' or ']' (while parsing a flow sequence from line 1)" },
    { "a: [ :80 ]\n",
      "f.yaml:1:6: did not find expected node content (while parsing a flow node from line 1); a text that begins with "
      ": must be in quotes here" },
    { "a: \"x\n", "f.yaml:2:1: found unexpected end of stream (while scanning a quoted scalar from line 1)" },
    { "a: b: c\n", "f.yaml:1:5: mapping values are not allowed in this context" },
    { "a: \x01\n", "f.yaml:1:4: control characters are not allowed; the file must be plain UTF-8 text" },
    { "ä: 1\nb: \xff\n", "f.yaml:2:4: invalid leading UTF-8 octet; the file must be plain UTF-8 text" },
    { "", "f.yaml:1:1: the file is empty; it needs at least `sources:`, `plugins:` and `routes:`" },
    { "# nothing\n", "f.yaml:1:1: the file is empty; it needs at least `sources:`, `plugins:` and `routes:`" },
    { "---\n", "f.yaml:1:1: the file is empty; it needs at least `sources:`, `plugins:` and `routes:`" },
};

static void what_can_surprise_is_refused(void **state) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_mistake(refused[i].text, strlen(refused[i].text), refused[i].mistake);
}

static void mistakes_do_not_hide_each_other(void **state) {
    struct fault_list mistakes = { 0 };
    struct yaml_document *document = parse("a: &x 1\na: 2\nb: *x\n? [ c ]\n: !t d\n", &mistakes);
    assert_int_equal(mistakes.count, 5);
    assert_false(document->broken);
    assert_true(yaml_member(document->root, "b")->refused);
    yaml_document_free(document);
    fault_list_free(&mistakes);
}

static void byte_order_mark_is_no_column(void **state) {
    struct fault_list mistakes = { 0 };
    struct yaml_document *document = parse("\xef\xbb\xbf"
                                           "a: 1\n",
                                           &mistakes);
    assert_int_equal(mistakes.count, 0);
    assert_int_equal(document->root->first->key->column, 1);
    yaml_document_free(document);
}

static void depth_has_a_limit(void **state) {
    char text[2 * 100 + 1];
    for (int depth = YAML_DEPTH_LIMIT; depth <= YAML_DEPTH_LIMIT + 1; depth++) {
        struct fault_list mistakes = { 0 };
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        struct yaml_document *document = parse(text, &mistakes);
        assert_int_equal(mistakes.count, depth > YAML_DEPTH_LIMIT);
        assert_int_equal(document->broken, depth > YAML_DEPTH_LIMIT);
        if (mistakes.count)
            assert_string_equal(mistakes.texts[0], "f.yaml:1:33: lists and maps are nested deeper than 32");
        yaml_document_free(document);
        fault_list_free(&mistakes);
    }
}

static void sizes_have_limits(void **state) {
    char *text = malloc(YAML_FILE_LIMIT + 1);
    memset(text, '\n', YAML_FILE_LIMIT + 1);
    text[0] = 'a';
    text[1] = ':';
    struct fault_list mistakes = { 0 };
    struct yaml_document *document = yaml_parse("f.yaml", (struct bytes){ text, YAML_FILE_LIMIT }, &mistakes);
    assert_int_equal(mistakes.count, 0);
    yaml_document_free(document);
    assert_mistake(text, YAML_FILE_LIMIT + 1, "f.yaml:1:1: the config file is larger than 1024 KiB");

    char *at = text;
    for (int i = 0; i <= YAML_MEMBER_LIMIT; i++)
        at += sprintf(at, "- x\n");
    assert_mistake(text, (size_t)(at - text), "f.yaml:4097:3: more than 4096 members in one list or map");

    at = text;
    for (int i = 0; i < 40; i++) {
        at += sprintf(at, "- [");
        for (int j = 0; j < 2000; j++)
            at += sprintf(at, "x,");
        at += sprintf(at, "]\n");
    }
    document = yaml_parse("f.yaml", (struct bytes){ text, (size_t)(at - text) }, &mistakes);
    assert_int_equal(mistakes.count, 1);
    assert_non_null(strstr(mistakes.texts[0], "more than 65536 values in one file"));
    yaml_document_free(document);
    fault_list_free(&mistakes);
    free(text);
}

static void unreadable_files_say_why(void **state) {
    struct fault_list mistakes = { 0 };
    assert_null(yaml_read("/nowhere/grapnel.yaml", &mistakes));
    assert_null(yaml_read("/tmp", &mistakes));
    assert_int_equal(mistakes.count, 2);
    assert_string_equal(mistakes.texts[0],
                        "/nowhere/grapnel.yaml: the config file can't be read: No such file or directory; name the "
                        "one that is meant with -c FILE");
    assert_string_equal(mistakes.texts[1], "/tmp: the config file can't be read: Is a directory");
    fault_list_free(&mistakes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_has_texts_and_places),
        cmocka_unit_test(what_can_surprise_is_refused),
        cmocka_unit_test(mistakes_do_not_hide_each_other),
        cmocka_unit_test(byte_order_mark_is_no_column),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(unreadable_files_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
