/* gateway/admin/plight.c - what ails a serving, in words and as JSON. */
#include "gateway/admin/plight.h"
#include "gateway/admin/values.h"

static const char *const words[CAUSE_COUNT] = {
	[CAUSE_DRAINED] = "an operator has drained it",
	[CAUSE_WEIGHT_ZERO] = "an operator has given it weight 0",
	[CAUSE_REMOVED] = "a reload has removed it",
	[CAUSE_OFF] = "a variable that it needs is not set",
	[CAUSE_KEY] = "its key is refused",
	[CAUSE_MODEL] = "it says that the model is not there",
	[CAUSE_BREAKER] = "its breaker is open",
	[CAUSE_TRIAL] = "few are sent to find out whether it is well again",
	[CAUSE_ANSWERED_429] = "it answered 429, full or unpaid",
	[CAUSE_RATE_USED_UP] = "its headers say that its rate is used up",
	[CAUSE_LOADING] = "it is loading",
	[CAUSE_SLOTS] = "all its slots are taken",
	[CAUSE_WEIGHT] = "all that its weight leaves is taken",
	[CAUSE_SLOWED] = "it is far slower than its habit",
	[CAUSE_FAILING] = "its last attempts failed, all of them",
	[CAUSE_SILENT] =
	    "it was silent: others answered in its place, or clients left",
	[CAUSE_SLOW_START] = "it is filled slowly after an outage",
	[CAUSE_PIN] = "the caller pinned another backend",
	[CAUSE_ABILITY] = "it lacks",
	[CAUSE_BOUNDARY] = "the tenant may not use its backend or region",
	[CAUSE_QUALITY] = "its quality is below the least that is asked for",
	[CAUSE_CONTEXT] = "the prompt is longer than its context",
	[CAUSE_STAND_IN] = "it is another model, which cannot stand in here",
};

static void
say_lacks(unsigned caps, struct buf *out)
{
	const char *before = " ";

	for (; caps != 0; caps &= caps - 1) {
		buf_add_str(out, before);
		buf_add_str(out, cap_name((enum cap)(caps & -caps)));
		before = ", ";
	}
}

static void
say_span(double us, struct buf *out)
{
	const double s = us / 1e6;

	if (s < 10)
		buf_addf(out, "%.1f s", s);
	else if (s < 120)
		buf_addf(out, "%.0f s", s);
	else if (s < 2 * 3600)
		buf_addf(out, "%.0f min", s / 60);
	else
		buf_addf(out, "%.0f h", s / 3600);
}

void
plight_say(const struct plight *p, struct buf *out)
{
	if (p->cause == CAUSE_NONE)
		return;
	buf_add_str(out, words[p->cause]);
	say_lacks(p->lacks, out);
	if (p->fault != FAULT_NONE)
		buf_addf(out, " (%s)", fault_rule(p->fault)->name);
	if (p->since >= 0) {
		buf_add_str(out, ", for ");
		say_span((double)p->since, out);
	}
	if (p->until >= 0) {
		buf_add_str(out, ", ");
		say_span((double)p->until, out);
		buf_add_str(out, " to go");
	}
}

static json_t *
text_of(const struct plight *p, const char *instead)
{
	struct buf text;
	json_t *o;

	buf_init(&text, 4096);
	if (instead != NULL)
		buf_add_str(&text, instead);
	else
		plight_say(p, &text);
	o = json_stringn(text.p, text.n);
	buf_fini(&text);
	return o;
}

static json_t *
moment_off(usec wall, float span, int sign)
{
	return span >= 0 ? moment(wall + sign * (usec)span) : json_null();
}

json_t *
plight_json(const struct plight *p, usec wall, const char *words_instead)
{
	json_t *o;

	if (p->cause == CAUSE_NONE)
		return json_null();
	o = json_object();
	set(o, "kind", json_string(cause_name((enum cause)p->cause)));
	set(o, "fault", fault_json((enum fault_kind)p->fault));
	set(o, "since", moment_off(wall, p->since, -1));
	set(o, "until", moment_off(wall, p->until, 1));
	set(o, "text", text_of(p, words_instead));
	return o;
}
