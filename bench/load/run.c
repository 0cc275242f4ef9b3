/* bench/load/run.c - when the load client starts requests, and when it ends.
 *
 * pump() starts whatever is due and has room; it runs when a request ends and
 * when the timer says that an arrival is due. What differs among the modes is
 * only what is due and how much room there is. When time is up, what was asked
 * is still waited for, and in an open loop what was due is still asked: to drop
 * either would hide the slowest. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/load.h"

#define RAMP 64 /* held streams without a token yet, at most */
#define SWEEP_MS 100

struct run {
	struct load_run l;
	FILE *out;
};

static struct run *
run_of(struct load_run *l)
{
	return CONTAINER_OF(l, struct run, l);
}

static bool
time_is_up(const struct load_run *l)
{
	usec at = l->o->mode == LOAD_OPEN ? l->arrivals.next.due
					  : clock_now() - l->began;

	return l->o->seconds > 0 && at >= (usec)(l->o->seconds * 1e6);
}

static bool
exhausted(const struct load_run *l)
{
	return l->arrivals.over || time_is_up(l) ||
	    (l->o->requests > 0 && l->started >= l->o->requests);
}

static bool
has_room(const struct load_run *l)
{
	if (l->o->mode == LOAD_HELD && l->n_silent >= RAMP)
		return false;
	return l->n_busy < l->o->connections;
}

static void
stop(struct load_run *l)
{
	l->total.to = clock_now();
	l->stopped = true;
	uv_stop(&l->loop);
}

/* Whoever started a client that holds streams waits for this line. */
static void
announce(struct load_run *l)
{
	if (l->announced || l->o->mode != LOAD_HELD || l->n_silent > 0 ||
	    l->n_busy < l->o->connections)
		return;
	l->announced = true;
	fputs("{\"ready\":true}\n", run_of(l)->out);
	fflush(run_of(l)->out);
}

void
load_pump(struct load_run *l)
{
	usec due;

	if (l->stopped)
		return;
	while (!exhausted(l) && has_room(l)) {
		due = l->began + l->arrivals.next.due;
		if (l->o->mode == LOAD_OPEN && due > clock_now()) {
			clock_alarm_at(l->timer_fd, due);
			return;
		}
		if (!load_start(l, &l->arrivals.next))
			return; /* the sweep tries again */
		arrivals_step(&l->arrivals);
	}
	if (exhausted(l) && l->n_busy == 0)
		stop(l);
}

static void
on_due(uv_poll_t *p, int status, int events)
{
	struct load_run *l = p->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(l->timer_fd, &expirations, sizeof(expirations)) > 0)
		load_pump(l);
}

static void
on_sweep(uv_timer_t *t)
{
	struct load_run *l = t->data;

	if (l->o->mode != LOAD_HELD)
		load_expire(l, clock_now() - (usec)(l->o->timeout * 1e6));
	if (l->o->mode == LOAD_HELD && time_is_up(l))
		stop(l);
	else
		load_pump(l); /* held streams whose tokens have come */
	announce(l);
}

static void
on_stop(uv_signal_t *s, int number)
{
	(void)number;
	stop(s->data);
}

static void
on_report(uv_signal_t *s, int number)
{
	struct load_run *l = s->data;

	(void)number;
	l->total.to = clock_now();
	load_report(run_of(l)->out, l->o, &l->total);
	l->total = (struct load_result){ .from = l->total.to };
}

/* --- building and tearing down --- */

static bool
resolve(struct load_run *l)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	uv_getaddrinfo_t req;
	char port[8];
	int rc;

	if (l->o->unix_path != NULL)
		return true;
	snprintf(port, sizeof(port), "%d", l->o->port);
	rc = uv_getaddrinfo(&l->loop, &req, NULL, l->o->host, port, &hints);
	if (rc != 0) {
		fprintf(stderr, "loadclient: %s: %s\n", l->o->host,
		    uv_strerror(rc));
		return false;
	}
	memcpy(&l->address, req.addrinfo->ai_addr, req.addrinfo->ai_addrlen);
	uv_freeaddrinfo(req.addrinfo);
	return true;
}

static bool
prepare_arrivals(struct load_run *l)
{
	struct errmsg why;

	if (l->o->trace == NULL) {
		arrivals_random(&l->arrivals, l->o->rate, l->o->seed);
		return true;
	}
	if (arrivals_trace(&l->arrivals, l->o->trace, l->o->speed, &why) == OK)
		return true;
	fprintf(stderr, "loadclient: %s\n", why.text);
	return false;
}

static void
watch_signals(struct load_run *l)
{
	static const int enders[] = { SIGINT, SIGTERM };

	for (int i = 0; i < 2; i++) {
		uv_signal_init(&l->loop, &l->stop_on[i]);
		l->stop_on[i].data = l;
		uv_signal_start(&l->stop_on[i], on_stop, enders[i]);
	}
	uv_signal_init(&l->loop, &l->report_on);
	l->report_on.data = l;
	uv_signal_start(&l->report_on, on_report, SIGUSR1);
}

static bool
watch_time(struct load_run *l)
{
	l->timer_fd = clock_alarm();
	if (l->timer_fd < 0) {
		perror("loadclient: no timer");
		return false;
	}
	uv_poll_init(&l->loop, &l->timer, l->timer_fd);
	l->timer.data = l;
	uv_poll_start(&l->timer, UV_READABLE, on_due);
	uv_timer_init(&l->loop, &l->sweep);
	l->sweep.data = l;
	uv_timer_start(&l->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return true;
}

static void
tear_down(struct load_run *l)
{
	uv_close((uv_handle_t *)&l->timer, NULL);
	uv_close((uv_handle_t *)&l->sweep, NULL);
	uv_close((uv_handle_t *)&l->report_on, NULL);
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&l->stop_on[i], NULL);
	load_close_all(l);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	close(l->timer_fd);
}

static bool
run(struct load_run *l)
{
	if (!prepare_arrivals(l) || !resolve(l) || !watch_time(l))
		return false;
	watch_signals(l);
	l->began = l->total.from = clock_now();
	load_pump(l);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	tear_down(l);
	return true;
}

bool
load_run(const struct load_options *o, FILE *out, struct load_result *result)
{
	struct run *r = calloc(1, sizeof(*r));
	int rc = r != NULL ? uv_loop_init(&r->l.loop) : UV_ENOMEM;
	struct load_run *l;
	bool good;

	if (rc != 0) {
		fprintf(stderr, "loadclient: %s\n", uv_strerror(rc));
		free(r);
		return false;
	}
	l = &r->l;
	r->out = out;
	l->o = o;
	list_init(&l->idle);
	list_init(&l->busy);
	buf_init(&l->request, SIZE_MAX);
	load_render(o, &(struct arrival){ 0 }, &l->request);
	good = run(l);
	*result = l->total;
	uv_loop_close(&l->loop);
	arrivals_fini(&l->arrivals);
	buf_fini(&l->request);
	free(r);
	return good;
}
