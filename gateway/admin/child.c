/* gateway/admin/child.c - how a child process ended, and that it is what ails
 * its backend. */
#include "gateway/admin/admin.h"
#include "gateway/admin/plight.h"
#include "gateway/admin/values.h"

const struct admin_child *
admin_find_child(const struct admin_picture *p, uint32_t backend)
{
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].backend == backend)
			return &p->children[i];
	return NULL;
}

json_t *
admin_child_end_json(const struct child_end *e)
{
	json_t *o;

	if (e->n == 0)
		return json_null();
	o = json_object();
	set(o, "at", moment(e->wall));
	set(o, "status",
	    e->started && e->signal == 0 ? json_integer(e->status)
					 : json_null());
	set(o, "signal", count_unless_zero((uint64_t)e->signal));
	set(o, "text", e->text[0] != '\0' ? json_string(e->text) : json_null());
	return o;
}

static void
say_end(const struct child_end *e, struct buf *out)
{
	if (!e->started)
		buf_add_str(out, "its process could not be started");
	else if (e->signal != 0)
		buf_addf(out, "signal %d ended its process", e->signal);
	else
		buf_addf(out, "its process ended with status %lld",
		    (long long)e->status);
	if (e->text[0] != '\0')
		buf_addf(out, ": %s", e->text);
}

/* What the router can only see as a backend that refuses or loads. */
static bool
is_of_process(enum cause cause)
{
	return cause == CAUSE_LOADING || cause == CAUSE_BREAKER ||
	    cause == CAUSE_TRIAL || cause == CAUSE_FAILING;
}

json_t *
admin_plight_json(const struct admin_picture *p, const struct conf_backend *b,
    const struct plight *plight)
{
	const struct admin_child *child = admin_find_child(p, b->id);
	const char *words = plight->cause == CAUSE_OFF ? b->off : NULL;
	char memory[512];
	struct buf text;

	if (child != NULL && child->unwell && child->end->n > 0 &&
	    is_of_process((enum cause)plight->cause)) {
		buf_on(&text, memory, sizeof(memory));
		say_end(child->end, &text);
		buf_add_char(&text, '\0');
		words = memory;
	}
	return plight_json(plight, p->wall, words);
}
