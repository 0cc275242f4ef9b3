/* gateway/lib/edits_test.c - edited documents, put together again. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/edits.h"
#include "gateway/lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MEMBERS 40

struct doc {
	struct slice json;
	struct scan_member m[MEMBERS];
	size_t n;
	struct edits e;
};

static void
doc_init(struct doc *d, const char *json)
{
	struct errmsg why;

	d->json = slice_of(json);
	if (scan_object(d->json, d->m, MEMBERS, &d->n, &why) != OK)
		fail_msg("%s", why.text);
	edits_init(&d->e, d->json);
}

/* Adds the edited document to *out. */
static void
put_together(const struct edits *e, struct buf *out)
{
	struct slice pieces[EDITS_PIECES_MAX];
	size_t total, n = edits_pieces(e, pieces, &total), from = out->n;

	assert_true(n <= EDITS_PIECES_MAX);
	for (size_t i = 0; i < n; i++) {
		assert_true(pieces[i].n > 0);
		buf_add(out, pieces[i]);
	}
	assert_int_equal(out->n - from, total);
}

static void
becomes(const struct doc *d, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	put_together(&d->e, &out);
	if (!slice_is(buf_slice(&out), want))
		fail_msg("got %.*s, want %s", SLICE_ARG(buf_slice(&out)), want);
	buf_fini(&out);
}

static void
an_unedited_document_is_one_piece(void **state)
{
	struct slice pieces[EDITS_PIECES_MAX];
	struct doc d;
	size_t total;

	doc_init(&d, "{\"a\":1}");
	assert_int_equal(edits_pieces(&d.e, pieces, &total), 1);
	assert_ptr_equal(pieces[0].p, d.json.p);
	assert_int_equal(total, d.json.n);
	edits_init(&d.e, slice_make(NULL, 0));
	assert_int_equal(edits_pieces(&d.e, pieces, &total), 0);
	assert_int_equal(total, 0);
}

static void
values_are_replaced_in_any_order(void **state)
{
	struct doc d;

	doc_init(&d, "{\"a\":1, \"b\":2, \"c\":3}");
	assert_int_equal(edits_replace(&d.e, d.m[2].value, SLICE("z")), OK);
	assert_int_equal(edits_replace(&d.e, d.m[0].value, SLICE("\"x\"")), OK);
	assert_int_equal(edits_replace(&d.e, d.m[1].value, SLICE("")), OK);
	becomes(&d, "{\"a\":\"x\", \"b\":, \"c\":z}");
}

static void
insertions_keep_their_order_and_overlaps_are_refused(void **state)
{
	struct slice text = SLICE("abcdef");
	struct edits e;
	struct buf out;

	edits_init(&e, text);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 2, 2), SLICE("X")), OK);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 2, 0), SLICE("1")), OK);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 2, 0), SLICE("2")), OK);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 4, 0), SLICE("3")), OK);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 4, 2), SLICE("Y")), OK);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 3, 0), SLICE("")),
	    ERR_INVALID);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 1, 2), SLICE("")),
	    ERR_INVALID);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p + 2, 2), SLICE("")),
	    ERR_INVALID);
	assert_int_equal(
	    edits_replace(&e, slice_make(text.p, 6), SLICE("")), ERR_INVALID);
	buf_init(&out, 64);
	put_together(&e, &out);
	assert_true(slice_is(buf_slice(&out), "ab12X3Y"));
	buf_fini(&out);
}

static void
remove_all_of(struct doc *d, const char *marks)
{
	bool remove[MEMBERS] = { false };

	for (size_t i = 0; i < d->n; i++)
		remove[i] = marks[i] == 'x';
	assert_int_equal(edits_remove_members(&d->e, d->m, d->n, remove), OK);
}

static void
members_go_with_their_commas(void **state)
{
	static const struct {
		const char *marks, *want;
	} cases[] = {
		{ "...", "{ \"a\" : 1 , \"b\":[1,2],\n\"c\":{}\n}" },
		{ "x..", "{ \"b\":[1,2],\n\"c\":{}\n}" },
		{ ".x.", "{ \"a\" : 1 , \"c\":{}\n}" },
		{ "..x", "{ \"a\" : 1 , \"b\":[1,2]\n}" },
		{ "xx.", "{ \"c\":{}\n}" },
		{ ".xx", "{ \"a\" : 1\n}" },
		{ "x.x", "{ \"b\":[1,2]\n}" },
		{ "xxx", "{ \n}" },
	};
	struct doc d;

	for (size_t i = 0; i < COUNT(cases); i++) {
		doc_init(&d, cases[0].want);
		remove_all_of(&d, cases[i].marks);
		becomes(&d, cases[i].want);
	}
}

static void
removal_and_replacement_go_together(void **state)
{
	struct doc d;

	doc_init(&d, "{\"user\":\"u\",\"model\":\"m\",\"seed\":1}");
	assert_int_equal(
	    edits_replace(&d.e, d.m[1].value, SLICE("\"other\"")), OK);
	remove_all_of(&d, "x.x");
	assert_int_equal(
	    edits_append_members(&d.e, SLICE("\"n\":1,\"k\":2"), true), OK);
	becomes(&d, "{\"model\":\"other\",\"n\":1,\"k\":2}");
}

static void
a_removed_value_cannot_be_replaced(void **state)
{
	const bool remove[] = { true, true };
	struct doc d;

	doc_init(&d, "{\"a\":1,\"b\":2}");
	assert_int_equal(edits_replace(&d.e, d.m[1].value, SLICE("3")), OK);
	assert_int_equal(
	    edits_remove_members(&d.e, d.m, d.n, remove), ERR_INVALID);
	becomes(&d, "{\"a\":1,\"b\":3}");
}

static void
members_are_appended_to_any_object(void **state)
{
	struct doc d;

	doc_init(&d, "{}");
	assert_int_equal(
	    edits_append_members(&d.e, SLICE("\"a\":1"), false), OK);
	becomes(&d, "{\"a\":1}");

	doc_init(&d, " {\"b\":\"}\" } \n");
	remove_all_of(&d, "x");
	assert_int_equal(
	    edits_append_members(&d.e, SLICE("\"a\":1"), false), OK);
	assert_int_equal(
	    edits_append_members(&d.e, SLICE("\"c\":3"), true), OK);
	becomes(&d, " { \"a\":1,\"c\":3} \n");
}

static void
too_many_edits_leave_the_list_as_it_was(void **state)
{
	bool remove[2 * EDITS_MAX + 2];
	struct scan_member m[2 * EDITS_MAX + 2];
	struct errmsg why;
	struct edits e;
	struct buf json, out;
	size_t n;

	buf_init(&json, 4096);
	buf_init(&out, 4096);
	for (int i = 0; i < 2 * EDITS_MAX + 2; i++) {
		buf_addf(&json, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
		remove[i] = i % 2 == 0;
	}
	buf_add_char(&json, '}');
	assert_int_equal(
	    scan_object(buf_slice(&json), m, 2 * EDITS_MAX + 2, &n, &why), OK);
	edits_init(&e, buf_slice(&json));
	assert_int_equal(edits_remove_members(&e, m, n, remove), ERR_LIMIT);
	put_together(&e, &out);
	assert_true(slice_eq(buf_slice(&out), buf_slice(&json)));

	assert_int_equal(edits_remove_members(&e, m, n - 2, remove), OK);
	assert_int_equal(e.n, EDITS_MAX);
	assert_int_equal(
	    edits_append_members(&e, SLICE("\"z\":1"), true), ERR_LIMIT);
	buf_fini(&json);
	buf_fini(&out);
}

/* An object of n members k0: 0, k1: 1, ... in *json, spaced at random, and as a
 * tree without those to remove. */
static json_t *
make_object(struct rng *r, size_t n, const bool *remove, struct buf *json)
{
	json_t *want = json_object();
	char key[24];

	buf_add_str(json, " { ");
	for (size_t i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "k%zu", i);
		buf_addf(json, "%s\"%s\"%s:%s%zu", i > 0 ? "," : "", key,
		    rng_below(r, 2) == 0 ? " " : "",
		    rng_below(r, 2) == 0 ? "\n" : "", i);
		if (!remove[i])
			json_object_set_new(
			    want, key, json_integer((json_int_t)i));
	}
	buf_add(json, slice_make("} \0", 3));
	return want;
}

/* Whatever is removed and appended, the result is the object that one would
 * get by editing a tree. */
static void
results_are_what_a_tree_gives(void **state)
{
	struct buf json, out;
	struct rng r;

	rng_init(&r, 7, 7);
	buf_init(&json, 4096);
	buf_init(&out, 4096);
	for (int round = 0; round < 5000; round++) {
		size_t n = rng_below(&r, 8);
		bool remove[8] = { false }, left = false;
		json_t *want, *got;
		struct doc d;

		for (size_t i = 0; i < n; i++) {
			remove[i] = rng_below(&r, 2) == 0;
			left |= !remove[i];
		}
		want = make_object(&r, n, remove, &json);
		doc_init(&d, json.p);
		assert_int_equal(
		    edits_remove_members(&d.e, d.m, d.n, remove), OK);
		assert_int_equal(
		    edits_append_members(&d.e, SLICE("\"z\":9"), left), OK);
		json_object_set_new(want, "z", json_integer(9));
		put_together(&d.e, &out);
		got = json_loadb(out.p, out.n, 0, NULL);
		assert_true(json_equal(want, got));
		json_decref(got);
		json_decref(want);
		buf_reset(&json);
		buf_reset(&out);
	}
	buf_fini(&json);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unedited_document_is_one_piece),
		cmocka_unit_test(values_are_replaced_in_any_order),
		cmocka_unit_test(
		    insertions_keep_their_order_and_overlaps_are_refused),
		cmocka_unit_test(members_go_with_their_commas),
		cmocka_unit_test(removal_and_replacement_go_together),
		cmocka_unit_test(a_removed_value_cannot_be_replaced),
		cmocka_unit_test(members_are_appended_to_any_object),
		cmocka_unit_test(too_many_edits_leave_the_list_as_it_was),
		cmocka_unit_test(results_are_what_a_tree_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
