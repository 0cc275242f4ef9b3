/* gateway/busy_poll.c - libuv does not sleep while an idle handle is active. */
#include "gateway/busy_poll.h"

static void
on_idle(uv_idle_t *idle)
{
	(void)idle;
}

void
busy_poll_init(struct busy_poll *b, uv_loop_t *loop)
{
	*b = (struct busy_poll){ 0 };
	uv_idle_init(loop, &b->idle);
	b->idle.data = b;
}

static bool
is_spinning(const struct busy_poll *b)
{
	return uv_is_active((const uv_handle_t *)&b->idle) != 0;
}

static void
note_spent(struct busy_poll *b, usec now)
{
	if (now > b->from)
		atomic_fetch_add_explicit(
		    &b->spent, now - b->from, memory_order_relaxed);
}

void
busy_poll_turn(struct busy_poll *b, usec span, bool active, usec now)
{
	bool spins = is_spinning(b);

	if (active ? !spins && span == 0 : !spins || now < b->until)
		return;
	if (spins)
		note_spent(b, now);
	if (!active || span == 0) {
		uv_idle_stop(&b->idle);
		return;
	}
	b->from = clock_now(); /* the work has taken its time */
	b->until = b->from + span;
	uv_idle_start(&b->idle, on_idle);
}

void
busy_poll_close(struct busy_poll *b)
{
	uv_close((uv_handle_t *)&b->idle, NULL);
}
