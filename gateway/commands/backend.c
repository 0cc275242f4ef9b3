/* gateway/commands/backend.c - `pointsman backend`: takes a backend of a
 * running gateway out of use and back, or uses a share of it. */
#include <stdio.h>
#include <string.h>

#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/commands/doc.h"
#include "gateway/lib/count.h"

#define PATH "/admin/v1/backends"
#define POLL (250 * USEC_MS)

static const char usage[] =
    "pointsman backend list [--json]\n"
    "       pointsman backend drain NAME [--model NAME] [--force] [--wait]\n"
    "       pointsman backend enable NAME [--model NAME]\n"
    "       pointsman backend weight NAME 0..1 [--model NAME] [--force]\n\n"
    "drain sends it no new requests, and what is in flight ends; weight uses a "
    "share of\n"
    "its slots; enable uses it in full again. All hold over a reload, and end "
    "with the process.";

struct wish {
	struct admin_where where;
	const char *verb, *backend, *weight, *model;
	bool force, wait, raw;
};

/* --- what is asked --- */

/* NULL: it is said what is wrong. */
static json_t *
act(struct wish *w)
{
	const struct query_part parts[] = {
		{ "backend", w->backend },
		{ "model", w->model },
		{ "weight", w->weight },
		{ "force", w->force ? "true" : NULL },
	};
	char path[64];

	snprintf(path, sizeof(path), PATH "/%s", w->verb);
	return admin_ask_with(&w->where, "POST", path, parts, COUNT(parts));
}

static const json_t *
named(const json_t *doc, const char *backend)
{
	const json_t *b;
	size_t i;

	json_array_foreach (doc_get(doc, "backends"), i, b)
		if (strcmp(doc_text(b, "name"), backend) == 0)
			return b;
	return NULL;
}

/* --- what is said --- */

static void
print_backend(const json_t *b)
{
	const json_t *s;
	char state[48];
	size_t i;

	json_array_foreach (doc_get(b, "servings"), i, s) {
		doc_state(b, s, state, sizeof(state));
		printf("%-20s %-24s %-20s %9g", doc_text(b, "name"),
		    doc_text(s, "model"), state, doc_number(s, "in_flight"));
		if (doc_has(s, "ceiling"))
			printf(" %8g", doc_number(s, "ceiling"));
		else
			printf(" %8s", "-");
		if (doc_cause(s) != NULL)
			printf("  %s", doc_cause(s));
		putchar('\n');
	}
	if (json_array_size(doc_get(b, "servings")) == 0)
		printf("%-20s serves nothing\n", doc_text(b, "name"));
}

static void
print_head(void)
{
	printf("%-20s %-24s %-20s %9s %8s  %s\n", "BACKEND", "MODEL", "STATE",
	    "IN FLIGHT", "AT MOST", "WHY");
}

/* --- until nothing is in flight --- */

/* Of the backend, or of one model there. */
static double
in_flight(const json_t *b, const char *model)
{
	double sum = 0;
	const json_t *s;
	size_t i;

	if (model == NULL)
		return doc_number(b, "in_flight");
	json_array_foreach (doc_get(b, "servings"), i, s)
		if (strcmp(doc_text(s, "model"), model) == 0)
			sum += doc_number(s, "in_flight");
	return sum;
}

/* Why it is of no use to wait on; NULL: it is. */
static const char *
given_up(const json_t *b, const char *model)
{
	bool any = false;
	const json_t *s;
	size_t i;

	json_array_foreach (doc_get(b, "servings"), i, s) {
		if (model != NULL && strcmp(doc_text(s, "model"), model) != 0)
			continue;
		if (strcmp(doc_text(s, "state"), "drained") != 0)
			return "somebody has enabled it again";
		any = true;
	}
	return any ? NULL : "a reload has removed it";
}

/* The last answer, which lists all of them; NULL: it is said what is wrong.
 * model: as the gateway calls it. */
static json_t *
wait_for_end(struct wish *w, const char *model)
{
	double left, said = -1;
	const char *flaw;
	const json_t *b;
	json_t *doc;

	while ((doc = admin_get(&w->where, PATH)) != NULL) {
		b = named(doc, w->backend);
		flaw = given_up(b, model);
		left = in_flight(b, model);
		if (flaw == NULL && left <= 0)
			return doc;
		json_decref(doc);
		if (flaw != NULL) {
			fprintf(stderr, "pointsman backend: %s: %s\n",
			    w->backend, flaw);
			return NULL;
		}
		if (said < 0 || left < said)
			fprintf(stderr, "%s: %g in flight\n", w->backend, left);
		said = left;
		clock_pause(POLL);
	}
	return NULL;
}

/* --- the verbs --- */

static int
list(struct wish *w)
{
	json_t *doc = admin_get(&w->where, PATH), *b;
	size_t i;

	if (doc == NULL)
		return admin_exit(&w->where);
	if (w->raw) {
		doc_print(doc);
	} else {
		print_head();
		json_array_foreach (json_object_get(doc, "backends"), i, b)
			print_backend(b);
	}
	json_decref(doc);
	return EXIT_GOOD;
}

static int
change(struct wish *w)
{
	json_t *doc = act(w), *done;
	const json_t *b = doc_get(doc, "backend");

	if (doc != NULL && w->wait) {
		done =
		    wait_for_end(w, json_string_value(doc_get(doc, "model")));
		json_decref(doc);
		doc = done;
		b = named(doc, w->backend);
	}
	if (doc == NULL)
		return admin_exit(&w->where);
	if (w->raw) {
		doc_print(b);
	} else {
		print_head();
		print_backend(b);
	}
	json_decref(doc);
	return EXIT_GOOD;
}

static int
list_all(void *wish, int n, char **operands)
{
	struct wish *w = wish;

	(void)operands;
	if (n != 1 || w->model != NULL || w->force || w->wait)
		return command_misused(usage);
	return list(w);
}

static int
change_one(struct wish *w, char **operands)
{
	w->verb = operands[0];
	w->backend = operands[1];
	return change(w);
}

static int
drain(void *wish, int n, char **operands)
{
	return n == 2 ? change_one(wish, operands) : command_misused(usage);
}

static int
enable(void *wish, int n, char **operands)
{
	const struct wish *w = wish;

	return n == 2 && !w->force && !w->wait ? change_one(wish, operands)
					       : command_misused(usage);
}

static int
weigh(void *wish, int n, char **operands)
{
	struct wish *w = wish;

	if (n != 3 || w->wait)
		return command_misused(usage);
	w->weight = operands[2];
	return change_one(w, operands);
}

int
command_backend(int argc, char **argv)
{
	static const struct command_word words[] = { { "list", list_all },
		{ "drain", drain }, { "enable", enable }, { "weight", weigh } };
	struct wish w = { .raw = false };
	const struct command_option options[] = {
		{ "model", 0, "NAME", "its serving of this model alone",
		    &w.model, NULL },
		{ "force", 0, NULL, "also where a model has no other left",
		    NULL, &w.force },
		{ "wait", 0, NULL, "until nothing is in flight there", NULL,
		    &w.wait },
		ADMIN_WHERE_OPTIONS(w.where),
		{ "json", 0, NULL, "as JSON", NULL, &w.raw },
	};

	return command_words(argc, argv, usage, COMMAND_OPTIONS(options),
	    COMMAND_WORDS(words), &w);
}
