/* gateway/commands/drill.c - `pointsman drill`: rehearses a failover, and says
 * what became of the requests that it met.
 *
 * The gateway ends the drill by itself, also when this program is killed; it is
 * asked to end it early on a signal. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/commands/doc.h"
#include "gateway/lib/count.h"

#define PATH "/admin/v1/drill"
#define POLL (250 * USEC_MS)
#define END_TRIES 20 /* as often as it is asked how things are */
/* For requests that are still at work at its end. */
#define GRACE (30 * USEC_SEC)

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void
watch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction a = { .sa_handler = on_signal };

	for (size_t i = 0; i < COUNT(numbers); i++)
		sigaction(numbers[i], &a, NULL);
}

static bool
is_active(const json_t *doc)
{
	return json_is_true(doc_get(doc_get(doc, "drill"), "active"));
}

/* --- the report --- */

static void
print_latency(const json_t *d)
{
	double expected = doc_number(d, "expected_ms");
	double measured = doc_number(d, "measured_ms");

	if (doc_number(d, "timed") <= 0)
		return;
	printf("latency   %.0f of the moved: %.1f ms expected of %s, %.1f ms "
	       "measured, %+.1f ms (means; streams to the first token)\n",
	    doc_number(d, "timed"), expected, doc_text(d, "backend"), measured,
	    measured - expected);
}

static void
print_drill(const json_t *d)
{
	const char *tenant = json_string_value(doc_get(d, "tenant"));

	if (!json_is_object(d)) {
		puts("there has been no drill");
		return;
	}
	printf("drill     %s fails for %s%s, %g s; ", doc_text(d, "backend"),
	    tenant != NULL ? "tenant " : "everybody",
	    tenant != NULL ? tenant : "", doc_number(d, "seconds"));
	if (json_is_true(doc_get(d, "active")))
		printf("%.0f s left\n", doc_number(d, "left_seconds"));
	else
		printf("ended: %s\n", doc_text(d, "ended"));
	printf("requests  %.0f met it: %.0f moved and answered, %.0f failed, "
	       "%.0f left by their clients, %.0f at work\n",
	    doc_number(d, "requests"), doc_number(d, "moved"),
	    doc_number(d, "failed"), doc_number(d, "client_gone"),
	    doc_number(d, "running"));
	print_latency(d);
}

static void
print_doc(const json_t *doc, bool raw)
{
	if (raw)
		doc_print(doc);
	else
		print_drill(doc_get(doc, "drill"));
	fflush(stdout);
}

/* 1 where the fleet did not hold: a request that met it failed. */
static int
finish(json_t *doc, bool raw)
{
	bool failed = doc_number(doc_get(doc, "drill"), "failed") > 0;

	print_doc(doc, raw);
	json_decref(doc);
	return failed ? EXIT_BAD : EXIT_GOOD;
}

/* --- what is asked for --- */

static double
at_work(const json_t *doc)
{
	return doc_number(doc_get(doc, "drill"), "running");
}

/* The first signal ends it, another one the wait for those at work. */
static bool
is_over(const json_t *doc, int *grace)
{
	if (is_active(doc))
		return false;
	return at_work(doc) == 0 || interrupted || (*grace)-- == 0;
}

/* False: it is said why not. */
static bool
end_early(struct admin_where *where, int *tries)
{
	json_t *doc = admin_ask(where, "DELETE", PATH);

	json_decref(doc);
	if (doc != NULL)
		interrupted = 0;
	if (doc != NULL || --*tries > 0)
		return true;
	fprintf(stderr,
	    "pointsman drill: it could not be ended, and goes on until its "
	    "time is up\n");
	return false;
}

/* Until it has ended and so have the requests that it met. Takes doc; NULL: it
 * is said what is wrong. */
static json_t *
wait_for_end(struct admin_where *where, json_t *doc)
{
	const double id = doc_number(doc_get(doc, "drill"), "id");
	int grace = (int)(GRACE / POLL), tries = END_TRIES;

	while (!is_over(doc, &grace)) {
		if (interrupted && is_active(doc) &&
		    !end_early(where, &tries)) {
			json_decref(doc);
			return NULL;
		}
		clock_pause(POLL);
		json_decref(doc);
		doc = admin_get(where, PATH);
		if (doc == NULL)
			return NULL;
		if (doc_number(doc_get(doc, "drill"), "id") == id)
			continue;
		fprintf(stderr,
		    "pointsman drill: another one has begun, or the gateway "
		    "was started again\n");
		json_decref(doc);
		return NULL;
	}
	return doc;
}

static int
rehearse(struct admin_where *where, const char *backend, const char *span,
    const char *tenant, bool raw)
{
	const struct query_part parts[] = { { "fail", backend },
		{ "for", span }, { "tenant", tenant } };
	double running;
	json_t *doc;
	int rc;

	watch_signals();
	doc = admin_ask_with(where, "POST", PATH, parts, COUNT(parts));
	if (doc == NULL)
		return admin_exit(where);
	if (!raw) {
		printf("drill of %s, %s: ctrl-C ends it\n", backend, span);
		fflush(stdout);
	}
	doc = wait_for_end(where, doc);
	if (doc == NULL)
		return EXIT_BAD;
	running = at_work(doc);
	rc = finish(doc, raw);
	if (running == 0)
		return rc;
	fprintf(stderr,
	    "pointsman drill: what becomes of the %.0f at work is not known "
	    "yet: `pointsman drill` will tell\n",
	    running);
	return EXIT_BAD;
}

struct wish {
	struct admin_where where;
	const char *backend, *span, *tenant;
	bool stop, raw;
};

static bool
is_sound(const struct wish *w)
{
	if (w->backend != NULL)
		return !w->stop;
	return w->span == NULL && w->tenant == NULL;
}

static int
carry_out(struct wish *w)
{
	json_t *doc;

	if (w->backend != NULL)
		return rehearse(&w->where, w->backend,
		    w->span != NULL ? w->span : "60s", w->tenant, w->raw);
	doc = admin_ask(&w->where, w->stop ? "DELETE" : "GET", PATH);
	return doc != NULL ? finish(doc, w->raw) : admin_exit(&w->where);
}

static const char usage[] =
    "pointsman drill [--fail BACKEND [--for TIME] [--tenant NAME] | --stop] "
    "[OPTION]...\n\nWithout --fail and --stop it shows the last one.";

int
command_drill(int argc, char **argv)
{
	struct wish w = { .stop = false };
	const struct command_option options[] = {
		{ "fail", 0, "BACKEND", "the backend that fails", &w.backend,
		    NULL },
		{ "for", 0, "TIME", "how long, 1s..1h (60s)", &w.span, NULL },
		{ "tenant", 0, "NAME", "for its requests alone", &w.tenant,
		    NULL },
		{ "stop", 0, NULL, "end the one that runs", NULL, &w.stop },
		ADMIN_WHERE_OPTIONS(w.where),
		{ "json", 0, NULL, "as JSON", NULL, &w.raw },
	};
	int at;

	if (!command_options(argc, argv, usage, COMMAND_OPTIONS(options), &at))
		return at;
	if (at == argc && is_sound(&w))
		return carry_out(&w);
	fprintf(stderr,
	    "pointsman drill: want --fail BACKEND [--for TIME] "
	    "[--tenant NAME], or --stop\n");
	return EXIT_USAGE;
}
