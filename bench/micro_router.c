/* bench/micro_router.c - what a decision costs, and how long the lock is held.
 *
 * First alone: nanoseconds for router_submit() and for the whole life of a
 * request, each the median, over 16, 64 and 256 servings of one model
 * of which all are measured and some too slow; what the receipt adds; what was
 * allocated meanwhile; and for handing on a slot while all are taken and a
 * queue waits. Before that, how long it takes to adopt a configuration. Then
 * several threads share the router behind one mutex, as the
 * gateway's workers do, and each hold of the mutex and wait for it are
 * measured. On fewer cores than threads the tail of the waiting is the
 * scheduler's. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gateway/lib/clock.h"
#include "gateway/telemetry/hist.h"
#include "router/router.h"

#define FEW 16 /* servings of one model */
#define MANY 64
#define MODELS_MANY 4 /* of as many servings: a fleet of 256 */
#define ROUNDS 15
#define PER_ROUND 20000 /* of FEW; of more as many fewer */
#define OPEN 32 /* requests of a thread that are under way */
#define LIVES 40000 /* of a thread, when they contend */
#define THREADS_MAX 8
#define PAUSE_NS 10000 /* a worker has other work to do per request */

struct bench {
	unsigned servings, models;
	struct conf *conf;
	struct router *router;
	struct router_tables *tables;
	pthread_mutex_t lock;
	usec now;
	bool no_targets; /* fills every slot there is */
	struct route_trace *trace; /* NULL: nobody wants a receipt */
};

struct request {
	struct facts facts;
	struct route_request route;
	struct ticket ticket;
	struct plan plan;
};

struct worker {
	struct bench *bench;
	unsigned index;
	pthread_t thread;
	struct request open[OPEN];
	struct hist hold, wait; /* in nanoseconds */
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "micro_router: %s%s\n", what, why);
	exit(1);
}

/* --- what is allocated; the linker leads calls from the router here --- */

static unsigned long allocated;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

void *
__wrap_malloc(size_t n)
{
	allocated++;
	return __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	allocated++;
	return __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	allocated++;
	return __real_realloc(p, n);
}

/* --- the fleet --- */

static void
write_conf(FILE *f, const struct bench *b)
{
	unsigned backends = b->servings * b->models;

	fputs("slo = ( { name = \"chat\"; ttft = \"300ms\"; itl = \"50ms\"; "
	      "total = \"20s\"; } );\ndefault_slo = \"chat\";\nbackends = (",
	    f);
	for (unsigned i = 0; i < backends; i++)
		fprintf(f,
		    "%s { name = \"b%u\"; adapter = \"any\"; url = "
		    "\"http://b%u/v1\"; slots = 64; hardware = \"gpu\"; price "
		    "= { input = %u; output = %u; }; }",
		    i > 0 ? "," : "", i, i, 1 + i % 5, 2 + i % 5);
	fputs(" );\nmodels = (", f);
	for (unsigned i = 0; i < backends; i++) {
		if (i % b->servings == 0)
			fprintf(f, "%s { name = \"m%u\"; serve = (",
			    i > 0 ? " ); }," : "", i / b->servings);
		fprintf(f, "%s { backend = \"b%u\"; }",
		    i % b->servings > 0 ? "," : "", i);
	}
	fputs(" ); } );\n", f);
}

static struct conf *
load_conf(const struct bench *b)
{
	static const struct conf_adapter any = { .name = "any" };
	static const struct conf_env env = { .adapters = &any,
		.n_adapters = 1 };
	char path[] = "/tmp/micro_router-XXXXXX";
	struct complaints why;
	struct conf *conf = NULL;
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f == NULL)
		die("cannot write ", path);
	write_conf(f, b);
	fclose(f);
	complaints_init(&why);
	if (conf_load(path, &env, NULL, &conf, &why) != OK) {
		buf_add_char(&why.text, '\0');
		die("bad configuration: ", why.text.p);
	}
	complaints_fini(&why);
	unlink(path);
	return conf;
}

static void
tick(struct bench *b)
{
	router_tick_begin(b->router, b->tables, b->now);
	router_tick_build(b->tables);
	router_tick_end(b->router, b->tables, b->now);
}

/* --- a request --- */

static void
submit(struct bench *b, struct request *q, unsigned worker)
{
	q->facts = (struct facts){ .dialect = DIALECT_CHAT,
		.needs = CAP_CHAT,
		.stream = true,
		.max_tokens = 256,
		.prompt_bytes = 400 };
	q->route = (struct route_request){ .facts = &q->facts,
		.model = &b->conf->models[0],
		.slo = *b->conf->default_slo,
		.arrived = b->now,
		.deadline = b->now + 600 * USEC_SEC,
		.worker = worker,
		.owner = q,
		.trace = b->trace };
	if (b->no_targets)
		q->route.slo.ttft = q->route.slo.itl = q->route.slo.total = 0;
	router_submit(b->router, &q->route, b->now, &q->ticket, &q->plan);
}

/* Every third serving is too slow for the class. */
static usec
ttft_of(const struct plan *p)
{
	return (p->serving % 3 == 0 ? 900 : 60) * USEC_MS;
}

static void
finish(struct bench *b, struct request *q)
{
	const struct route_result r = { .ttft = ttft_of(&q->plan),
		.itl = 10 * USEC_MS,
		.total = 3 * USEC_SEC,
		.usage = { .known = true, .input = 1000, .output = 200 } };

	if (q->plan.kind == PLAN_GO)
		router_finished(b->router, q->ticket, &r, b->now);
	else
		router_cancel(b->router, q->ticket, b->now);
}

static void
first_token(struct bench *b, struct request *q)
{
	if (q->plan.kind == PLAN_GO)
		router_first_token(
		    b->router, q->ticket, b->now, ttft_of(&q->plan));
}

static void
teach(struct bench *b)
{
	struct request q;

	for (unsigned i = 0; i < 40 * b->servings; i++) {
		submit(b, &q, 0);
		/* a pin would do, but this is how it comes about */
		first_token(b, &q);
		finish(b, &q);
		b->now += 10 * USEC_MS;
		if (i % 10 == 0)
			tick(b);
	}
	tick(b);
}

/* --- alone --- */

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_size);
	return list[n / 2];
}

/* So many at work at once that they spread. */
static void
time_submits(struct bench *b, struct request *q, struct hist *ns)
{
	unsigned n = b->servings * 16;
	int64_t began;

	for (unsigned i = 0; i < n; i++) {
		began = now_ns();
		submit(b, &q[i], 0);
		hist_record(ns, now_ns() - began);
		first_token(b, &q[i]);
	}
	for (unsigned i = 0; i < n; i++)
		finish(b, &q[i]);
}

static double
time_lives(struct bench *b, struct request *q)
{
	unsigned n = PER_ROUND * FEW / b->servings;
	int64_t began = now_ns();

	for (unsigned i = 0; i < n; i++) {
		submit(b, q, 0);
		first_token(b, q);
		finish(b, q);
	}
	return (double)(now_ns() - began) / n;
}

static void
time_alone(struct bench *b)
{
	struct request *q = calloc(b->servings * 16, sizeof(*q));
	struct route_trace *trace = calloc(1, sizeof(*trace));
	struct hist submits = { 0 }, traced = { 0 };
	double lives[ROUNDS];

	if (q == NULL || trace == NULL)
		die("out of memory", "");
	for (int round = 0; round < ROUNDS; round++) {
		b->trace = trace;
		time_submits(b, q, &traced);
		b->trace = NULL;
		if (round == 0) /* as many at work as ever */
			allocated = 0;
		time_submits(b, q, &submits);
		lives[round] = time_lives(b, q);
		b->now += 100 * USEC_MS;
		tick(b);
	}
	printf("router: %u servings in a fleet of %u: submit %.0f ns, with a "
	       "receipt %.0f ns; submit + first token + finished %.0f ns; "
	       "%lu allocations\n",
	    b->servings, b->servings * b->models,
	    (double)hist_quantile(&submits, 0.5),
	    (double)hist_quantile(&traced, 0.5), median(lives, ROUNDS),
	    allocated);
	free(trace);
	free(q);
}

static void
time_tick(struct bench *b)
{
	int64_t began = now_ns(), begun, built, ended;

	router_tick_begin(b->router, b->tables, b->now);
	begun = now_ns();
	router_tick_build(b->tables);
	built = now_ns();
	router_tick_end(b->router, b->tables, b->now);
	ended = now_ns();
	printf("tick: begin %.1f us and end %.1f us locked, build %.0f us "
	       "unlocked\n",
	    (double)(begun - began) / 1e3, (double)(ended - built) / 1e3,
	    (double)(built - begun) / 1e3);
}

/* --- full up --- */

#define QUEUED 500

/* Every slot is taken and QUEUED wait: an end lets the next one go. */
static void
time_full(struct bench *b)
{
	size_t first = 0, n = b->servings * 64 + QUEUED;
	struct request *q = calloc(n, sizeof(*q));
	int64_t began;
	struct plan plan;
	struct ticket t;
	void *owner;

	if (q == NULL)
		die("out of memory", "");
	b->no_targets = true;
	for (size_t i = 0; i < n; i++)
		submit(b, &q[i], 0);
	began = now_ns();
	for (int i = 0; i < PER_ROUND; i++) {
		struct request *done = &q[first], *next;

		finish(b, done);
		submit(b, done, 0);
		if (!router_next(b->router, 0, b->now, &owner, &t, &plan))
			die("nobody was let go", "");
		next = owner;
		next->plan = plan;
		first = (size_t)(next - q);
	}
	printf("full, %d queued: finished + submit + next %.0f ns\n", QUEUED,
	    (double)(now_ns() - began) / PER_ROUND);
	for (size_t i = 0; i < n; i++)
		router_cancel(b->router, q[i].ticket, b->now);
	while (router_next(b->router, 0, b->now, &owner, &t, &plan))
		router_cancel(b->router, t, b->now);
	b->no_targets = false;
	free(q);
}

/* --- together --- */

static void
pause_for(int64_t ns)
{
	int64_t until = now_ns() + ns;

	while (now_ns() < until)
		continue;
}

static void
one_call(struct worker *w, unsigned i, unsigned life)
{
	struct bench *b = w->bench;
	struct request *q = &w->open[i];
	int64_t asked = now_ns(), got, left;

	pthread_mutex_lock(&b->lock);
	got = now_ns();
	b->now++;
	if (life >= OPEN)
		finish(b, q);
	submit(b, q, w->index);
	first_token(b, q);
	left = now_ns();
	pthread_mutex_unlock(&b->lock);
	hist_record(&w->wait, got - asked);
	hist_record(&w->hold, left - got);
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	unsigned lives = LIVES * FEW / w->bench->servings;

	for (unsigned life = 0; life < lives; life++) {
		one_call(w, life % OPEN, life);
		pause_for(PAUSE_NS);
	}
	return NULL;
}

static void
time_together(struct bench *b, unsigned threads)
{
	struct worker *w = calloc(threads, sizeof(*w));
	struct hist hold = { 0 }, wait = { 0 };

	if (w == NULL)
		die("out of memory", "");
	for (unsigned i = 0; i < threads; i++) {
		w[i].bench = b;
		w[i].index = i;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			die("cannot start a thread", "");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(w[i].thread, NULL);
	for (unsigned i = 0; i < threads; i++) {
		hist_merge(&hold, &w[i].hold);
		hist_merge(&wait, &w[i].wait);
		for (unsigned k = 0; k < OPEN; k++)
			router_cancel(b->router, w[i].open[k].ticket, b->now);
	}
	printf("%u threads, %u servings: finished + submit + first token in "
	       "one hold: p50 %.1f us, p99 "
	       "%.1f us, p99.9 %.1f us; waited p50 %.1f us, p99 %.1f us\n",
	    threads, b->servings, (double)hist_quantile(&hold, 0.5) / 1e3,
	    (double)hist_quantile(&hold, 0.99) / 1e3,
	    (double)hist_quantile(&hold, 0.999) / 1e3,
	    (double)hist_quantile(&wait, 0.5) / 1e3,
	    (double)hist_quantile(&wait, 0.99) / 1e3);
	free(w);
}

/* The lock would be held for the second step alone. */
static void
time_change(struct bench *b)
{
	int64_t began = now_ns(), prepared, adopted;
	struct router_change *change;
	unsigned long before;

	if (router_prepare(b->router, b->conf, b->now, &change) != OK)
		die("out of memory", "");
	prepared = now_ns();
	before = allocated;
	router_adopt(b->router, change, b->now);
	adopted = now_ns();
	before = allocated - before;
	router_change_free(&change, b->router);
	printf("configuration of %u new servings: %.1f ms unlocked, %.1f us "
	       "locked with %lu allocations\n",
	    b->servings * b->models, (double)(prepared - began) / 1e6,
	    (double)(adopted - prepared) / 1e3, before);
}

static void
open_bench(struct bench *b, unsigned servings, unsigned models)
{
	*b = (struct bench){
		.now = 1000 * USEC_SEC, .servings = servings, .models = models
	};
	b->conf = load_conf(b);
	b->router = router_new(THREADS_MAX, 1);
	b->tables = router_tables_new();
	pthread_mutex_init(&b->lock, NULL);
	if (b->router == NULL || b->tables == NULL)
		die("out of memory", "");
	time_change(b);
	teach(b);
}

static void
close_bench(struct bench *b)
{
	router_tables_free(&b->tables);
	router_free(&b->router);
	conf_unref(&b->conf);
	pthread_mutex_destroy(&b->lock);
}

int
main(void)
{
	struct bench b;

	open_bench(&b, CONF_SERVINGS_MAX, 1);
	time_alone(&b);
	time_tick(&b);
	time_together(&b, THREADS_MAX);
	close_bench(&b);
	open_bench(&b, MANY, MODELS_MANY);
	time_alone(&b);
	time_tick(&b);
	close_bench(&b);
	open_bench(&b, FEW, 1);
	time_alone(&b);
	time_tick(&b);
	time_full(&b);
	for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 2)
		time_together(&b, threads);
	close_bench(&b);
	return 0;
}
