/* gateway/app.h - the process: what all its rooms share, built and torn down
 * in order.
 *
 * The main thread runs the admin listener, probes, children, signals and the
 * 100 ms tick; the workers serve. */
#ifndef GATEWAY_APP_H
#define GATEWAY_APP_H

#include "gateway/switchboard.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/worker.h"

struct admin_server;
struct audit;
struct children;
struct drill;
struct idempotency;
struct labels;
struct ledger;
struct keyring;
struct listed;
struct prober;
struct quotas;
struct receipts;
struct scout;
struct shared_limits;
struct slo_book;
struct stored;
struct tracer;

#define APP_SIGNALS 3

struct app {
	const char *conf_path;
	uv_loop_t loop;
	uv_signal_t signals[APP_SIGNALS];
	uv_timer_t tick;
	uv_prepare_t prepare;
	uv_check_t check;

	struct conf *conf; /* main thread's; workers hold their own */
	struct conf *bound; /* the first: what the listeners were opened for */
	struct switchboard *board;
	struct telemetry *telemetry;
	struct access_log *access_log;
	struct tracer *tracer;
	struct ledger *ledger; /* NULL: none is kept */
	struct audit *audit; /* the same; main thread's */
	struct receipts *receipts; /* NULL: none are kept */
	struct slo_book *book; /* as receipts */
	struct labels *labels; /* main thread's */
	struct listed *listed;
	struct stored *stored;
	struct drill *drill;
	struct idempotency *idempotency;
	struct quotas *quotas;
	struct shared_limits *shared_limits;
	struct keyring *keyring;
	struct front_budget budget, admin_budget;
	int listen_fd, admin_fd;
	bool listen_handed, admin_handed; /* by systemd, whose they stay */

	struct worker *workers;
	unsigned n_workers;
	struct upstream *upstream; /* for probes */
	struct admin_server *admin;
	struct prober *prober;
	struct scout *scout;

	struct children *children;

	usec started, started_wall;
	bool ready, draining, aborted;
	usec drain_deadline, trim_at;
	usec unlistened; /* when it was seen that nobody listens any more */
	atomic_uint listening; /* workers that accept connections */
	unsigned open_handles;
};

/* Runs until a signal ends it; the exit code. */
int app_run(const char *conf_path);

/* --- main thread --- */

/* reload.c: loads and swaps; on failure the old configuration stays and the
 * complaints are logged. */
enum err app_reload(struct app *, struct complaints *) MUST_USE;
/* Makes a snapshot the one in force everywhere. */
enum err app_publish(struct app *, struct conf *) MUST_USE;

/* Children and probes as the snapshot has them: at the end of the start, and
 * with each that is published from then on. */
void app_tend_backends(struct app *);

/* Ends the workers, then what the main loop holds: app_run() returns. */
void app_stop(struct app *);

/* listeners.c: opened once; on failure `why` says which, and why. */
enum err app_open_listeners(
    struct app *, const struct conf *, struct errmsg *why) MUST_USE;
void app_close_listeners(struct app *);

/* drain.c: nothing new is let in, and what is open may end. Asked twice: at
 * once. The tick looks what has come of it. */
void app_drain(struct app *);
void app_check_drain(struct app *, usec now);

/* memory.c: before there are threads. */
void app_bound_heaps(void);
/* How near we are to `max_memory`; what was freed goes back to the system. */
void app_watch_memory(struct app *, usec now);

/* gauges.c */
void app_gauges(struct app *, struct telemetry_gauges *);

/* --- from any thread --- */

/* The base URL of a backend, CONF_URL_MAX bytes at most: the configured one, or
 * its child's. False: the child does not listen yet. */
bool app_backend_url(
    struct app *, const struct conf_backend *, char *out, size_t cap);
void app_finish(
    struct app *, unsigned worker, const struct outcome *, struct instant);
usec app_started_wall(const struct app *);
/* By each worker, once: some time before it accepts for the last time, and
 * after. False: who comes now is for another process. */
bool app_bar_listener(struct app *);
void app_stopped_listening(struct app *);

#endif
