/* gateway/commands/top.c - `pointsman top`: the backends, live, in a terminal.
 *
 * Reads /admin/v1/backends once a second; plain ANSI. */
#include <stdio.h>
#include <unistd.h>

#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/commands/doc.h"

#define INTERVAL_S 1

static void
print_serving(const json_t *backend, const json_t *serving)
{
	const json_t *latency = doc_get(serving, "latency");
	const json_t *ttft = doc_get(latency, "ttft");
	const json_t *itl = doc_get(latency, "itl");
	char state[48];

	doc_state(backend, serving, state, sizeof(state));
	printf("%-14.14s %-22.22s %-14.14s %4lld", doc_text(backend, "name"),
	    doc_text(serving, "model"), state,
	    (long long)json_integer_value(doc_get(serving, "in_flight")));
	doc_cell(stdout, ttft, "p50_ms", 8, 1);
	doc_cell(stdout, ttft, "p95_ms", 8, 1);
	doc_cell(stdout, ttft, "p99_ms", 8, 1);
	doc_cell(stdout, itl, "p50_ms", 8, 1);
	doc_cell(stdout, itl, "p95_ms", 8, 1);
	printf(" %8lld %6lld\n",
	    (long long)json_integer_value(doc_get(serving, "attempts")),
	    (long long)json_integer_value(doc_get(serving, "errors")));
	if (doc_cause(serving) != NULL)
		printf("%-14s %s\n", "", doc_cause(serving));
}

static void
print_picture(const json_t *doc)
{
	const json_t *backends = doc_get(doc, "backends"), *b, *s;
	size_t i, k;

	printf("%-14s %-22s %-14s %4s %26s %17s %8s %6s\n", "BACKEND", "MODEL",
	    "STATE", "RUN", "TTFT p50/p95/p99 ms ", "ITL p50/p95 ms",
	    "ATTEMPTS", "ERRORS");
	json_array_foreach (backends, i, b) {
		if (!json_is_true(doc_get(b, "on"))) {
			printf("%-14.14s off: %s\n", doc_text(b, "name"),
			    doc_text(b, "off_reason"));
			continue;
		}
		json_array_foreach (doc_get(b, "servings"), k, s)
			print_serving(b, s);
	}
	printf("waiting in the queue: %lld\n",
	    (long long)json_integer_value(doc_get(doc, "queued")));
}

static int
watch(struct admin_where *where, bool once, bool raw)
{
	json_t *doc;

	do {
		doc = admin_get(where, "/admin/v1/backends");
		if (doc == NULL)
			return EXIT_BAD;
		if (raw) {
			json_dumpf(doc, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			if (!once)
				fputs("\033[H\033[2J", stdout);
			print_picture(doc);
		}
		json_decref(doc);
		if (fflush(stdout) != 0)
			return EXIT_BAD;
	} while (!once && sleep(INTERVAL_S) == 0);
	return EXIT_GOOD;
}

int
command_top(int argc, char **argv)
{
	struct admin_where where = { NULL };
	bool once = false, raw = false;
	const struct command_option options[] = {
		ADMIN_WHERE_OPTIONS(where),
		{ "once", 0, NULL, "print once and exit", NULL, &once },
		{ "json", 0, NULL, "as JSON, one document a line", NULL, &raw },
	};
	int code;

	if (!command_only_options(argc, argv, "pointsman top [OPTION]...",
		COMMAND_OPTIONS(options), &code))
		return code;
	return watch(&where, once || !isatty(STDOUT_FILENO), raw);
}
