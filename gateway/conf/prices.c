/* gateway/conf/prices.c - prices that are none, are missing or are hardly
 * meant: of backends, and of servings that have their own. */
#include <string.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/clock.h"

/* USD per million tokens. What is cheaper than anything for sale was looked up
 * per thousand tokens, or per token. */
#define PRICE_LEAST 0.005

/* YYYY-MM or YYYY-MM-DD, which the calendar has */
static bool
date_ok(const char *s)
{
	usec at;

	switch (strlen(s)) {
	case 7:
		return clock_read(s, "%Y-%m", &at);
	case 10:
		return clock_read(s, "%Y-%m-%d", &at);
	default:
		return false;
	}
}

static void
doubt(struct loader *l, const config_setting_t *at, const char *name,
    double price)
{
	if (price > 0 && price < PRICE_LEAST)
		warn(l, loader_member(at, name),
		    "want USD per million tokens, got %.15g: is that per "
		    "thousand, or per token?",
		    price);
}

static bool
is_priced(const struct conf_price *p)
{
	return p->hourly >= 0 || (p->input >= 0 && p->output >= 0) ||
	    conf_price_is_by_call(p);
}

/* `want`: what tells the cost of a request there; NULL: something else does. */
static void
check_price(struct loader *l, const config_setting_t *at,
    const struct conf_price *p, const char *want)
{
	bool neither = p->input < 0 && p->output < 0;

	if (p->as_of != NULL && !date_ok(p->as_of))
		complain(l, loader_member(at, "as_of"),
		    "want a month such as \"2026-11\" or a day, got \"%s\"",
		    p->as_of);
	if (want != NULL && !is_priced(p))
		warn(l, at, "want %s, got %s: unknown counts as dearest", want,
		    neither ? "nothing" : "one of two");
	doubt(l, at, "input", p->input);
	doubt(l, at, "output", p->output);
}

/* Whose price the servings of a backend have, by its place in the list. */
#define ITS_OWN 1u
#define OF_THE_SERVING 2u

static void
note_price(const struct loader *l, const struct conf_serving *s,
    const config_setting_t *at, unsigned char *whose)
{
	if (s->backend != NULL)
		whose[s->backend - l->conf->backends] |=
		    loader_is_set(at, "price") ? OF_THE_SERVING : ITS_OWN;
}

static unsigned char *
whose_prices(struct loader *l)
{
	const struct conf *c = l->conf;
	unsigned char *whose = loader_scratch(l, c->n_backends);

	for (size_t i = 0; i < c->n_models && whose != NULL; i++) {
		const config_setting_t *serve =
		    loader_at(l, "models", i, "serve");

		for (unsigned j = 0; j < c->models[i].n_servings; j++)
			note_price(l, &c->models[i].servings[j],
			    config_setting_get_elem(serve, j), whose);
	}
	return whose;
}

/* What it would be charged for is never asked there. */
static void
check_unit(struct loader *l, const config_setting_t *at,
    const struct conf_serving *s, const char *name, double price, enum cap cap)
{
	if (price > 0 && (s->caps & cap) == 0)
		warn(l, loader_member(at, name),
		    "want \"%s\" among its caps, got none: nothing is charged "
		    "by it",
		    cap_name(cap));
}

static void
check_own_price(
    struct loader *l, const config_setting_t *at, const struct conf_serving *s)
{
	const struct conf_price *p = &s->price;

	check_price(l, at, p, "input and output");
	check_unit(l, at, s, "image", p->image, CAP_IMAGE_GENERATION);
	check_unit(l, at, s, "characters", p->characters, CAP_SPEECH);
	check_unit(l, at, s, "minute", p->minute, CAP_TRANSCRIPTION);
}

static void
check_own_prices(struct loader *l, size_t i, const struct conf_model *m)
{
	const config_setting_t *serve = loader_at(l, "models", i, "serve");

	for (unsigned j = 0; j < m->n_servings; j++) {
		const config_setting_t *at = config_setting_get_elem(serve, j);

		if (loader_is_set(at, "price") && m->servings[j].backend)
			check_own_price(
			    l, loader_member(at, "price"), &m->servings[j]);
	}
}

void
check_prices(struct loader *l)
{
	const struct conf *c = l->conf;
	const unsigned char *whose = whose_prices(l);

	/* it is what some serving costs, or would */
	for (size_t i = 0; i < c->n_backends && l->err == OK; i++)
		check_price(l, loader_at(l, "backends", i, "price"),
		    &c->backends[i].price,
		    whose[i] != OF_THE_SERVING
			? "price.input and price.output, or price.hourly"
			: NULL);
	for (size_t i = 0; i < c->n_models && l->err == OK; i++)
		check_own_prices(l, i, &c->models[i]);
}
