/* bench/load/options.h - what `pointsman loadtest` is to do. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include "bench/load/offer.h"
#include "bench/load/seen.h"

#define LOADTEST_CLASSES 32
#define LOADTEST_PRICES 32

struct loadtest_options {
	char *url; /* of chat completions, whole */
	char host[256]; /* of the URL, with its port */
	const char *requests_out, *ca_file; /* NULL: none */
	struct slice extra; /* members for each body, without their braces */
	uint64_t requests; /* 0: without end */
	usec duration; /* 0: without end */
	usec timeout; /* of one request, from when it was sent */
	unsigned limit; /* requests in flight at most */
	bool honour_lengths, json;
	struct load_class classes[LOADTEST_CLASSES];
	struct load_price prices[LOADTEST_PRICES];
	unsigned n_prices;
	struct offer_setup offer; /* points to classes above */
	unsigned max_tokens; /* 0: not said, unless honour_lengths */
};

enum options_end { OPTIONS_GO, OPTIONS_HELP, OPTIONS_WRONG };

/* Help goes to stdout, complaints to stderr. Borrows from argv. Free with
 * loadtest_options_fini() however it ended. */
enum options_end loadtest_options_read(
    struct loadtest_options *, int argc, char **argv);
void loadtest_options_fini(struct loadtest_options *);

/* options_url.c: "https://host/v1" to where chat completions are; without a
 * path /v1 is meant. The caller frees *url. */
enum err loadtest_url(struct slice base, char **url, char *host,
    size_t host_size, struct errmsg *) MUST_USE;

#endif
