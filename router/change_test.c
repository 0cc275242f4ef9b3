/* router/change_test.c - everybody waits while a configuration is adopted. */
#include "router/testing.h"

#include "gateway/lib/buf.h"

/* Of the sanitizers' allocator; not there in other flavours. */
int __sanitizer_install_malloc_and_free_hooks(
    void (*)(const volatile void *, size_t), void (*)(const volatile void *))
    __attribute__((weak));

static unsigned counted;

static void
on_malloc(const volatile void *at, size_t size)
{
	(void)at;
	(void)size;
	counted++;
}

static void
on_free(const volatile void *at)
{
	(void)at;
	counted++;
}

#define KEY "00000000000000000000000000000000000000000000000000000000000000"

/* So many backends, models of two servings, and tenants, by names that are no
 * other configuration's. The first backend and model are everybody's. */
static char *
city(char name, unsigned n)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addf(&b, "backends = ( " BACKEND("a", "slots = 1; " PRICE(1, 1)));
	for (unsigned i = 0; i < n; i++)
		buf_addf(
		    &b, ", " BACKEND("%c%u", PRICE(2, 2)), name, i, name, i);
	buf_addf(&b, " );\nmodels = ( " MODEL("m", SERVING("a", "")));
	for (unsigned i = 0; i < n; i++)
		buf_addf(&b,
		    ", " MODEL(
			"m%c%u", SERVING("a", "") ", " SERVING("%c%u", "")),
		    name, i, name, i);
	buf_addf(&b, " );\ntenants = ( ");
	for (unsigned i = 0; i < n; i++)
		buf_addf(&b,
		    "%s{ name = \"%c%u\"; keys = [ \"sha256:" KEY "%02u\" ]; }",
		    i > 0 ? ", " : "", name, i, i);
	buf_addf(&b, " );\n");
	return buf_take(&b, NULL);
}

/* The snapshot becomes the rig's; the old one is the caller's to unref. */
static struct conf *
next_city(struct rig *g, char name, unsigned n)
{
	struct conf *old = g->conf;
	char *text = city(name, n);

	free(g->files.text);
	g->files.conf = NULL;
	fixture_load(&g->files, text, old);
	assert_int_equal(g->files.rc, OK);
	g->conf = g->files.conf;
	free(text);
	return old;
}

static void
city_init(struct rig *g, char name, unsigned n)
{
	char *text = city(name, n);

	rig_init(g, text);
	free(text);
}

#define CITY 90
#define WAIT 30

static void
to_adopt_one_takes_and_gives_back_no_memory(void **state)
{
	struct rig g;
	struct ask work, wait[WAIT];
	struct conf *old[3];

	city_init(&g, 'x', CITY);
	work = ask_for(&g);
	assert_goes(&g, &work, "a");
	for (unsigned i = 0; i < WAIT; i++) {
		wait[i] = ask_for(&g);
		wait[i].req.tenant = &g.conf->tenants[i];
		assert_goes(&g, &wait[i], "wait");
	}
	if (__sanitizer_install_malloc_and_free_hooks != NULL)
		__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
	for (unsigned i = 0; i < COUNT(old); i++) {
		struct router_change *change;

		old[i] = next_city(&g, (char)('p' + i), CITY + i);
		counted = 0;
		assert_int_equal(
		    router_prepare(g.router, g.conf, g.now, &change), OK);
		if (__sanitizer_install_malloc_and_free_hooks != NULL)
			assert_true(counted > CITY);
		counted = 0;
		router_adopt(g.router, change, g.now);
		assert_int_equal(counted, 0);
		router_change_free(&change, g.router);
		rig_pass(&g, 2 * USEC_SEC);
		rig_tick(&g);
		assert_int_equal(rig_view(&g, "a").in_flight, 1);
		assert_int_equal(router_queue_length(g.router), WAIT);
	}
	ask_finish(&g, &work, 1000, 10, 10);
	assert_ptr_equal(rig_next(&g, 0), &wait[0]);
	assert_string_equal(ask_went(&g, &wait[0]), "a");
	rig_fini(&g);
	for (unsigned i = 0; i < COUNT(old); i++)
		conf_unref(&old[i]);
}

static void
one_that_is_not_adopted_changes_nothing(void **state)
{
	struct rig g;
	struct router_change *change;
	struct serving_view v;
	struct conf *old;
	struct ask a;
	uint32_t id;

	city_init(&g, 'x', 3);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	old = next_city(&g, 'y', 5);
	id = conf_find_model(g.conf, SLICE("my4"))->servings[1].id;
	assert_int_equal(router_prepare(g.router, g.conf, g.now, &change), OK);
	assert_false(router_view(g.router, id, g.now, &v));
	router_change_free(&change, g.router);
	assert_false(router_view(g.router, id, g.now, &v));
	rig_tick(&g);
	ask_finish(&g, &a, 1000, 10, 10);
	rig_fini(&g);
	conf_unref(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_adopt_one_takes_and_gives_back_no_memory),
		cmocka_unit_test(one_that_is_not_adopted_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
