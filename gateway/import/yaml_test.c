/* gateway/import/yaml_test.c - a YAML file, by name and by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/import/yaml.h"

#include <cmocka.h>

struct page {
	yaml_document_t doc;
	const yaml_node_t *root;
};

static enum err
try_reading(const char *text, yaml_document_t *doc, struct errmsg *why)
{
	char path[] = "/tmp/pointsman-yaml-XXXXXX";
	int fd = mkstemp(path);
	enum err rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = yaml_read(path, doc, why);
	unlink(path);
	return rc;
}

static void
page_init(struct page *p, const char *text)
{
	struct errmsg why = { "" };

	if (try_reading(text, &p->doc, &why) != OK)
		fail_msg("%s", why.text);
	p->root = yaml_document_get_root_node(&p->doc);
}

static void
page_fini(struct page *p)
{
	yaml_document_delete(&p->doc);
}

static const yaml_node_t *
at(struct page *p, const char *name)
{
	return yaml_member(&p->doc, p->root, name);
}

static void
members_have_names_and_lines(void **state)
{
	struct page p;

	page_init(&p, "a: 1\nb:\n  - x\n  - y\nc: {d: e}\n");
	assert_true(slice_is(yaml_text(at(&p, "a")), "1"));
	assert_int_equal(yaml_line(at(&p, "a")), 1);
	assert_true(
	    slice_is(yaml_text(yaml_element(&p.doc, at(&p, "b"), 1)), "y"));
	assert_int_equal(yaml_line(yaml_element(&p.doc, at(&p, "b"), 1)), 4);
	assert_null(yaml_element(&p.doc, at(&p, "b"), 2));
	assert_true(
	    slice_is(yaml_text(yaml_member(&p.doc, at(&p, "c"), "d")), "e"));
	/* what is not there, or is something else, is nothing */
	assert_null(at(&p, "none"));
	assert_null(yaml_member(&p.doc, at(&p, "a"), "d"));
	assert_null(yaml_element(&p.doc, at(&p, "a"), 0));
	assert_null(yaml_member(&p.doc, NULL, "a"));
	assert_null(yaml_text(at(&p, "b")).p);
	assert_int_equal(yaml_line(NULL), 0);
	page_fini(&p);
}

static void
nothing_is_written_in_many_ways(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct page p;

	page_init(&p, "a:\nb: ~\nc: null\nd: NULL\ne: 'null'\nf: \"\"\n");
	for (size_t i = 0; i < 4; i++)
		assert_null(yaml_text(at(&p, names[i])).p);
	assert_true(slice_is(yaml_text(at(&p, "e")), "null"));
	assert_non_null(yaml_text(at(&p, "f")).p);
	assert_int_equal(yaml_text(at(&p, "f")).n, 0);
	page_fini(&p);
}

static void
numbers_and_words(void **state)
{
	struct page p;
	double v;

	page_init(&p,
	    "a: 1_000\nb: 2.5e-06\nc: many\nd: Yes\ne: 'OFF'\n"
	    "f: 1111111111111111111111111111111111111111111\n");
	assert_true(yaml_number(at(&p, "a"), &v) && v == 1000);
	assert_true(yaml_number(at(&p, "b"), &v) && v == 2.5e-06);
	assert_false(yaml_number(at(&p, "c"), &v));
	assert_false(yaml_number(at(&p, "f"), &v));
	assert_false(yaml_number(NULL, &v));
	assert_true(yaml_is_true(at(&p, "d")));
	assert_false(yaml_is_true(at(&p, "c")));
	assert_true(yaml_is_false(at(&p, "e")));
	assert_false(yaml_is_false(NULL));
	page_fini(&p);
}

static void
merge_keys_lend_what_is_not_there(void **state)
{
	const yaml_node_t *m, *key;
	struct page p;

	page_init(&p,
	    "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n"
	    "m: {b: 5, <<: *x}\nn: {<<: [*y, *x]}\n");
	m = at(&p, "m");
	assert_true(slice_is(yaml_text(yaml_member(&p.doc, m, "a")), "1"));
	assert_true(slice_is(yaml_text(yaml_member(&p.doc, m, "b")), "5"));
	/* the first of several wins */
	m = at(&p, "n");
	assert_true(slice_is(yaml_text(yaml_member(&p.doc, m, "b")), "3"));
	assert_true(slice_is(yaml_text(yaml_member(&p.doc, m, "a")), "1"));
	assert_non_null(yaml_pair(&p.doc, m, 0, &key));
	assert_true(slice_is(yaml_text(key), "<<"));
	assert_null(yaml_pair(&p.doc, m, 1, &key));
	page_fini(&p);
}

static void
count_twins(void *n, const yaml_node_t *key)
{
	++*(unsigned *)n;
	assert_true(slice_is(yaml_text(key), "a"));
	assert_int_equal(yaml_line(key), 1);
}

static void
of_the_same_name_the_last_counts(void **state)
{
	const yaml_node_t *key;
	struct page p;
	unsigned n = 0;

	page_init(&p,
	    "a: 1\nx: &x {b: 1, c: 2}\ny: &y {b: 3}\na: {d: 4}\n"
	    "m: {<<: *y, <<: *x}\n~: 1\n~: 2\n");
	assert_int_equal(yaml_drop_twins(&p.doc, count_twins, &n), OK);
	assert_int_equal(n, 1);
	assert_true(
	    slice_is(yaml_text(yaml_member(&p.doc, at(&p, "a"), "d")), "4"));
	assert_non_null(yaml_pair(&p.doc, p.root, 0, &key));
	assert_true(slice_is(yaml_text(key), "x"));
	assert_non_null(yaml_pair(&p.doc, p.root, 5, &key));
	assert_null(yaml_pair(&p.doc, p.root, 6, &key));
	/* of two merge keys as well; what it lacks the first one lends */
	assert_true(
	    slice_is(yaml_text(yaml_member(&p.doc, at(&p, "m"), "b")), "1"));
	page_fini(&p);
}

/* With thirty ways to go in each of its rounds. */
static void
a_ring_has_an_end(void **state)
{
	struct page p;
	char text[512] = "&x {<<: [";

	for (int i = 0; i < 30; i++)
		strncat(text, "*x, ", sizeof(text) - strlen(text) - 1);
	strncat(text, "*x]}\n", sizeof(text) - strlen(text) - 1);
	page_init(&p, text);
	assert_null(at(&p, "none"));
	page_fini(&p);
}

static void
what_is_no_yaml_is_named_by_its_line(void **state)
{
	struct errmsg why = { "" };
	yaml_document_t doc;

	assert_int_equal(try_reading("a: b\n- c\n", &doc, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, ":2: want YAML, got: "));
	assert_int_equal(try_reading("a: \xff\n", &doc, &why), ERR_SYNTAX);
	assert_int_equal(yaml_read("/no/such", &doc, &why), ERR_IO);
	assert_string_equal(
	    why.text, "/no/such: cannot open: No such file or directory");
	/* all of it is read, not the first document alone */
	assert_int_equal(
	    try_reading("a: b\n---\na: c\n", &doc, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, ":2: want one document"));
	assert_int_equal(
	    try_reading("a: b\n...\n%%% [[[ {{ : not\n", &doc, &why),
	    ERR_SYNTAX);
	assert_non_null(strstr(why.text, ":3: want YAML, got: "));
	/* an empty one is none */
	assert_int_equal(try_reading("", &doc, &why), OK);
	assert_null(yaml_document_get_root_node(&doc));
	yaml_document_delete(&doc);
}

/* Soon, too: libyaml alone takes minutes for so many. */
static void
depth_has_an_end(void **state)
{
	const size_t n = 200000;
	char *text = malloc(n + 1);
	struct errmsg why = { "" };
	yaml_document_t doc;

	assert_non_null(text);
	memset(text, '[', n);
	text[n] = '\0';
	assert_int_equal(try_reading(text, &doc, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, ":1: want at most 64 levels"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_have_names_and_lines),
		cmocka_unit_test(nothing_is_written_in_many_ways),
		cmocka_unit_test(numbers_and_words),
		cmocka_unit_test(merge_keys_lend_what_is_not_there),
		cmocka_unit_test(of_the_same_name_the_last_counts),
		cmocka_unit_test(a_ring_has_an_end),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(what_is_no_yaml_is_named_by_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
