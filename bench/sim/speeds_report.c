/* bench/sim/speeds_report.c - whose speed was measured, whose is assumed. */
#include <inttypes.h>

#include "bench/sim/speeds.h"

/* In the file, used or not; NULL: it has none. */
static const struct measured *
in_file(const struct measured_fleet *f, const struct conf_serving *s)
{
	for (size_t i = 0; i < f->n; i++)
		if (speeds_is_of(&f->list[i], s))
			return &f->list[i].measured;
	return NULL;
}

static void
add_line(const struct conf_serving *s, const struct serving_speed *speed,
    const struct measured_fleet *f, struct buf *out)
{
	const struct measured *m = in_file(f, s);

	buf_addf(out, "speed of %s, %s: ", s->backend->name, s->model->name);
	if (speed->from != NULL)
		buf_addf(out,
		    "measured (TTFT %" PRIu64 " times, ITL %" PRIu64
		    "), beside %.2g others%s\n",
		    m->ttft.samples, m->itl.samples, m->sequences,
		    m->ailing ? "; it ailed" : "");
	else if (m != NULL)
		buf_addf(out, "assumed: measured %" PRIu64 " times only\n",
		    m->ttft.samples + m->itl.samples);
	else
		buf_add_str(out, "assumed: not in the profiles\n");
}

void
speeds_table(const struct conf *c, const struct serving_speed *list,
    const struct measured_fleet *f, struct buf *out)
{
	buf_addf(out, "profiles: %s, of %s\n", f->source, f->at);
	for (size_t i = 0; i < c->n_servings; i++)
		add_line(&c->servings[i], &list[i], f, out);
}

static void
add_serving(const struct conf_serving *s, const struct serving_speed *speed,
    const struct measured *m, struct buf *out)
{
	buf_add_str(out, "{\"backend\":");
	buf_add_json(out, slice_of(s->backend->name));
	buf_add_str(out, ",\"model\":");
	buf_add_json(out, slice_of(s->model->name));
	buf_addf(out,
	    ",\"measured\":%s,\"ttft_samples\":%" PRIu64
	    ",\"itl_samples\":%" PRIu64
	    ",\"rtt_ms\":%.9g,\"step_ms\":%.9g,\"per_sequence_ms\":%.9g"
	    ",\"per_token_ms\":%.9g}",
	    speed->from != NULL ? "true" : "false",
	    m != NULL ? m->ttft.samples : 0, m != NULL ? m->itl.samples : 0,
	    speed->rtt / 1e3, speed->step / 1e3, speed->per_sequence / 1e3,
	    speed->per_token / 1e3);
}

void
speeds_json(const struct conf *c, const struct serving_speed *list,
    const struct measured_fleet *f, struct buf *out)
{
	buf_add_str(out, ",\"profiles\":{\"source\":");
	buf_add_json(out, slice_of(f->source));
	buf_add_str(out, ",\"at\":");
	buf_add_json(out, slice_of(f->at));
	buf_add_str(out, ",\"servings\":[");
	for (size_t i = 0; i < c->n_servings; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		add_serving(&c->servings[i], &list[i],
		    in_file(f, &c->servings[i]), out);
	}
	buf_add_str(out, "]}");
}

void
speeds_notes(const struct measured_fleet *f, const char *fleet, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->list[i].used)
			buf_addf(out,
			    "%s: \"%s\" at \"%s\" is not in %s: left out\n",
			    f->source, f->list[i].model, f->list[i].backend,
			    fleet);
}
