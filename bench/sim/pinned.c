/* bench/sim/pinned.c - what careful operators do: a table of backends by class.
 *
 * For each class an ordered list of steps; a step is one or more backends and
 * how many requests, of whatever class, may be at work on one before this class
 * goes on to the next step. Within a step the one with the fewest takes it.
 * Where all are at their caps the request waits, premium before standard before
 * batch. Faults, 429s and health checks take a backend out as in a well-kept
 * load balancer, and then the next step serves. The tables are tuned offline
 * for a fleet (bench/tune_pinned) and committed. libconfig:
 *
 *	tables = ( { backends = [ "a", "b" ];
 *	  premium = ( { use = [ "a" ]; cap = 8; },
 *	              { use = [ "b" ]; cap = 4; } );
 *	  standard = ( ... ); batch = ( ... ); } );
 *
 * The table is the one that names all backends of the fleet, and only them. */
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/baseline.h"
#include "bench/sim/scenario.h"

#define BIT(i) (UINT64_C(1) << (i))
#define STEPS 16

struct step {
	uint64_t *use; /* bits by backend id */
	unsigned cap;
};

struct pinned {
	struct step step[BASE_LANES][STEPS];
	unsigned n[BASE_LANES];
};

static bool
uses(const struct step *s, uint32_t id)
{
	return (s->use[id / 64] >> (id % 64) & 1) != 0;
}

static uint32_t
pick(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	const struct pinned *p = b->own;
	enum priority class = o->req->slo.priority;

	(void)now;
	for (unsigned k = 0; k < p->n[class]; k++) {
		const struct step *s = &p->step[class][k];
		unsigned least = s->cap;
		uint32_t best = BASE_NONE;

		SET_EACH (i, set) {
			const struct base_site *site = base_site(b, o, i);

			if (site->in_flight < least &&
			    uses(s, site->conf->id)) {
				least = site->in_flight;
				best = i;
			}
		}
		if (best != BASE_NONE)
			return best;
	}
	return BASE_NONE;
}

/* --- the file --- */

static enum err
wrong(const config_setting_t *at, struct errmsg *why, const char *want)
{
	const char *file = config_setting_source_file(at);

	return fail(why, ERR_INVALID, "%s:%u: %s", file != NULL ? file : "?",
	    config_setting_source_line(at), want);
}

static bool
names_backend(const config_setting_t *list, const char *name)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		const char *s = config_setting_get_string_elem(list, i);

		if (s != NULL && strcmp(s, name) == 0)
			return true;
	}
	return false;
}

static bool
is_for(const config_setting_t *table, const struct conf *conf)
{
	const config_setting_t *list =
	    config_setting_get_member(table, "backends");

	if (list == NULL ||
	    (size_t)config_setting_length(list) != conf->n_backends)
		return false;
	for (size_t i = 0; i < conf->n_backends; i++)
		if (!names_backend(list, conf->backends[i].name))
			return false;
	return true;
}

static enum err
read_step(const struct base *b, const config_setting_t *at, struct step *s,
    struct errmsg *why)
{
	const config_setting_t *use = config_setting_get_member(at, "use");
	int cap = 0;

	if (!config_setting_lookup_int(at, "cap", &cap) || cap < 1 ||
	    cap > 65536)
		return wrong(at, why, "cap: want 1..65536");
	if (use == NULL || config_setting_length(use) < 1)
		return wrong(at, why, "use: want a list of backends");
	s->cap = (unsigned)cap;
	s->use = calloc(b->n_sites / 64 + 1, sizeof(*s->use));
	if (s->use == NULL)
		return ERR_MEMORY;
	for (int i = 0; i < config_setting_length(use); i++) {
		const char *name = config_setting_get_string_elem(use, i);
		const struct conf_backend *k = name != NULL
		    ? conf_find_backend(b->conf, slice_of(name))
		    : NULL;

		if (k == NULL)
			return wrong(use, why,
			    "use: want names of backends of the fleet");
		s->use[k->id / 64] |= BIT(k->id % 64);
	}
	return OK;
}

static enum err
read_class(struct base *b, const config_setting_t *table, enum priority class,
    struct errmsg *why)
{
	const config_setting_t *list =
	    config_setting_get_member(table, priority_name(class));
	struct pinned *p = b->own;
	int n = list != NULL ? config_setting_length(list) : 0;

	if (n < 1 || n > STEPS)
		return wrong(list != NULL ? list : table, why,
		    "want premium, standard and batch, of 1..16 steps each");
	for (int i = 0; i < n; i++) {
		enum err rc =
		    read_step(b, config_setting_get_elem(list, (unsigned)i),
			&p->step[class][p->n[class]++], why);

		if (rc != OK)
			return rc;
	}
	return OK;
}

static enum err
read_table(struct base *b, config_t *tree, const char *path, struct errmsg *why)
{
	const config_setting_t *tables = config_lookup(tree, "tables");
	int n = tables != NULL ? config_setting_length(tables) : 0;

	for (int i = 0; i < n; i++) {
		const config_setting_t *t =
		    config_setting_get_elem(tables, (unsigned)i);
		enum err rc = OK;

		if (!is_for(t, b->conf))
			continue;
		for (unsigned c = 0; c < BASE_LANES && rc == OK; c++)
			rc = read_class(b, t, (enum priority)c, why);
		return rc;
	}
	return fail(why, ERR_NOT_FOUND,
	    "%s: class-pinned has no table for this fleet; bench/tune_pinned "
	    "makes one",
	    path);
}

static enum err
read_file(struct base *b, const char *path, struct errmsg *why)
{
	config_t tree;
	enum err rc;

	config_init(&tree);
	if (config_read_file(&tree, path) == CONFIG_TRUE)
		rc = read_table(b, &tree, path, why);
	else if (config_error_type(&tree) == CONFIG_ERR_PARSE)
		rc = fail(why, ERR_SYNTAX, "%s:%d: %s", path,
		    config_error_line(&tree), config_error_text(&tree));
	else
		rc = fail(why, ERR_IO, "%s: cannot be read", path);
	config_destroy(&tree);
	return rc;
}

static enum err
start(struct base *b, const struct pilot_setup *setup, struct errmsg *why)
{
	char found[SCENARIO_TEXT];

	b->own = calloc(1, sizeof(struct pinned));
	if (b->own == NULL)
		return ERR_MEMORY;
	if (setup->pinned_table != NULL)
		return read_file(b, setup->pinned_table, why);
	if (!scenario_find(PINNED_TABLE, found))
		return fail(why, ERR_NOT_FOUND,
		    "class-pinned: no file " PINNED_TABLE
		    ".conf beside the scenarios; bench/tune_pinned makes one");
	return read_file(b, found, why);
}

static void
stop(struct base *b)
{
	struct pinned *p = b->own;

	for (unsigned c = 0; p != NULL && c < BASE_LANES; c++)
		for (unsigned i = 0; i < STEPS; i++)
			free(p->step[c][i].use);
	free(p);
}

static const struct base_kind class_pinned = {
	.slots = true,
	.waits = true,
	.by_class = true,
	.probes = true,
	.panics = true,
	.retries = UINT32_MAX,
	.failures = 3,
	.window = 10 * USEC_SEC,
	.out_first = 10 * USEC_SEC,
	.out_most = 10 * USEC_SEC,
	.block = USEC_SEC,
	.start = start,
	.stop = stop,
	.pick = pick,
};

BASELINE(class_pinned, "class-pinned",
    "per class an ordered list of backends with caps, tuned offline",
    class_pinned);
