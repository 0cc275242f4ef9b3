/* router/silence_test.c - who is to blame where nothing was said: an empty
 * answer, a client that would not wait. */
#include "router/testing.h"

#define WITH_ITL                                                               \
	CHEAP_OR_DEAR                                                          \
	"slo = ( { name = \"chat\"; ttft = \"1s\"; itl = \"50ms\"; } );\n"     \
	"default_slo = \"chat\";\n"
#define WITH_TARGETS                                                           \
	CHEAP_OR_DEAR                                                          \
	"slo = ( { name = \"chat\"; ttft = \"500ms\"; percentile = 95; } );\n" \
	"default_slo = \"chat\";\n"

enum more { NOTHING, CUT_SHORT, WHOLE, STREAMED };

/* A request that "a" says nothing to, and then "b". False: it was not sent to
 * "a". */
static bool
goes_to_a_and_then_b(struct rig *g, enum more more)
{
	struct fault empty = { .kind = FAULT_BAD_ANSWER, .empty = true };
	struct route_result whole = {
		.ttft = -1, .itl = -1, .total = 2000, .said = more == WHOLE
	};
	struct ask a = ask_for(g);

	assert_int_equal(ask_submit(g, &a), PLAN_GO);
	if (strcmp(ask_went(g, &a), "a") != 0) {
		ask_cancel(g, &a);
		return false;
	}
	router_retry(g->router, a.ticket, &empty, g->now, &a.plan);
	assert_string_equal(ask_went(g, &a), "b");
	if (more == STREAMED)
		ask_finish(g, &a, 1000, 10, 10);
	else if (more != NOTHING)
		router_finished(g->router, a.ticket, &whole, g->now);
	else
		router_retry(g->router, a.ticket, &empty, g->now, &a.plan);
	return true;
}

/* An answer that says nothing may be what was asked for: it tells of its
 * backend only where another has more to say. */
static void
empty_answers_count_once_another_says_more(void **state)
{
	struct rig g;
	int n;

	for (enum more more = WHOLE; more <= STREAMED; more++) {
		rig_init(&g, CHEAP_OR_DEAR);
		for (int i = 0; i < 30; i++)
			assert_true(goes_to_a_and_then_b(
			    &g, i % 2 == 0 ? NOTHING : CUT_SHORT));
		assert_int_equal(rig_view(&g, "a").last_fault, FAULT_NONE);
		for (n = 0; n < 10 && goes_to_a_and_then_b(&g, more);)
			n++;
		assert_in_range(n, 1, 9);
		assert_int_equal(
		    rig_view(&g, "a").last_fault, FAULT_BAD_ANSWER);
		rig_fini(&g);
	}
}

/* Also where that one is a hedge: whether it fails first, or is given up. */
static void
an_empty_answer_counts_once_a_hedge_says_more(void **state)
{
	struct fault empty = { .kind = FAULT_BAD_ANSWER, .empty = true };
	struct rig g;

	for (int again = 0; again < 2; again++) {
		struct ask a, b;

		rig_init(&g, CHEAP_FAIR_OR_DEAR);
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		if (again > 0) {
			router_retry(
			    g.router, a.ticket, &empty, g.now, &a.plan);
			assert_string_equal(ask_went(&g, &a), "b");
		}
		b = a;
		router_hedge(g.router, a.ticket, g.now, &b.ticket, &b.plan);
		assert_int_equal(b.plan.kind, PLAN_GO);
		if (again > 0)
			ask_cancel(&g, &a);
		else
			router_retry(
			    g.router, a.ticket, &empty, g.now, &a.plan);
		assert_int_equal(rig_view(&g, "a").last_fault, FAULT_NONE);
		ask_finish(&g, &b, 1000, 10, 10);
		assert_int_equal(
		    rig_view(&g, "a").last_fault, FAULT_BAD_ANSWER);
		rig_fini(&g);
	}
}

/* Who gives up after a second does not shut the others out. */
static void
a_client_that_would_not_wait_is_no_failure(void **state)
{
	struct route_result left = { .fault = { .kind = FAULT_TTFT_TIMEOUT,
					 .left = true },
		.ttft = -1,
		.itl = -1,
		.total = -1 };
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	for (int i = 0; i < 30; i++) {
		struct ask a = ask_for(&g);

		a.req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a, "a");
		router_finished(g.router, a.ticket, &left, g.now);
	}
	assert_int_equal(rig_view(&g, "a").last_fault, FAULT_TTFT_TIMEOUT);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	rig_fini(&g);
}

/* One whom "a" does not answer for so long; as the gateway tells of it. */
static bool
leaves_a_in_vain(struct rig *g, bool stream, usec patience)
{
	struct route_result left = { .fault = { .kind = FAULT_TTFT_TIMEOUT,
					 .left = true },
		.ttft = -1,
		.itl = -1,
		.total = -1 };
	struct ask a = ask_for(g);

	a.facts.stream = stream;
	assert_int_equal(ask_submit(g, &a), PLAN_GO);
	if (strcmp(ask_went(g, &a), "a") != 0) {
		ask_cancel(g, &a);
		return false;
	}
	rig_pass(g, patience);
	if (stream && patience > USEC_SEC && patience > 3 * a.plan.ttft)
		router_finished(g->router, a.ticket, &left, g->now);
	else
		ask_cancel(g, &a);
	rig_tick(g);
	return true;
}

/* Nothing is known of "a" yet, and what its silence teaches makes the next one
 * look usual. */
static void
whom_nobody_hears_from_is_left_alone(void **state)
{
	struct rig g;
	struct ask a;
	int n;

	for (usec patience = USEC_SEC / 2; patience < 20 * USEC_SEC;
	     patience *= 2) {
		rig_init(&g, CHEAP_OR_DEAR);
		for (n = 0; n < 10 && leaves_a_in_vain(&g, true, patience);)
			n++;
		assert_in_range(n, 3, 4);
		a = ask_for(&g);
		a.req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 10);
		rig_tick(&g);
		assert_string_equal(rig_next_goes(&g), "a");
		rig_fini(&g);
	}
}

/* A whole answer, which has no first token, ends that too. */
static void
a_whole_answer_is_heard(void **state)
{
	struct route_result whole = { .ttft = -1,
		.itl = -1,
		.total = USEC_SEC / 20,
		.usage = { .known = true, .input = 1000, .output = 10 } };
	struct rig g;
	struct ask a;

	rig_init(&g, CHEAP_OR_DEAR);
	while (leaves_a_in_vain(&g, true, 2 * USEC_SEC))
		;
	assert_string_equal(rig_next_goes(&g), "b");
	a = ask_for(&g);
	a.facts.stream = false;
	a.req.pin = rig_backend(&g, "a");
	assert_goes(&g, &a, "a");
	router_finished(g.router, a.ticket, &whole, g.now);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

/* Four leave "a" after three seconds, and eight are given up there. */
static void
falls_silent(struct rig *g)
{
	struct ask a[12];

	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = ask_for(g);
		a[i].req.pin = rig_backend(g, "a");
		assert_goes(g, &a[i], "a");
	}
	for (unsigned i = 0; i < 30; i++) {
		rig_pass(g, USEC_SEC / 10);
		rig_tick(g);
	}
	for (size_t i = 0; i < COUNT(a); i++)
		if (i < 4)
			ask_cancel(g, &a[i]);
		else
			ask_fail(g, &a[i], FAULT_TTFT_TIMEOUT);
	rig_tick(g);
	assert_string_equal(rig_next_goes(g), "b");
}

static void
is_heard(struct rig *g, usec ttft)
{
	struct ask a = ask_for(g);

	a.req.pin = rig_backend(g, "a");
	assert_goes(g, &a, "a");
	rig_pass(g, ttft);
	ask_finish(g, &a, ttft, USEC_SEC / 100, 10);
	rig_tick(g);
}

/* By few answers, too few for a habit. */
static void
is_known(struct rig *g)
{
	rig_init(g, WITH_TARGETS);
	rig_teach(g, "a", USEC_SEC / 20, USEC_SEC / 100, 18);
	assert_string_equal(rig_next_goes(g), "a");
}

/* It was out, and that says nothing of how it does now. */
static void
who_is_heard_again_is_used_as_before(void **state)
{
	struct rig g;

	is_known(&g);
	falls_silent(&g);
	is_heard(&g, USEC_SEC / 20);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

/* Nor does what is given up only then. */
static void
who_was_there_in_the_silence_counts_no_more(void **state)
{
	struct ask late[12];
	struct rig g;

	is_known(&g);
	falls_silent(&g);
	for (size_t i = 0; i < COUNT(late); i++) {
		late[i] = ask_for(&g);
		late[i].req.pin = rig_backend(&g, "a");
		assert_goes(&g, &late[i], "a");
	}
	rig_pass(&g, USEC_SEC);
	is_heard(&g, USEC_SEC / 20);
	for (unsigned i = 0; i < 20; i++) {
		rig_pass(&g, USEC_SEC / 10);
		rig_tick(&g);
	}
	for (size_t i = 0; i < COUNT(late); i++)
		ask_cancel(&g, &late[i]);
	rig_tick(&g);
	is_heard(&g, USEC_SEC / 20);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

/* They may have left something that is merely slow. */
static void
who_is_heard_after_longer_is_slow(void **state)
{
	struct rig g;

	is_known(&g);
	falls_silent(&g);
	is_heard(&g, 4 * USEC_SEC);
	is_heard(&g, USEC_SEC / 20);
	assert_string_equal(rig_next_goes(&g), "b");
	rig_fini(&g);
}

static void
who_is_silent_again_soon_is_not_trusted(void **state)
{
	struct rig g;

	for (usec apart = 10 * USEC_SEC; apart < 100 * USEC_SEC;
	     apart += 80 * USEC_SEC) {
		is_known(&g);
		falls_silent(&g);
		is_heard(&g, USEC_SEC / 20);
		rig_pass(&g, apart);
		falls_silent(&g);
		is_heard(&g, USEC_SEC / 20);
		assert_string_equal(
		    rig_next_goes(&g), apart > 60 * USEC_SEC ? "a" : "b");
		rig_fini(&g);
	}
}

static void
who_leaves_between_answers_does_not_matter(void **state)
{
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	for (int i = 0; i < 20; i++) {
		struct ask a = ask_for(&g);

		assert_true(leaves_a_in_vain(&g, true, 2 * USEC_SEC));
		assert_true(leaves_a_in_vain(&g, true, 2 * USEC_SEC));
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 10);
	}
	rig_fini(&g);
}

/* As an editor's requests are, with each key. */
static void
who_leaves_too_soon_does_not_matter(void **state)
{
	struct route_result whole = { .ttft = -1,
		.itl = -1,
		.total = USEC_SEC,
		.usage = { .known = true, .output = 100 } };
	struct rig g;
	int n;

	for (int stream = 0; stream < 2; stream++) {
		rig_init(&g, CHEAP_OR_DEAR);
		for (int i = 0; i < 300; i++) {
			struct ask a = ask_for(&g);

			a.facts.stream = stream;
			assert_goes(&g, &a, "a");
			rig_pass(&g, stream ? USEC_SEC / 20 : USEC_SEC / 2);
			if (i >= 20)
				ask_cancel(&g, &a);
			else if (stream)
				ask_finish(
				    &g, &a, USEC_SEC / 10, USEC_SEC / 100, 100);
			else
				router_finished(
				    g.router, a.ticket, &whole, g.now);
			rig_tick(&g);
		}
		for (n = 0;
		     n < 20 && leaves_a_in_vain(&g, stream, 2 * USEC_SEC);)
			n++;
		assert_in_range(n, 3, 4);
		rig_fini(&g);
	}
}

/* "a" gives a first token, and then nothing for three seconds: its client
 * leaves, or is told of timeouts.gap; as the gateway tells of it. */
static bool
stalls_at_a(struct rig *g, const struct conf_tenant *who, bool patient)
{
	struct route_result left = { .fault = { .kind = FAULT_GAP_TIMEOUT,
					 .left = !patient },
		.ttft = USEC_SEC / 20,
		.itl = 3 * USEC_SEC,
		.total = -1 };
	struct ask a = ask_for(g);

	a.req.tenant = who;
	assert_int_equal(ask_submit(g, &a), PLAN_GO);
	if (strcmp(ask_went(g, &a), "a") != 0) {
		ask_cancel(g, &a);
		return false;
	}
	rig_pass(g, USEC_SEC / 20);
	router_first_token(g->router, a.ticket, g->now, USEC_SEC / 20);
	rig_pass(g, 3 * USEC_SEC);
	router_finished(g->router, a.ticket, &left, g->now);
	rig_tick(g);
	return true;
}

/* Each first token comes in time, and clears what was thought of the one before
 * it. */
static void
whose_streams_stall_is_left_alone(void **state)
{
	struct rig g;
	struct ask old, a;
	int n;

	for (int patient = 0; patient < 2; patient++) {
		rig_init(&g, CHEAP_OR_DEAR);
		old = ask_for(&g);
		assert_goes(&g, &old, "a");
		rig_pass(&g, USEC_SEC);
		for (n = 0; n < 10 && stalls_at_a(&g, NULL, patient > 0);)
			n++;
		assert_int_equal(n, 3);
		/* what began before goes on */
		ask_finish(&g, &old, USEC_SEC / 20, USEC_SEC / 100, 100);
		assert_string_equal(rig_next_goes(&g), "b");
		a = ask_for(&g);
		a.req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 10);
		assert_string_equal(rig_next_goes(&g), "a");
		rig_fini(&g);
	}
}

/* In between others are answered, so that it is no row. */
static void
that_some_streams_stall_counts_against_the_chance_of_each(void **state)
{
	struct rig g;
	struct ask a;
	double before, after;

	rig_init(&g, WITH_ITL);
	rig_teach(&g, "a", USEC_SEC / 20, USEC_SEC / 100, 30);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	before = a.plan.confidence;
	ask_cancel(&g, &a);
	for (int i = 0; i < 3; i++) {
		stalls_at_a(&g, NULL, false);
		rig_teach(&g, "a", USEC_SEC / 20, USEC_SEC / 100, 2);
	}
	a = ask_for(&g);
	a.req.pin = rig_backend(&g, "a");
	assert_goes(&g, &a, "a");
	after = a.plan.confidence;
	assert_true(before > 0.99 && after < 0.95);
	assert_in_range(
	    rig_view(&g, "a").live[PHASE_ITL].p99, 9 * USEC_MS, 11 * USEC_MS);
	ask_cancel(&g, &a);
	rig_fini(&g);
}

/* Whose every stream stalls where others' are answered is left to it. */
static void
one_whose_streams_always_stall_drives_nobody_away(void **state)
{
	const struct conf_tenant p = { .name = "p", .id = 0 };
	const struct conf_tenant q = { .name = "q", .id = 1 };
	struct rig g;
	struct ask a;

	rig_init(&g, CHEAP_OR_DEAR);
	for (int i = 0; i < 4; i++) {
		assert_true(stalls_at_a(&g, &p, false));
		a = ask_for(&g);
		a.req.tenant = &q;
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 10);
	}
	for (int i = 0; i < 3; i++)
		stalls_at_a(&g, &p, false);
	a = ask_for(&g);
	a.req.tenant = &q;
	assert_goes(&g, &a, "a");
	ask_cancel(&g, &a);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_answers_count_once_another_says_more),
		cmocka_unit_test(an_empty_answer_counts_once_a_hedge_says_more),
		cmocka_unit_test(a_client_that_would_not_wait_is_no_failure),
		cmocka_unit_test(whom_nobody_hears_from_is_left_alone),
		cmocka_unit_test(a_whole_answer_is_heard),
		cmocka_unit_test(who_is_heard_again_is_used_as_before),
		cmocka_unit_test(who_was_there_in_the_silence_counts_no_more),
		cmocka_unit_test(who_is_heard_after_longer_is_slow),
		cmocka_unit_test(who_is_silent_again_soon_is_not_trusted),
		cmocka_unit_test(who_leaves_between_answers_does_not_matter),
		cmocka_unit_test(who_leaves_too_soon_does_not_matter),
		cmocka_unit_test(whose_streams_stall_is_left_alone),
		cmocka_unit_test(
		    that_some_streams_stall_counts_against_the_chance_of_each),
		cmocka_unit_test(
		    one_whose_streams_always_stall_drives_nobody_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
