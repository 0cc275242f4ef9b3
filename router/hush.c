/* router/hush.c - whether silence says more of who asks than of who should
 * answer. */
#include "router/hush.h"

static bool
is_alone(const struct hush *h, const struct hushed *by, uint64_t who)
{
	usec others = latest_of_others(&by->silent, who);

	return others == 0 || h->answers - others >= HUSH_ALONE;
}

bool
hush_is_anothers(const struct hush *h, const struct author *who, usec now)
{
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		const struct hushed *by = &h->by[k];
		uint64_t last = latest_who(&by->silent);

		if (last != 0 && last != who->by[k] && is_alone(h, by, last) &&
		    now - by->silent_since >= HUSH_APART &&
		    now - by->silent_at < HUSH_MEMORY)
			return true;
	}
	return false;
}

void
hush_explored(struct hush *h, const struct author *who, usec now)
{
	if (hush_is_anothers(h, who, now))
		h->explored_at = now;
}

bool
hush_answered(
    struct hush *h, const struct author *who, usec sent, bool in_time, usec now)
{
	h->answers += in_time;
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		struct hushed *by = &h->by[k];

		if (by->who == who->by[k])
			by->in_a_row = 0;
		if (in_time)
			latest_note(&by->well, who->by[k], sent);
	}
	return in_time && hush_is_anothers(h, who, now);
}

/* Another that was sent later has been answered. */
static bool
is_proved(const struct hushed *by, uint64_t who, usec sent)
{
	return latest_of_others(&by->well, who) > sent;
}

static bool
is_known(const struct hushed *by, uint64_t who, usec now)
{
	return by->who == who && by->times >= HUSH_KNOWN &&
	    now - by->at < HUSH_MEMORY &&
	    now - latest_of_others(&by->well, who) < SUSPECT_WITNESS;
}

static void
note_alone(struct hushed *by, uint64_t who, bool again, usec now)
{
	if (by->who != who || now - by->at >= HUSH_MEMORY) {
		by->who = who;
		by->times = by->in_a_row = 0;
		again = false;
	}
	by->times += !again;
	by->in_a_row += !again;
	by->at = now;
}

void
hush_silent(
    struct hush *h, const struct author *who, usec sent, bool again, usec now)
{
	uint64_t last;

	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		struct hushed *by = &h->by[k];

		last = latest_who(&by->silent);
		latest_note(&by->silent, who->by[k], h->answers + 1);
		if (latest_who(&by->silent) != last ||
		    now - by->silent_at >= HUSH_MEMORY)
			by->silent_since = now;
		by->silent_at = now;
		if (is_alone(h, by, who->by[k]) &&
		    is_proved(by, who->by[k], sent))
			note_alone(by, who->by[k], again, now);
	}
}

/* One request that is silent once is like any other of its tenant. */
static bool
is_believed(
    const struct hushed *by, unsigned kind, uint64_t who, usec sent, usec now)
{
	bool again = by->who == who && by->times > 1;

	return is_known(by, who, now) ||
	    ((kind == AUTHOR_TENANT || again) && is_proved(by, who, sent));
}

bool
hush_is_own(const struct hush *h, const struct author *who, usec sent, usec now)
{
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		const struct hushed *by = &h->by[k];

		if (is_alone(h, by, who->by[k]) &&
		    is_believed(by, k, who->by[k], sent, now))
			return true;
	}
	return false;
}

bool
hush_avoid(const struct hush *h, const struct author *who, usec now)
{
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		const struct hushed *by = &h->by[k];

		if (by->in_a_row >= HUSH_KNOWN && is_alone(h, by, who->by[k]) &&
		    is_known(by, who->by[k], now) &&
		    now - by->at < SUSPECT_REST)
			return true;
	}
	return false;
}
