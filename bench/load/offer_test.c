/* bench/load/offer_test.c - requests as they fall due, and their bodies. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/offer.h"
#include "bench/load/prompt.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct load_class classes[] = { { .share = 20 }, { .share = 50 },
	{ .share = 30 } };

static struct offer_setup
setup(void)
{
	return (struct offer_setup){ .rate = 100,
		.speed = 1,
		.seed = 7,
		.classes = classes,
		.n_classes = 3 };
}

static void
shares_are_kept_and_seeds_repeat(void **state)
{
	const struct offer_setup s = setup();
	unsigned n[3] = { 0 };
	struct offer a, b;
	struct errmsg why;

	assert_int_equal(offer_init(&a, &s, &why), OK);
	assert_int_equal(offer_init(&b, &s, &why), OK);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(a.due, b.due);
		assert_int_equal(a.class, b.class);
		assert_int_equal(a.prompt, b.prompt);
		n[a.class]++;
		offer_step(&a);
		offer_step(&b);
	}
	/* four deviations: 160, 200, 183 */
	assert_in_range(n[0], 1840, 2160);
	assert_in_range(n[1], 4800, 5200);
	assert_in_range(n[2], 2817, 3183);
	offer_fini(&a);
	offer_fini(&b);
}

static void
lengths_are_like_a_traces(void **state)
{
	const struct offer_setup s = setup();
	unsigned short_prompts = 0, long_prompts = 0;
	unsigned short_outputs = 0, long_outputs = 0;
	struct offer o;
	struct errmsg why;

	assert_int_equal(offer_init(&o, &s, &why), OK);
	for (int i = 0; i < 10000; i++) {
		short_prompts += o.prompt <= 1020;
		long_prompts += o.prompt > 4083;
		short_outputs += o.output <= 129;
		long_outputs += o.output > 451;
		offer_step(&o);
	}
	assert_in_range(short_prompts, 4800, 5200);
	assert_in_range(long_prompts, 413, 587);
	assert_in_range(short_outputs, 4800, 5200);
	assert_in_range(long_outputs, 413, 587);
	offer_fini(&o);
}

static void
fixed_lengths_move_nothing_else(void **state)
{
	struct offer_setup s = setup(), fixed = s;
	struct offer a, b;
	struct errmsg why;

	fixed.prompt = 10;
	fixed.output = 20;
	assert_int_equal(offer_init(&a, &s, &why), OK);
	assert_int_equal(offer_init(&b, &fixed, &why), OK);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(a.due, b.due);
		assert_int_equal(a.class, b.class);
		assert_int_equal(b.prompt, 10);
		assert_int_equal(b.output, 20);
		offer_step(&a);
		offer_step(&b);
	}
	offer_fini(&a);
	offer_fini(&b);
}

static void
bursts_come_when_they_should(void **state)
{
	struct offer_setup s = setup();
	unsigned quiet = 0, burst = 0;
	struct offer o;
	struct errmsg why;
	usec before = 0;

	s.bursts = (struct bursts){ 4, 2 * USEC_SEC, 10 * USEC_SEC };
	assert_int_equal(offer_init(&o, &s, &why), OK);
	for (; o.due < 200 * USEC_SEC; offer_step(&o)) {
		assert_true(o.due >= before);
		before = o.due;
		if (o.due % (10 * USEC_SEC) < 8 * USEC_SEC)
			quiet++;
		else
			burst++;
	}
	/* 160 s at 100/s and 40 s at 400/s, within four deviations */
	assert_in_range(quiet, 15494, 16506);
	assert_in_range(burst, 15494, 16506);
	offer_fini(&o);
}

static json_t *
render(const struct prompt_setup *p, struct rng *r, size_t *content)
{
	struct buf b;
	json_t *doc;
	const char *text;

	buf_init(&b, SIZE_MAX);
	prompt_render(p, r, &b);
	doc = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	buf_fini(&b);
	text = json_string_value(json_object_get(
	    json_array_get(json_object_get(doc, "messages"), 0), "content"));
	*content = strlen(text);
	return doc;
}

static void
a_body_says_what_was_asked(void **state)
{
	const struct prompt_setup p = { .model = "a \"b\"",
		.tokens = 100,
		.max_tokens = 9,
		.extra = SLICE("\"ignore_eos\":true") };
	struct rng r;
	size_t n;
	json_t *doc;

	rng_init(&r, 1, 1);
	doc = render(&p, &r, &n);
	assert_int_equal(n, 400);
	assert_string_equal(
	    json_string_value(json_object_get(doc, "model")), "a \"b\"");
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "max_tokens")), 9);
	assert_true(json_is_true(json_object_get(doc, "stream")));
	assert_true(json_is_true(json_object_get(doc, "ignore_eos")));
	json_decref(doc);
	doc = render(&(struct prompt_setup){ .tokens = 1 }, &r, &n);
	assert_null(json_object_get(doc, "model"));
	assert_null(json_object_get(doc, "max_tokens"));
	json_decref(doc);
}

static void
prompts_differ_from_the_first_words_on(void **state)
{
	const struct prompt_setup p = { .tokens = 10 };
	static const char lead[] = "\"content\":\"";
	struct buf a, b;
	struct rng r;

	rng_init(&r, 1, 1);
	buf_init(&a, SIZE_MAX);
	buf_init(&b, SIZE_MAX);
	prompt_render(&p, &r, &a);
	for (int i = 0; i < 1000; i++) {
		buf_reset(&b);
		prompt_render(&p, &r, &b);
		buf_add_char(&b, '\0');
		buf_add_char(&a, '\0');
		assert_memory_not_equal(strstr(a.p, lead) + sizeof(lead),
		    strstr(b.p, lead) + sizeof(lead), 40);
	}
	buf_fini(&a);
	buf_fini(&b);
}

static void
a_trace_says_of_which_class_a_request_is(void **state)
{
	static const struct load_class named[] = { { .name = (char *)"voice",
						       .share = 0 },
		{ .name = (char *)"zeta", .share = 0 },
		{ .name = (char *)"1", .share = 1 } };
	static const char rows[] = "2026-11-22 08:00:00,1,2,acme,m,voice\n"
				   "2026-11-22 08:00:01,1,2,zeta,m,night\n"
				   "2026-11-22 08:00:02,1,2,zeta,m,voice\n"
				   "2026-11-22 08:00:03,1,2,acme,m,night\n"
				   "2026-11-22 08:00:04,1,2\n";
	static const unsigned is[] = { 0, 1, 0, 2, 2 };
	char path[] = "/tmp/offer-XXXXXX";
	struct offer_setup s = setup();
	struct offer o;
	struct errmsg why;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, rows, sizeof(rows) - 1), sizeof(rows) - 1);
	close(fd);
	s.trace = path;
	s.classes = named;
	assert_int_equal(offer_init(&o, &s, &why), OK);
	for (size_t i = 0; i < COUNT(is); i++) {
		assert_false(o.over);
		assert_int_equal(o.class, is[i]);
		offer_step(&o);
	}
	assert_true(o.over);
	offer_fini(&o);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_says_of_which_class_a_request_is),
		cmocka_unit_test(shares_are_kept_and_seeds_repeat),
		cmocka_unit_test(lengths_are_like_a_traces),
		cmocka_unit_test(fixed_lengths_move_nothing_else),
		cmocka_unit_test(bursts_come_when_they_should),
		cmocka_unit_test(a_body_says_what_was_asked),
		cmocka_unit_test(prompts_differ_from_the_first_words_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
