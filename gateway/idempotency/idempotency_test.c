/* gateway/idempotency/idempotency_test.c - once per key, and never another's
 * answer. */
#include "gateway/idempotency/idempotency.h"
#include "gateway/lib/count.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define WINDOW (10 * USEC_SEC)

static unsigned rung; /* a bit for each worker that was woken */

static void
on_wake(void *arg, unsigned worker)
{
	assert_null(arg);
	rung |= 1u << worker;
}

static struct idempotency *
table_of(unsigned answers, uint64_t memory)
{
	struct idempotency *t = idempotency_new(2, on_wake, NULL);

	assert_non_null(t);
	idempotency_configure(t,
	    &(struct conf_idempotency){
		.window = WINDOW, .answers = answers, .memory = memory },
	    0);
	rung = 0;
	return t;
}

static struct claim
claim_of(const char *tenant, const char *key, const char *body)
{
	struct claim c = { .named = false };

	assert_int_equal(claim_name(&c, slice_of(tenant), slice_of(key),
			     SLICE("/v1/chat/completions"), slice_of(body)),
	    CLAIM_NAMED);
	return c;
}

/* A claim holds a list node: it must not move once it is named. */
#define CLAIM(c, tenant, key, body)                                            \
	struct claim c = claim_of(tenant, key, body);                          \
	list_init(&(c).on);                                                    \
	(c).owner = &(c)

static void
is(struct idempotency *t, struct claim *c, usec now, enum claim_verdict want)
{
	struct kept_answer *answer = NULL;

	assert_int_equal(claim_begin(t, c, now, &answer), want);
	assert_true((answer != NULL) == (want == CLAIM_REPLAY));
	kept_answer_unref(&answer);
}

static void
keep(struct idempotency *t, struct claim *c, const char *body, usec now)
{
	const struct kept_answer a = {
		.backend = "one", .model = "m1", .body = slice_of(body)
	};

	claim_keep(t, c, &a, now);
	claim_drop(t, c); /* as at the end of every request */
}

/* The first under that key, and its answer. */
static void
answered(struct idempotency *t, const char *key, const char *body, usec now)
{
	CLAIM(c, "", key, "{}");

	is(t, &c, now, CLAIM_FIRST);
	keep(t, &c, body, now);
}

static enum claim_verdict
again(struct idempotency *t, const char *key, usec now)
{
	struct kept_answer *answer = NULL;
	enum claim_verdict verdict;

	CLAIM(c, "", key, "{}");
	verdict = claim_begin(t, &c, now, &answer);
	kept_answer_unref(&answer);
	claim_drop(t, &c);
	return verdict;
}

static void
the_same_request_gets_the_first_answer(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	struct kept_answer *answer = NULL;
	CLAIM(c, "acme", "k", "{}");
	CLAIM(d, "acme", "k", "{}");

	is(t, &c, 0, CLAIM_FIRST);
	keep(t, &c, "hello", 1);
	assert_int_equal(claim_begin(t, &d, 2, &answer), CLAIM_REPLAY);
	assert_true(slice_is(answer->body, "hello"));
	assert_string_equal(answer->backend, "one");
	assert_string_equal(answer->model, "m1");
	claim_drop(t, &d);
	/* whoever sends it still may, whatever becomes of the table */
	idempotency_free(&t);
	assert_true(slice_is(answer->body, "hello"));
	kept_answer_unref(&answer);
}

static void
another_body_or_path_is_a_conflict(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	struct idempotency_stats s;
	struct claim other = { .named = false };
	CLAIM(c, "acme", "k", "{}");
	CLAIM(d, "acme", "k", "{ }");

	is(t, &c, 0, CLAIM_FIRST);
	is(t, &d, 0, CLAIM_OTHER); /* while the first is at work as well */
	keep(t, &c, "hello", 0);
	is(t, &d, 0, CLAIM_OTHER);
	assert_int_equal(claim_name(&other, SLICE("acme"), SLICE("k"),
			     SLICE("/v1/embeddings"), SLICE("{}")),
	    CLAIM_NAMED);
	is(t, &other, 0, CLAIM_OTHER);
	idempotency_stats(t, &s);
	assert_int_equal(s.conflicts, 3);
	idempotency_free(&t);
}

static void
tenants_do_not_share_keys(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	CLAIM(c, "ac", "mek", "{}");
	CLAIM(d, "acme", "k", "{}");

	is(t, &c, 0, CLAIM_FIRST);
	keep(t, &c, "hello", 0);
	is(t, &d, 0, CLAIM_FIRST);
	claim_drop(t, &d);
	idempotency_free(&t);
}

static void
who_comes_meanwhile_waits_for_it(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	CLAIM(c, "", "k", "{}");
	CLAIM(d, "", "k", "{}");
	CLAIM(e, "", "k", "{}");

	d.worker = 1;
	is(t, &c, 0, CLAIM_FIRST);
	is(t, &d, 0, CLAIM_WAIT);
	is(t, &d, 0, CLAIM_WAIT); /* may ask as often as it likes */
	is(t, &e, 0, CLAIM_WAIT);
	claim_drop(t, &e); /* its client has left */
	assert_null(idempotency_next(t, 1));
	keep(t, &c, "hello", 0);
	assert_int_equal(rung, 2);
	assert_null(idempotency_next(t, 0));
	assert_ptr_equal(idempotency_next(t, 1), &d);
	assert_null(idempotency_next(t, 1));
	is(t, &d, 0, CLAIM_REPLAY);
	claim_drop(t, &d);
	idempotency_free(&t);
}

static void
a_failure_is_not_kept_and_the_next_is_the_first(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	CLAIM(c, "", "k", "{}");
	CLAIM(d, "", "k", "{}");
	CLAIM(e, "", "k", "{}");
	CLAIM(other, "", "k", "{ }");

	is(t, &c, 0, CLAIM_FIRST);
	is(t, &d, 0, CLAIM_WAIT);
	is(t, &e, 0, CLAIM_WAIT);
	claim_drop(t, &c);
	assert_int_equal(rung, 1);
	is(t, &d, 0, CLAIM_FIRST);
	is(t, &e, 0, CLAIM_WAIT);
	assert_null(idempotency_next(t, 0)); /* both have asked already */
	claim_drop(t, &d);
	assert_ptr_equal(idempotency_next(t, 0), &e);
	claim_drop(t, &e); /* and it leaves: the key is free */
	is(t, &other, 0, CLAIM_FIRST);
	claim_drop(t, &other);
	idempotency_free(&t);
}

/* The first works, two wait; then it answers. */
static void
all_get(struct idempotency *t, const char *body)
{
	struct idempotency_stats s;
	CLAIM(c, "", "k", "{}");
	CLAIM(d, "", "k", "{}");
	CLAIM(e, "", "k", "{}");

	is(t, &c, 0, CLAIM_FIRST);
	is(t, &d, 0, CLAIM_WAIT);
	is(t, &e, 0, CLAIM_WAIT);
	idempotency_configure(t, &(struct conf_idempotency){ .window = 0 }, 0);
	keep(t, &c, body, 0);
	idempotency_stats(t, &s);
	assert_int_equal(s.answers, 0);
	assert_int_equal(s.bytes, 0);
	assert_ptr_equal(idempotency_next(t, 0), &d);
	is(t, &d, 0, CLAIM_REPLAY);
	claim_drop(t, &d);
	claim_drop(t, &e); /* its client has left: it is given back */
	assert_int_equal(again(t, "k", 0), CLAIM_FIRST);
}

static void
who_waited_gets_an_answer_that_is_not_kept(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	static char huge[4096];

	all_get(t, "hello");
	idempotency_configure(t,
	    &(struct conf_idempotency){
		.window = WINDOW, .answers = 8, .memory = sizeof(huge) },
	    0);
	memset(huge, 'x', sizeof(huge) - 1);
	all_get(t, huge);
	idempotency_free(&t);
}

static enum claim_naming
name_part(struct claim *c, char *body, size_t n)
{
	return claim_name(
	    c, SLICE("acme"), SLICE("k"), SLICE("/v1/x"), slice_make(body, n));
}

static void
a_long_body_is_named_part_by_part(void **state)
{
	enum { N = 2 * CLAIM_SLICE + 1 };
	struct claim a = { .named = false }, b = a, left = a, whole = a;
	char *body = test_calloc(1, N);

	assert_int_equal(name_part(&a, body, N), CLAIM_NAMING);
	assert_int_equal(name_part(&a, body, N), CLAIM_NAMING);
	assert_false(a.named);
	assert_int_equal(name_part(&a, body, N), CLAIM_NAMED);
	assert_true(a.named);
	assert_int_equal(name_part(&left, body, N), CLAIM_NAMING);
	claim_name_end(&left); /* nothing is left of it */
	assert_int_equal(name_part(&whole, body, CLAIM_SLICE), CLAIM_NAMED);
	body[N - 1] = 1;
	while (name_part(&b, body, N) == CLAIM_NAMING)
		continue;
	assert_memory_equal(a.key, b.key, IDEMPOTENCY_DIGEST);
	assert_memory_not_equal(a.request, b.request, IDEMPOTENCY_DIGEST);
	test_free(body);
}

static void
each_tenant_and_serving_has_its_own_key_upstream(void **state)
{
	static const char *const parts[][5] = {
		{ "acme", "k", "one", "m", "chat" },
		{ "other", "k", "one", "m", "chat" },
		{ "acme", "k2", "one", "m", "chat" },
		{ "acme", "k", "two", "m", "chat" },
		{ "acme", "k", "one", "m2", "chat" },
		{ "acme", "k", "one", "m", "messages" },
		{ "acmek", "", "one", "m", "chat" },
	};
	enum { N = COUNT(parts) };
	char hex[N + 1][2 * IDEMPOTENCY_DIGEST + 1];

	for (size_t i = 0; i <= N; i++)
		assert_true(idempotency_key_for(slice_of(parts[i % N][0]),
		    slice_of(parts[i % N][1]), slice_of(parts[i % N][2]),
		    slice_of(parts[i % N][3]), slice_of(parts[i % N][4]),
		    hex[i]));
	assert_string_equal(hex[0], hex[N]); /* the same each time */
	assert_int_equal(strlen(hex[0]), 2 * IDEMPOTENCY_DIGEST);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(hex[i], hex[j]);
}

static void
an_answer_lasts_as_long_as_the_window(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	struct idempotency_stats s;

	answered(t, "k", "hello", 5);
	assert_int_equal(again(t, "k", 5 + WINDOW - 1), CLAIM_REPLAY);
	assert_int_equal(again(t, "k", 5 + WINDOW), CLAIM_FIRST);
	answered(t, "l", "hello", 0);
	idempotency_tick(t, WINDOW);
	idempotency_stats(t, &s);
	assert_int_equal(s.answers, 0);
	assert_int_equal(s.bytes, 0);
	assert_int_equal(s.evicted, 0);
	idempotency_free(&t);
}

static void
the_oldest_goes_where_there_are_too_many(void **state)
{
	struct idempotency *t = table_of(2, 1 << 20);
	struct idempotency_stats s;

	answered(t, "a", "1", 0);
	answered(t, "b", "2", 1);
	answered(t, "c", "3", 2);
	assert_int_equal(again(t, "b", 3), CLAIM_REPLAY);
	assert_int_equal(again(t, "c", 3), CLAIM_REPLAY);
	assert_int_equal(again(t, "a", 3), CLAIM_FIRST);
	idempotency_stats(t, &s);
	assert_int_equal(s.answers, 2);
	assert_int_equal(s.evicted, 1);
	idempotency_free(&t);
}

static void
bytes_are_bounded(void **state)
{
	enum { MEMORY = 4096 };
	struct idempotency *t = table_of(1000, MEMORY);
	char text[1500], key[8], huge[MEMORY + 1];
	struct idempotency_stats s;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "%u", i);
		answered(t, key, text, 0);
		idempotency_stats(t, &s);
		assert_in_range(s.bytes, 1, MEMORY);
	}
	assert_int_equal(s.answers, 2);
	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	answered(t, "huge", huge, 0);
	assert_int_equal(again(t, "huge", 0), CLAIM_FIRST);
	idempotency_stats(t, &s);
	assert_int_equal(s.answers, 2); /* nobody had to go for it */
	idempotency_free(&t);
}

static void
a_reload_may_bound_it_closer(void **state)
{
	struct idempotency *t = table_of(8, 1 << 20);
	struct idempotency_stats s;

	answered(t, "a", "1", 0);
	answered(t, "b", "2", 0);
	idempotency_configure(t,
	    &(struct conf_idempotency){
		.window = WINDOW, .answers = 1, .memory = 1 << 20 },
	    1);
	idempotency_stats(t, &s);
	assert_int_equal(s.answers, 1);
	idempotency_configure(t, &(struct conf_idempotency){ .window = 0 }, 1);
	idempotency_stats(t, &s);
	assert_int_equal(s.answers, 0);
	answered(t, "a", "1", 2); /* began before, ends after */
	idempotency_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_request_gets_the_first_answer),
		cmocka_unit_test(another_body_or_path_is_a_conflict),
		cmocka_unit_test(tenants_do_not_share_keys),
		cmocka_unit_test(who_comes_meanwhile_waits_for_it),
		cmocka_unit_test(
		    a_failure_is_not_kept_and_the_next_is_the_first),
		cmocka_unit_test(who_waited_gets_an_answer_that_is_not_kept),
		cmocka_unit_test(a_long_body_is_named_part_by_part),
		cmocka_unit_test(
		    each_tenant_and_serving_has_its_own_key_upstream),
		cmocka_unit_test(an_answer_lasts_as_long_as_the_window),
		cmocka_unit_test(the_oldest_goes_where_there_are_too_many),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(a_reload_may_bound_it_closer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
