/* bench/micro_ledger.c - what a row of the ledger costs: the thread that leaves
 * it, and the one that writes it.
 *
 * Nanoseconds of processor time for ledger_write(), alone and with several
 * threads at it; the writer's per row; bytes of the file per row; and how long
 * it takes to sum them up. Some 40,000 rows a second from each thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ledger/ledger.h"
#include "gateway/ledger/usage.h"

#define THREADS 2
#define BATCH 50 /* rows, then a rest of a millisecond */
#define BATCHES 4000

static struct ledger *ledger;

static struct outcome
request(char id[32], unsigned i)
{
	struct outcome o = { .id = id,
		.tenant = i % 3 == 0 ? "acme" : "zeta",
		.key = "CHECKOUT_KEY",
		.model = "gemma-4-31b",
		.slo = "interactive",
		.result = RESULT_OK,
		.status = 200,
		.stream = true,
		.slo_declared = true,
		.slo_met = true,
		.usage = { .known = true,
		    .input = 1200 + i % 100,
		    .output = 300 },
		.ttft = 180000,
		.itl = 9000,
		.total = 2900000,
		.cost = 0.00108,
		.charged = 0.00108,
		.n_attempts = 1 };

	snprintf(id, 32, "req_%024x", i);
	o.attempts[0] = (struct attempt_report){ .backend = "cerebras",
		.model = "gemma-4-31b" };
	return o;
}

/* Processor time of this thread in its calls, in microseconds. */
static void *
write_rows(void *arg)
{
	usec *spent = arg, began;
	char id[32];

	for (unsigned i = 0; i < BATCHES; i++) {
		struct outcome o = request(id, i);

		began = clock_cpu();
		for (unsigned k = 0; k < BATCH; k++)
			ledger_write(ledger, &o, clock_wall());
		*spent += clock_cpu() - began;
		clock_pause(USEC_MS);
	}
	return NULL;
}

static usec
process_cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * USEC_SEC +
	    r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

static void
run(const char *path, unsigned threads)
{
	const double n = (double)threads * BATCH * BATCHES;
	usec spent[THREADS] = { 0 }, all = 0, before = process_cpu();
	pthread_t t[THREADS];
	struct ledger_stats s;
	struct errmsg why;

	if (ledger_open(path, 0, &ledger, &why) != OK) {
		fprintf(stderr, "micro_ledger: %s\n", why.text);
		exit(EXIT_FAILURE);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, write_rows, &spent[i]);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < threads; i++)
		all += spent[i];
	ledger_stats(ledger, &s);
	ledger_close(&ledger);
	printf("%u thread%s: ledger_write() %4.0f ns; the writer %5.0f ns a "
	       "row; %llu of %.0f dropped\n",
	    threads, threads > 1 ? "s" : "", (double)all * 1e3 / n,
	    (double)(process_cpu() - before - all) * 1e3 /
		(n - (double)s.dropped),
	    (unsigned long long)s.dropped, n);
}

static void
sum_up(const char *path, const char *by)
{
	struct usage_query q = { .since = 0, .until = USEC_NEVER };
	usec began = clock_now();
	json_t *doc = NULL;
	struct errmsg why;

	if (usage_by_parse(slice_of(by), &q, &why) != OK ||
	    usage_sum(path, &q, 60 * USEC_SEC, NULL, &doc, &why) != OK) {
		fprintf(stderr, "micro_ledger: %s\n", why.text);
		exit(EXIT_FAILURE);
	}
	printf("%.0f rows by %s: %.0f ms\n",
	    json_number_value(
		json_object_get(json_object_get(doc, "total"), "requests")),
	    by, (double)(clock_now() - began) / 1e3);
	json_decref(doc);
}

int
main(void)
{
	char folder[] = "/tmp/pointsman-micro-XXXXXX", path[64];
	struct stat st;

	if (mkdtemp(folder) == NULL)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/usage.db", folder);
	run(path, 1);
	run(path, THREADS);
	if (stat(path, &st) == 0)
		printf("%.0f bytes a row\n",
		    (double)st.st_size / (BATCH * BATCHES * (1.0 + THREADS)));
	sum_up(path, "tenant,model");
	sum_up(path, "hour,tenant,model");
	unlink(path);
	rmdir(folder);
	return EXIT_SUCCESS;
}
