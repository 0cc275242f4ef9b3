/* gateway/usage_job.h - a question to the ledger, answered on a thread of its
 * own while the main loop goes on. */
#ifndef GATEWAY_USAGE_JOB_H
#define GATEWAY_USAGE_JOB_H

#include <uv.h>

#include "gateway/admin/admin.h"

struct exchange;
struct ledger;
struct usage_job;

#define USAGE_JOBS_MAX 2 /* at a time */

struct usage_jobs {
	uv_loop_t *loop;
	unsigned n; /* running */
	void (*done)(struct exchange *, const struct admin_reply *);
};

/* Later done() is called for the exchange, whose arg this is until then. The
 * ledger lives on. False: reply says why not. */
bool usage_job_begin(struct usage_jobs *, struct exchange *, struct ledger *,
    struct admin_reply *reply);
/* The exchange goes: done() is not called, and the work ends soon. */
void usage_job_forget(struct usage_job *);

#endif
