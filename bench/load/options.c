/* bench/load/options.c - reads the options of `pointsman loadtest`. */
#include "bench/load/options_set.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_BASE 256

static void
help(void)
{
	char left[40];

	puts("usage: pointsman loadtest --url URL [OPTION]...\n\n"
	     "Sends streamed chat completions when they are due, whether or "
	     "not earlier\nones are answered, and says which share met their "
	     "terms.\n");
	for (size_t i = 0; i < n_option_rows; i++) {
		snprintf(left, sizeof(left), "--%s %s", option_rows[i].name,
		    option_rows[i].value != NULL ? option_rows[i].value : "");
		printf("  %-24s %s\n", left, option_rows[i].help);
	}
	puts("\nSPEC: name, share, key, model, ttft, itl, total, percentile, "
	     "priority,\n      slo (an SLO class of the gateway), headers=no "
	     "(do not send the terms)\n\n"
	     "Ends with 1 where a request failed, none was answered, or a "
	     "class with a\npercentile fell short of it; with 2 on wrong usage."
	     " SIGINT stops sending,\na second one stops waiting.");
}

/* --- what belongs together --- */

static enum err
settle_when(const struct draft *d, struct errmsg *why)
{
	const struct loadtest_options *o = d->o;
	const struct offer_setup *s = &o->offer;

	if (s->trace != NULL && (s->rate > 0 || s->bursts.factor > 0))
		return fail(why, ERR_INVALID,
		    "want --trace, or --rate and --bursts; got both");
	if (s->trace == NULL && s->rate <= 0)
		return fail(why, ERR_INVALID, "want --rate or --trace");
	if (s->trace == NULL && d->speed_given)
		return fail(why, ERR_INVALID, "--speed goes with --trace");
	if (s->trace == NULL && o->requests == 0 && o->duration == 0)
		return fail(why, ERR_INVALID,
		    "until when: want --duration or --requests");
	return OK;
}

static enum err
read_shared_key(const char *key, struct load_class *c, struct errmsg *why)
{
	struct errmsg flaw;
	enum err rc = load_key_read(slice_of(key), &c->key, &flaw);

	return rc == OK ? OK : fail(why, rc, "--key: %s", flaw.text);
}

static enum err
settle_classes(const struct draft *d, struct errmsg *why)
{
	struct loadtest_options *o = d->o;
	struct offer_setup *s = &o->offer;
	enum err rc = OK;

	if (s->n_classes == 0) {
		rc =
		    load_class_parse(SLICE("name=all"), 1, &o->classes[0], why);
		s->n_classes = rc == OK;
	}
	for (unsigned i = 0; rc == OK && i < s->n_classes; i++) {
		struct load_class *c = &o->classes[i];

		if (c->model == NULL && d->model != NULL &&
		    (c->model = slice_dup(slice_of(d->model))) == NULL)
			rc = fail(why, ERR_MEMORY, "out of memory");
		if (rc == OK && c->key == NULL && d->key != NULL)
			rc = read_shared_key(d->key, c, why);
	}
	return rc;
}

static enum err
settle(const struct draft *d, struct errmsg *why)
{
	struct loadtest_options *o = d->o;
	enum err rc;

	if (o->url == NULL)
		return fail(why, ERR_INVALID, "where to: want --url");
	rc = settle_when(d, why);
	if (rc == OK)
		rc = settle_classes(d, why);
	o->offer.classes = o->classes;
	if (o->honour_lengths)
		o->offer.output = o->max_tokens;
	return rc;
}

/* --- reading them --- */

static enum options_end
complain(const struct errmsg *why, const char *option)
{
	fprintf(stderr, "pointsman loadtest: %s%s%s%s\n",
	    option != NULL ? "--" : "", option != NULL ? option : "",
	    option != NULL ? ": " : "", why->text);
	return OPTIONS_WRONG;
}

static enum options_end
read_all(struct draft *d, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 1] = { { 0 } };
	struct errmsg why;
	int c;

	assert(n_option_rows < OPTIONS_MAX);
	for (size_t i = 0; i < n_option_rows; i++)
		longs[i] = (struct option){ option_rows[i].name,
			option_rows[i].value != NULL, NULL,
			OPTION_BASE + (int)i };
	longs[n_option_rows] = (struct option){ "help", 0, NULL, 'h' };
	optind = 0;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			help();
			return OPTIONS_HELP;
		}
		if (c < OPTION_BASE) {
			fputs("pointsman loadtest: --help says how\n", stderr);
			return OPTIONS_WRONG;
		}
		if (option_rows[c - OPTION_BASE].set(d, optarg, &why) != OK)
			return complain(
			    &why, option_rows[c - OPTION_BASE].name);
	}
	if (optind < argc) {
		(void)fail(&why, ERR_INVALID, "want options only, got \"%s\"",
		    argv[optind]);
		return complain(&why, NULL);
	}
	return settle(d, &why) == OK ? OPTIONS_GO : complain(&why, NULL);
}

enum options_end
loadtest_options_read(struct loadtest_options *o, int argc, char **argv)
{
	struct draft d = { .o = o };

	*o = (struct loadtest_options){ .timeout = 120 * USEC_SEC,
		.limit = 1000,
		.offer = { .speed = 1, .seed = 1 } };
	return read_all(&d, argc, argv);
}

void
loadtest_options_fini(struct loadtest_options *o)
{
	for (unsigned i = 0; i < o->offer.n_classes; i++)
		load_class_fini(&o->classes[i]);
	free(o->url);
	o->url = NULL;
	o->offer.n_classes = 0;
}
