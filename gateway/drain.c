/* gateway/drain.c - SIGTERM: what is open is let go on, for a while.
 *
 *	workers drain -> nobody listens -> nothing is open, or out of
 *	patience: abort -> stop */
#include "gateway/app.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/log.h"
#include "gateway/shared/limits.h"
#include "gateway/systemd.h"
#include "gateway/tracer.h"

#define IDLE_GRACE (500 * USEC_MS) /* for requests that are on their way */
#define ABORT_GRACE (2 * USEC_SEC) /* for the last bytes of cut answers */

/* Of all workers; `draining`: each of them. */
struct open {
	unsigned requests, connections;
	bool draining;
};

static struct open
look(const struct app *app)
{
	struct open o = { .draining = true };

	for (unsigned i = 0; i < app->n_workers; i++) {
		const struct worker_gauges *g = &app->workers[i].gauges;

		o.requests += atomic_load(&g->requests);
		o.connections += atomic_load(&g->connections);
		if (atomic_load_explicit(&g->draining, memory_order_acquire) ==
		    0)
			o.draining = false;
	}
	return o;
}

/* Drained, or out of patience. */
void
app_check_drain(struct app *app, usec now)
{
	const struct open open = look(app);

	if (!open.draining)
		return;
	if (app->listen_fd >= 0) {
		app->listen_fd = -1;
		app->unlistened = now;
		return; /* at least one more tick, for gauges to be fresh */
	}
	if (open.requests > 0 && !app->aborted && now >= app->drain_deadline) {
		log_warn("drain open=%u reason=drain_timeout", open.requests);
		app->aborted = true;
		app->drain_deadline = now + ABORT_GRACE;
		for (unsigned i = 0; i < app->n_workers; i++)
			worker_abort(&app->workers[i]);
		return;
	}
	if (open.requests == 0 && open.connections > 0 &&
	    now < app->unlistened + IDLE_GRACE && now < app->drain_deadline)
		return;
	if (open.requests == 0 &&
	    (!tracer_drained(app->tracer, now) ||
		!shared_limits_drained(app->shared_limits)))
		return;
	if (open.requests == 0 || now >= app->drain_deadline) {
		log_info("stop open=%u", open.requests);
		app_stop(app);
	}
}

void
app_drain(struct app *app)
{
	usec now = clock_now();

	if (app->draining) { /* asked twice: no more patience */
		app->drain_deadline = now;
		return;
	}
	systemd_notify("STOPPING=1");
	log_info("drain open=%u", look(app).requests);
	app->draining = true;
	/* whoever takes our place may begin before our last answer ends */
	keyring_release(app->keyring);
	app->drain_deadline = now + app->conf->drain_timeout;
	for (unsigned i = 0; i < app->n_workers; i++)
		worker_drain(&app->workers[i]);
}
