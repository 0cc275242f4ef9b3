/* bench/sim/mishap.c - incidents come and go, and what became of them. */
#include "bench/sim/world.h"

static bool
switches(enum incident_kind k)
{
	return k == INCIDENT_DOWN || k == INCIDENT_SILENT ||
	    k == INCIDENT_TRUNCATE || k == INCIDENT_SINKHOLE ||
	    k == INCIDENT_FLAP;
}

static unsigned *
switch_of(struct server *s, enum incident_kind k)
{
	switch (k) {
	case INCIDENT_SILENT:
		return &s->silent;
	case INCIDENT_TRUNCATE:
		return &s->truncate;
	case INCIDENT_SINKHOLE:
		return &s->sinkhole;
	default:
		return &s->down;
	}
}

/* A drift is to be got used to, not to be detected. */
static bool
detectable(enum incident_kind k)
{
	return k != INCIDENT_DRIFT;
}

/* From the edge to the last one sent there. */
static usec
since(const struct mishap *m, int priority)
{
	usec last = m->last_sent[priority];

	return last >= 0 ? last - m->edge : 0;
}

static void
note_detection(struct mishap *m)
{
	for (int p = 0; p < SCORE_CLASSES; p++) {
		if (since(m, p) > m->worst[p])
			m->worst[p] = since(m, p);
		m->last_sent[p] = -1;
	}
}

static void
turn(struct mishap *m, bool on, usec now)
{
	struct server *s = &m->world->server[m->what->where];
	bool was_down = s->down > 0;

	if (m->on == on)
		return;
	m->on = on;
	if (switches(m->what->kind)) {
		unsigned *n = switch_of(s, m->what->kind);

		*n = on ? *n + 1 : *n - 1;
	}
	if (on) {
		m->edge = now;
	} else {
		note_detection(m);
	}
	if (!was_down && s->down > 0)
		server_flush(s, now);
	if (was_down && s->down == 0)
		s->warm_at = now + s->truth->cold;
	server_pace(s, now);
}

static void
on_edge(void *arg, usec now)
{
	struct mishap *m = arg;
	enum incident_kind kind = m->what->kind;
	usec next = m->until;

	if (now >= m->until) {
		turn(m, false, now);
		return;
	}
	m->turns++;
	turn(m, kind != INCIDENT_FLAP || m->turns % 2 == 1, now);
	if (kind == INCIDENT_DRIFT)
		server_pace(&m->world->server[m->what->where], now);
	if (kind == INCIDENT_DRIFT || kind == INCIDENT_FLAP)
		next =
		    now + m->what->every < next ? now + m->what->every : next;
	agenda_set(&m->world->agenda, &m->event, RANK_INCIDENT, next);
}

void
mishap_times(const struct incident *what, usec span, usec *from, usec *until)
{
	*from = (usec)(what->at * (double)span);
	*until = (usec)((what->at + what->length) * (double)span);
}

void
mishaps_start(struct world *w)
{
	for (size_t i = 0; i < w->scenario->n_incidents; i++) {
		const struct incident *what = &w->scenario->incident[i];

		w->mishap[i] = (struct mishap){ .world = w,
			.what = what,
			.last_sent = { -1, -1, -1 },
			.event = { .run = on_edge, .arg = &w->mishap[i] } };
		mishap_times(
		    what, w->span, &w->mishap[i].from, &w->mishap[i].until);
		agenda_set(&w->agenda, &w->mishap[i].event, RANK_INCIDENT,
		    w->mishap[i].from);
	}
}

void
mishaps_sent(struct world *w, const struct trial *t, usec now)
{
	for (size_t i = 0; i < w->scenario->n_incidents; i++) {
		struct mishap *m = &w->mishap[i];

		if (!m->on || &w->server[m->what->where] != t->server ||
		    t->plan.reason == REASON_EXPLORING)
			continue;
		m->last_sent[t->errand->route.slo.priority] = now;
		t->errand->struck |= UINT64_C(1) << i;
	}
}

void
mishaps_ended(struct world *w, const struct errand *c, bool met)
{
	usec due = c->request.due;

	if (met || c->request.flood ||
	    c->route.slo.priority != PRIORITY_PREMIUM)
		return;
	for (size_t i = 0; i < w->scenario->n_incidents; i++) {
		struct mishap *m = &w->mishap[i];

		m->premium_missed += due >= m->from && due < m->until;
		m->premium_struck += c->struck >> i & 1;
	}
}

double
mishap_detected(const struct mishap *m, int priority)
{
	double worst = 0, now;

	if (!detectable(m->what->kind))
		return -1;
	for (int p = 0; p < SCORE_CLASSES; p++) {
		now = (double)(m->worst[p] > since(m, p) ? m->worst[p]
							 : since(m, p));
		if ((priority < 0 || priority == p) && now > worst)
			worst = now;
	}
	return worst / 1e6;
}
