/* gateway/usage_job.c - a question to the ledger, off the main loop. */
#include "gateway/usage_job.h"

#include <stdlib.h>

#include "gateway/front/front.h"
#include "gateway/ledger/ledger.h"

struct usage_job {
	uv_work_t work;
	struct usage_jobs *jobs;
	struct exchange *exchange; /* NULL: it has gone */
	struct ledger *ledger;
	struct usage_question question;
	atomic_bool cancel;
	struct admin_reply reply;
};

static void
on_work(uv_work_t *w)
{
	struct usage_job *j = w->data;

	ledger_flush(j->ledger); /* whoever has just asked wants to see it */
	usage_answer(
	    ledger_path(j->ledger), &j->question, &j->cancel, &j->reply);
}

static void
on_after(uv_work_t *w, int status)
{
	struct usage_job *j = w->data;

	(void)status;
	if (j->exchange != NULL) {
		j->jobs->n--;
		exchange_set_arg(j->exchange, NULL);
		j->jobs->done(j->exchange, &j->reply);
	}
	admin_reply_fini(&j->reply);
	free(j);
}

bool
usage_job_begin(struct usage_jobs *jobs, struct exchange *x,
    struct ledger *ledger, struct admin_reply *reply)
{
	struct usage_job *j;

	if (jobs->n == USAGE_JOBS_MAX) {
		admin_error(reply, 503, "busy",
		    "other questions to the ledger are being answered: try "
		    "again");
		return false;
	}
	j = calloc(1, sizeof(*j));
	if (j == NULL) {
		admin_no_memory(reply);
		return false;
	}
	*j = (struct usage_job){ .jobs = jobs,
		.exchange = x,
		.ledger = ledger,
		.question = reply->usage };
	j->work.data = j;
	admin_reply_init(&j->reply);
	if (uv_queue_work(jobs->loop, &j->work, on_work, on_after) != 0) {
		admin_no_memory(reply);
		free(j);
		return false;
	}
	exchange_set_arg(x, j);
	jobs->n++;
	return true;
}

void
usage_job_forget(struct usage_job *j)
{
	j->jobs->n--; /* they may be gone before the work has ended */
	j->exchange = NULL;
	atomic_store(&j->cancel, true);
}
