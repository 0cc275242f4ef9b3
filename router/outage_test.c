/* router/outage_test.c - one that takes requests and says nothing: how many are
 * lost there, and how soon it is used as before once it is well. */
#include "router/testing.h"

#define STEP (USEC_SEC / 5)
#define PATIENCE (3 * USEC_SEC)
#define USUAL (USEC_SEC / 20)
#define UNPRICED                                                               \
	CONF(BACKEND("a", "") ", " BACKEND("b", ""),                           \
	    SERVING("a", "") ", " SERVING("b", ""))
#define TARGETS                                                                \
	"slo = ( { name = \"chat\"; ttft = \"500ms\"; percentile = 95; } );\n" \
	"default_slo = \"chat\";\n"
#define OUTAGE (1200 * USEC_SEC)
#define BRIEF (60 * USEC_SEC)

/* Requests, streamed or not, and the questions of the router. */
struct play {
	const char *text;
	usec every; /* between two requests */
	bool brief; /* the outage */
	unsigned known; /* so many answers before, for a habit */
	bool whole;
	bool refused; /* the questions are */
	bool answered; /* they are, and only they */
	unsigned in_a_row; /* that it serves, to be back */
};

struct tally {
	unsigned lost;
	usec back; /* after the outage */
};

struct call {
	struct ask ask; /* of a question, its request and ticket */
	bool used, question;
	usec sent;
};

#define AT_WORK 64
static struct call calls[AT_WORK];

static struct call *
unused(void)
{
	struct call *c = calls;

	while (c->used)
		c++;
	assert_true(c < calls + AT_WORK);
	return c;
}

static bool
is_at_a(const struct rig *g, const struct call *c)
{
	return conf_find_serving(g->conf, c->ask.plan.serving)->backend ==
	    rig_backend(g, "a");
}

static void
answered(struct rig *g, struct call *c)
{
	usec ttft = g->now - c->sent > STEP ? g->now - c->sent : USUAL;
	struct route_result r = { .ttft = c->ask.facts.stream ? ttft : -1,
		.itl = c->ask.facts.stream ? USUAL / 10 : -1,
		.total = c->question ? -1 : ttft + USUAL,
		.usage = { .known = true, .input = 1000, .output = 11 } };

	if (c->ask.facts.stream)
		router_first_token(g->router, c->ask.ticket, g->now, ttft);
	router_finished(g->router, c->ask.ticket, &r, g->now);
	c->used = false;
}

static void
failed(struct rig *g, struct call *c, enum fault_kind kind, bool left)
{
	struct route_result r = { .fault = { .kind = kind, .left = left },
		.ttft = -1,
		.itl = -1,
		.total = -1 };

	router_finished(g->router, c->ask.ticket, &r, g->now);
	c->used = false;
}

static const struct call *
begin(struct rig *g, const struct play *p)
{
	struct call *c = unused();

	*c = (struct call){ .ask = ask_for(g), .used = true, .sent = g->now };
	c->ask.facts.stream = !p->whole;
	assert_int_equal(ask_submit(g, &c->ask), PLAN_GO);
	return c;
}

static void
ask(struct rig *g)
{
	struct call *c = unused();

	*c = (struct call){ .used = true, .question = true, .sent = g->now };
	c->ask.facts.stream = true;
	c->used = router_probe(
	    g->router, g->now, &c->ask.req, &c->ask.ticket, &c->ask.plan);
}

/* One that nobody answers for now. True: a client was lost. */
static bool
waits(struct rig *g, const struct play *p, struct call *c)
{
	usec patience = c->question ? 10 * USEC_SEC : PATIENCE;

	if (c->question && p->answered) {
		answered(g, c);
		return false;
	}
	if (c->question && p->refused) {
		failed(g, c, FAULT_UNSUITED, false);
		return false;
	}
	if (g->now - c->sent < patience)
		return false;
	failed(g, c, FAULT_TTFT_TIMEOUT, !c->question);
	return !c->question;
}

static unsigned
go_on(struct rig *g, const struct play *p, bool out)
{
	unsigned lost = 0;

	rig_pass(g, STEP);
	for (struct call *c = calls; c < calls + AT_WORK; c++) {
		if (!c->used)
			continue;
		if (out && is_at_a(g, c))
			lost += waits(g, p, c);
		else
			answered(g, c);
	}
	rig_tick(g);
	ask(g);
	return lost;
}

/* Both are known by some answers. */
static struct tally
run(const struct play *p)
{
	struct tally t = { 0 };
	struct rig g;
	usec end;

	rig_init(&g, p->text);
	rig_teach(&g, "a", USUAL, USUAL / 10, 20);
	for (unsigned i = 0; i < p->known; i++) {
		begin(&g, p);
		go_on(&g, p, false);
	}
	rig_teach(&g, "b", USUAL, USUAL / 10, 20);
	for (usec i = 0; i < (p->brief ? BRIEF : OUTAGE); i += STEP) {
		if (i % p->every == 0)
			begin(&g, p);
		t.lost += go_on(&g, p, true);
	}
	end = g.now;
	for (unsigned n = 0; n < p->in_a_row && g.now - end < OUTAGE;) {
		n = is_at_a(&g, begin(&g, p)) ? n + 1 : 0;
		go_on(&g, p, false);
	}
	t.back = g.now - end;
	rig_fini(&g);
	memset(calls, 0, sizeof(calls));
	return t;
}

static void
assert_within(const struct play *p, unsigned lost, usec back)
{
	struct tally t = run(p);

	assert_in_range(t.lost, 1, lost);
	assert_in_range(t.back, 0, back);
}

/* Without targets; also where nobody knows what a question costs. */
static void
three_find_out_and_then_the_router_asks(void **state)
{
	static const struct play plays[] = {
		{ CHEAP_OR_DEAR, USEC_SEC, .in_a_row = 10 },
		{ CHEAP_OR_DEAR, USEC_SEC, .whole = true, .in_a_row = 10 },
		{ CHEAP_OR_DEAR, USEC_SEC, .known = 200, .in_a_row = 10 },
		{ CHEAP_OR_DEAR, 20 * USEC_SEC, .in_a_row = 10 },
		{ CHEAP_OR_DEAR, 100 * USEC_SEC, .in_a_row = 10 },
		{ UNPRICED, USEC_SEC, .in_a_row = 1 },
	};

	/* two more are there when the third leaves */
	for (size_t i = 0; i < COUNT(plays); i++)
		assert_within(&plays[i], 5 + 2, 4 * USEC_SEC);
}

/* With targets, known well enough for a habit or not. */
static void
what_was_out_is_used_as_before(void **state)
{
	static const struct play plays[] = {
		{ CHEAP_OR_DEAR TARGETS, USEC_SEC, .brief = true,
		    .in_a_row = 10 },
		{ CHEAP_OR_DEAR TARGETS, USEC_SEC, .brief = true, .known = 200,
		    .in_a_row = 10 },
	};

	for (size_t i = 0; i < COUNT(plays); i++)
		assert_within(&plays[i], 5 + 2, 8 * USEC_SEC);
}

static void
who_refuses_to_be_asked_is_tried_now_and_then(void **state)
{
	static const struct play play = { CHEAP_OR_DEAR, USEC_SEC,
		.refused = true, .in_a_row = 10 };

	assert_within(&play, 10, 4 * USEC_SEC);
}

/* As where it hangs at a certain length. */
static void
who_answers_us_alone_is_soon_not_believed(void **state)
{
	static const struct play play = { CHEAP_OR_DEAR, USEC_SEC,
		.answered = true, .in_a_row = 10 };

	assert_within(&play, 90, 33 * USEC_SEC);
}

static void
where_we_do_not_ask_they_find_out_ever_more_seldom(void **state)
{
	static const char *const texts[] = {
		CHEAP_OR_DEAR "probe_every = \"0s\";\n",
		CHEAP_OR_DEAR "probe_budget = 0;\n",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		const struct play play = { texts[i], USEC_SEC, .in_a_row = 10 };

		assert_within(&play, OUTAGE / (24 * USEC_SEC), 33 * USEC_SEC);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_find_out_and_then_the_router_asks),
		cmocka_unit_test(what_was_out_is_used_as_before),
		cmocka_unit_test(who_refuses_to_be_asked_is_tried_now_and_then),
		cmocka_unit_test(who_answers_us_alone_is_soon_not_believed),
		cmocka_unit_test(
		    where_we_do_not_ask_they_find_out_ever_more_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
