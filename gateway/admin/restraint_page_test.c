/* gateway/admin/restraint_page_test.c - what operators may ask of a backend,
 * and what would leave a model without anybody. */
#include "router/testing.h"

#include "gateway/admin/restraint_page.h"

/* m is served by a and b, n by a alone; c is off. */
#define FLEET                                                                  \
	CONF_OF(BACKEND("a", "slots = 4;") ", " BACKEND(                       \
		    "b", "") ", { name "                                       \
			     "= \"c\"; adapter = \"openai\"; }",               \
	    MODEL("m",                                                         \
		SERVING("a", "model = \"x\";") ", " SERVING(                   \
		    "b", "model = \"x\";") ", " SERVING("c",                   \
		    "model = \"x\";")) ", "                                    \
				       "{ name = \"n\"; aliases = [ \"nn\" "   \
				       "]; serve = ( " SERVING(                \
					   "a", "model = \"y\";") " ); }")

struct desk {
	struct rig rig;
	struct serving_view views[8];
	struct admin_picture p;
	struct admin_reply reply;
};

typedef void act(const struct admin_picture *, struct admin_reply *);

static void
look(struct desk *d)
{
	const struct conf *c = d->rig.conf;

	d->p = (struct admin_picture){
		.conf = c, .servings = d->views, .n_servings = c->n_servings
	};
	for (size_t i = 0; i < c->n_servings; i++)
		assert_true(router_view(d->rig.router, c->servings[i].id,
		    d->rig.now, &d->views[i]));
}

/* As the caller of these pages carries it out. */
static void
carry_out(struct desk *d)
{
	const struct admin_restraint *what = &d->reply.restraint;
	struct restraint r;
	uint32_t serving;

	for (size_t i = 0; admin_restrained(&d->p, what, i, &serving, &r);
	     i++) {
		admin_restrain(what, &r);
		router_restrain(
		    d->rig.router, what->backend->id, serving, &r, d->rig.now);
	}
}

/* The status; what may be done is done. */
static int
ask(struct desk *d, act *post, const char *query)
{
	int status;

	admin_reply_init(&d->reply);
	look(d);
	d->p.query = slice_of(query);
	post(&d->p, &d->reply);
	status = d->reply.status;
	if (d->reply.action == ADMIN_RESTRAIN)
		carry_out(d);
	else
		assert_int_not_equal(status, 200);
	look(d);
	return status;
}

static void
assert_said(struct desk *d, const char *words)
{
	buf_add_char(&d->reply.body, '\0');
	if (strstr(d->reply.body.p, words) == NULL)
		fail_msg("want %s, got %s", words, d->reply.body.p);
}

#define ASK(d, post, query, status)                                            \
	do {                                                                   \
		assert_int_equal(ask(d, post, query), status);                 \
		admin_reply_fini(&(d)->reply);                                 \
	} while (0)
#define REFUSED(d, post, query, status, words)                                 \
	do {                                                                   \
		assert_int_equal(ask(d, post, query), status);                 \
		assert_said(d, words);                                         \
		admin_reply_fini(&(d)->reply);                                 \
	} while (0)

static void
the_last_one_that_works_is_kept(void **state)
{
	struct desk d;

	unsetenv("OPENAI_API_KEY");
	rig_init(&d.rig, FLEET);
	/* c is off, and no help */
	REFUSED(&d, admin_post_drain, "backend=a", 409, "model n would have");
	ASK(&d, admin_post_drain, "backend=a&model=m", 200);
	REFUSED(&d, admin_post_drain, "backend=b", 409,
	    "model m would have no serving left that works; of the others: a "
	    "(drained), c (off); --force (force=true)");
	REFUSED(&d, admin_post_weight, "backend=b&weight=0", 409, "--force");
	ASK(&d, admin_post_weight, "backend=b&weight=1", 200);
	/* there is nothing to take from m there any more */
	REFUSED(&d, admin_post_drain, "backend=a", 409, "model n would have");
	ASK(&d, admin_post_drain, "backend=a&model=m", 200);
	ASK(&d, admin_post_drain, "force=true&backend=a", 200);
	ASK(&d, admin_post_enable, "backend=a", 200);
	/* its serving of m has a word of its own */
	assert_false(rig_view(&d.rig, "a").site.drained);
	assert_true(rig_view(&d.rig, "a").own.drained);
	ASK(&d, admin_post_enable, "backend=a&model=m", 200);
	ASK(&d, admin_post_drain, "backend=b", 200);
	rig_fini(&d.rig);
}

static void
one_that_is_broken_is_no_other(void **state)
{
	struct desk d;
	struct ask a;

	rig_init(&d.rig, FLEET);
	a = ask_for(&d.rig);
	a.req.pin = rig_backend(&d.rig, "b");
	ask_submit(&d.rig, &a);
	ask_fail(&d.rig, &a, FAULT_REFUSED);
	REFUSED(
	    &d, admin_post_drain, "backend=a&model=m", 409, "b (breaker_open)");
	/* who is broken himself may go */
	REFUSED(&d, admin_post_drain, "backend=a&model=n", 409, "model n");
	ASK(&d, admin_post_drain, "backend=b", 200);
	rig_fini(&d.rig);
}

static void
a_weight_is_of_something(void **state)
{
	struct desk d;

	rig_init(&d.rig, FLEET);
	ASK(&d, admin_post_weight, "backend=a&weight=0.5", 200);
	assert_int_equal(rig_view(&d.rig, "a").ceiling, 2);
	ASK(&d, admin_post_weight, "backend=a&model=nn&weight=0.5", 200);
	assert_true(d.views[3].own.withheld == 0.5);
	assert_int_equal(d.views[3].ceiling, 1);
	REFUSED(&d, admin_post_weight, "backend=b&weight=0.5", 409,
	    "nothing is known of b");
	rig_limits(&d.rig, "b",
	    &(struct load){ .has = LOAD_LIMIT_REQUESTS, .left_requests = 10 });
	ASK(&d, admin_post_weight, "backend=b&weight=0.5", 200);
	ASK(&d, admin_post_weight, "backend=b&model=m&weight=0.5", 200);
	rig_load(&d.rig, "b", &(struct load){ .has = LOAD_SLOTS, .slots = 8 });
	ASK(&d, admin_post_weight, "backend=b&model=m&weight=0.5", 200);
	assert_int_equal(rig_view(&d.rig, "b").ceiling, 2);
	rig_fini(&d.rig);
}

static void
a_share_may_be_of_one_models_rate_limit(void **state)
{
	struct load limits = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 10 };
	struct desk d;

	rig_init(&d.rig,
	    CONF_OF(BACKEND("a", ""),
		MODEL("m", SERVING("a", "model = \"x\";")) ", " MODEL(
		    "n", SERVING("a", "model = \"y\";"))));
	router_limits(d.rig.router, d.rig.conf->models[1].servings[0].id,
	    &limits, d.rig.now);
	REFUSED(&d, admin_post_weight, "backend=a&model=m&weight=0.5", 409,
	    "nothing is known of a");
	ASK(&d, admin_post_weight, "backend=a&model=n&weight=0.5", 200);
	ASK(&d, admin_post_weight, "backend=a&weight=0.5", 200);
	rig_fini(&d.rig);
}

static void
a_share_given_back_ends_a_drain(void **state)
{
	struct desk d;
	struct serving_view v;

	rig_init(&d.rig, FLEET);
	ASK(&d, admin_post_drain, "backend=a&force=true", 200);
	ASK(&d, admin_post_weight, "backend=a&weight=0.25", 200);
	v = rig_view(&d.rig, "a");
	assert_false(v.site.drained);
	assert_true(v.site.withheld == 0.75);
	assert_int_equal(v.ceiling, 1);
	assert_string_equal(
	    admin_serving_state(rig_backend(&d.rig, "a"), &v), "ok");
	/* what is said of a serving holds by itself */
	ASK(&d, admin_post_drain, "backend=a&model=m", 200);
	ASK(&d, admin_post_weight, "backend=a&weight=1", 200);
	assert_true(rig_view(&d.rig, "a").own.drained);
	ASK(&d, admin_post_weight, "backend=a&model=m&weight=1", 200);
	assert_false(rig_view(&d.rig, "a").own.drained);
	/* nothing given back: as drained */
	ASK(&d, admin_post_drain, "backend=a&force=true", 200);
	ASK(&d, admin_post_weight, "backend=a&weight=0", 200);
	v = rig_view(&d.rig, "a");
	assert_true(admin_is_drained(&v));
	ASK(&d, admin_post_weight, "backend=a&weight=0.5", 200);
	assert_int_equal(rig_view(&d.rig, "a").ceiling, 2);
	rig_fini(&d.rig);
}

static void
a_weight_of_next_to_nothing_is_none(void **state)
{
	struct desk d;

	rig_init(&d.rig, FLEET);
	REFUSED(&d, admin_post_weight, "backend=a&weight=1e-17", 409,
	    "model n would have");
	/* no share of it, so that none has to be known */
	ASK(&d, admin_post_weight, "backend=b&weight=1e-17", 200);
	assert_true(rig_view(&d.rig, "b").site.withheld == 1);
	ASK(&d, admin_post_enable, "backend=b", 200);
	ASK(&d, admin_post_weight, "backend=a&weight=1e-17&force=true", 200);
	rig_fini(&d.rig);
}

static void
what_is_asked_for_is_there(void **state)
{
	struct desk d;

	rig_init(&d.rig, FLEET);
	REFUSED(&d, admin_post_drain, "", 400, "the name of a backend");
	REFUSED(&d, admin_post_drain, "backend=x", 400,
	    "no backend is called \\\"x\\\": did you mean \\\"a\\\"? There "
	    "are: "
	    "a, b, c");
	REFUSED(&d, admin_post_drain, "backend=none", 400,
	    "no backend is called \\\"none\\\"; there are: a, b, c");
	REFUSED(&d, admin_post_drain, "backend=a%00", 400, "no backend");
	REFUSED(&d, admin_post_drain, "backend=b&model=n", 404,
	    "backend b serves no n");
	REFUSED(&d, admin_post_drain, "backend=b&model=x", 400, "no model");
	REFUSED(&d, admin_post_drain, "backend=b&force=1", 400, "true or");
	REFUSED(&d, admin_post_enable, "backend=b&weight=1", 400,
	    "want backend or model in the query");
	REFUSED(&d, admin_post_weight, "backend=a", 400, "0..1 in weight");
	REFUSED(&d, admin_post_weight, "backend=a&weight=-0.1", 400, "number");
	REFUSED(&d, admin_post_weight, "backend=a&weight=inf", 400, "number");
	assert_false(rig_view(&d.rig, "a").site.drained);
	rig_fini(&d.rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_that_works_is_kept),
		cmocka_unit_test(one_that_is_broken_is_no_other),
		cmocka_unit_test(a_weight_is_of_something),
		cmocka_unit_test(a_share_may_be_of_one_models_rate_limit),
		cmocka_unit_test(a_share_given_back_ends_a_drain),
		cmocka_unit_test(a_weight_of_next_to_nothing_is_none),
		cmocka_unit_test(what_is_asked_for_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
