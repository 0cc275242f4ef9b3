/* router/pace_test.c - what streams under way tell of a serving's pace. */
#include "router/testing.h"

#define TWO                                                                    \
	CHEAP_OR_DEAR                                                          \
	"slo = ( { name = \"chat\"; ttft = \"1s\"; itl = \"30ms\"; } );\n"     \
	"default_slo = \"chat\";\n"
#define TTFT (USEC_SEC / 20)
#define EVENT (20 * USEC_MS) /* between two */

/* A stream at "a" that has had its first token. */
static void
begin(struct rig *g, struct ask *a)
{
	*a = ask_for(g);
	a->req.pin = rig_backend(g, "a");
	assert_goes(g, a, "a");
	router_first_token(g->router, a->ticket, g->now, TTFT);
}

static void
end(struct rig *g, struct ask *a, usec itl)
{
	struct route_result r = { .ttft = TTFT,
		.itl = itl,
		.total = TTFT + USEC_SEC,
		.usage = { .known = true, .input = 1000, .output = 400 } };

	router_finished(g->router, a->ticket, &r, g->now);
}

/* For a second, an event at a time. */
static void
go_on(struct rig *g, struct ask *a, unsigned n, usec event)
{
	const usec quarter = USEC_SEC / 4;

	for (int i = 0; i < 4; i++) {
		rig_pass(g, quarter);
		for (unsigned k = 0; k < n; k++)
			router_progress(g->router, a[k].ticket, g->now,
			    (unsigned)(quarter / event), quarter);
		rig_tick(g);
	}
}

/* Fast silicon writes several tokens at a time: an event of each 20 ms is no
 * token of each 20 ms. */
static void
several_tokens_an_event_are_not_slow(void **state)
{
	struct rig g;
	struct ask a[8];

	for (unsigned each = 1; each <= 8; each *= 2) {
		rig_init(&g, TWO);
		for (int i = 0; i < 12; i++) {
			for (size_t k = 0; k < COUNT(a); k++)
				begin(&g, &a[k]);
			go_on(&g, a, COUNT(a), EVENT);
			assert_string_equal(rig_next_goes(&g), "a");
			for (size_t k = 0; k < COUNT(a); k++)
				end(&g, &a[k], EVENT / each);
		}
		assert_int_equal(rig_view(&g, "a").plight.cause, CAUSE_NONE);
		/* and what is slow then is seen to be */
		for (size_t k = 0; k < COUNT(a); k++)
			begin(&g, &a[k]);
		go_on(&g, a, COUNT(a), 6 * EVENT);
		assert_int_equal(rig_view(&g, "a").plight.cause, CAUSE_SLOWED);
		for (size_t k = 0; k < COUNT(a); k++)
			ask_cancel(&g, &a[k]);
		rig_fini(&g);
	}
}

/* Nothing is known of "a", and nobody hears an answer of it to its end. */
static void
who_leaves_in_the_middle_tells_of_the_pace(void **state)
{
	struct rig g;
	struct ask a;
	int n;

	for (int slow = 0; slow < 2; slow++) {
		rig_init(&g, TWO);
		n = 0;
		for (int i = 0; i < 40; i++) {
			bool to_a = strcmp(rig_next_goes(&g), "a") == 0;

			n += to_a;
			if (to_a)
				begin(&g, &a);
			go_on(&g, &a, to_a, slow > 0 ? 5 * EVENT : EVENT);
			if (to_a)
				ask_cancel(&g, &a);
			rig_tick(&g);
		}
		assert_in_range(n, slow > 0 ? 1 : 40, slow > 0 ? 8 : 40);
		rig_fini(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_tokens_an_event_are_not_slow),
		cmocka_unit_test(who_leaves_in_the_middle_tells_of_the_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
