/* gateway/memory.c - what the heaps keep, against `max_memory`. */
#include <malloc.h>

#include "gateway/app.h"
#include "gateway/telemetry/process.h"

#define TRIM_FROM 0.75 /* of max_memory */
#define TRIM_REST 50 /* times as long as the last one took, until the next */
#define MAP_FROM (1 << 20) /* bytes: a block of its own, unmapped when freed */
#define HEAP_SPARE (4 << 20) /* bytes that stay free at the end of a heap */
#define HEAP_SLACK (8 << 20) /* bytes free there, before it is cut back */

/* Left alone, glibc raises both with the largest block that was freed, to 32
 * and 64 MB: after one long answer each thread's heap would keep as much for
 * good of what a burst has made it grow to. */
void
app_bound_heaps(void)
{
#ifdef __GLIBC__
	(void)!mallopt(M_MMAP_THRESHOLD, MAP_FROM);
	(void)!mallopt(M_TRIM_THRESHOLD, HEAP_SLACK);
	(void)!mallopt(M_TOP_PAD, HEAP_SPARE);
#endif
}

/* Workers wait for their heaps while these are walked: one of 1 GiB, most of it
 * free in pieces, takes 17 to 472 ms, and up to 155 when there is no more to
 * give back. */
static void
trim(struct app *app, usec now)
{
	usec rest;

#ifdef __GLIBC__
	malloc_trim(0);
#endif
	rest = (clock_now() - now) * TRIM_REST;
	app->trim_at = now + (rest > USEC_SEC ? rest : USEC_SEC);
}

/* Where it is scarce, what was freed is given back: the system counts it as
 * ours until then. */
void
app_watch_memory(struct app *app, usec now)
{
	uint64_t limit = app->conf->limits.memory;
	double resident;

	if (limit == 0)
		return;
	resident = process_resident();
	if (resident > (double)limit * TRIM_FROM && now >= app->trim_at) {
		trim(app, now);
		resident = process_resident();
	}
	/* Without an answer, as out of descriptors, the last one still holds:
	 * what was let in since must not add up for ever. */
	front_memory_read(&app->budget,
	    resident >= 0 ? (uint64_t)resident
			  : atomic_load(&app->budget.resident));
}
