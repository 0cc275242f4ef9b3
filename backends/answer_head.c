/* backends/answer_head.c - what the headers of an answer tell.
 *
 * Pure: a date is read against the answer's own `date`, never a clock.
 * Headers come in any order, so each leaves its notes in the answer_head. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "backends/adapters.h"
#include "gateway/lib/count.h"

/* Longer spans are taken for this: far beyond any use, far from overflow. */
#define SECONDS_MAX (366.0 * 86400)

/* A number as large is no span, but a moment since 1970: seconds, and from the
 * second on milliseconds. */
#define MOMENT_MIN 1e9
#define MOMENT_MS 1e11

/* --- spans --- */

static bool
span_of(double seconds, usec *out)
{
	if (!isfinite(seconds) || seconds < 0)
		return false;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	*out = (usec)llrint(seconds * (double)USEC_SEC);
	return true;
}

static bool
is_number_part(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

static double
unit_seconds(struct slice unit)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {
		{ "ns", 1e-9 },
		{ "us", 1e-6 },
		{ "ms", 1e-3 },
		{ "s", 1 },
		{ "m", 60 },
		{ "h", 3600 },
		{ "d", 86400 },
	};

	for (size_t i = 0; i < COUNT(units); i++)
		if (slice_is(unit, units[i].name))
			return units[i].seconds;
	return NAN;
}

/* Cuts bytes off the front of *rest while they are (not) of a number. */
static struct slice
take(struct slice *rest, bool number)
{
	struct slice part = *rest;

	while (rest->n > 0 && is_number_part(rest->p[0]) == number) {
		rest->p++;
		rest->n--;
	}
	part.n -= rest->n;
	return part;
}

bool
read_span(struct slice text, usec *out)
{
	struct slice number;
	double v, seconds = 0;

	number = take(&text, true);
	if (!slice_double(number, &v))
		return false;
	if (text.n == 0)
		return span_of(v, out);
	for (;;) {
		seconds += v * unit_seconds(take(&text, false));
		if (text.n == 0)
			return span_of(seconds, out);
		number = take(&text, true);
		if (!slice_double(number, &v))
			return false;
	}
}

/* RFC 9110's preferred form, "Sun, 06 Nov 1994 08:49:37 GMT", or RFC 3339's in
 * UTC, "1994-11-06T08:49:37Z", whose fractions of a second do not count. */
static int64_t
read_date(struct slice text)
{
	char copy[40];
	struct tm tm = { 0 };
	const char *end;

	if (slice_copy(copy, sizeof(copy), text) < text.n)
		return 0;
	end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (end != NULL && *end == '\0')
		return (int64_t)timegm(&tm);
	tm = (struct tm){ 0 };
	end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end != NULL && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (end == NULL || strcmp(end, "Z") != 0)
		return 0;
	return (int64_t)timegm(&tm);
}

/* What is said by the clock: a date or a number. 0: it is neither. */
static int64_t
read_moment(struct slice text)
{
	double v;

	if (!slice_double(text, &v))
		return read_date(text);
	if (!isfinite(v) || v < MOMENT_MIN || v >= MOMENT_MS * 1e3)
		return 0;
	return (int64_t)(v < MOMENT_MS ? v : v / 1e3);
}

/* By the answer's own date: clocks need not agree. */
static void
until(const struct answer_head *h, int64_t moment, usec *span)
{
	if (h->date != 0 && moment > h->date)
		span_of((double)(moment - h->date), span);
}

/* --- rate limits --- */

/* Of the windows, the one that will refuse first. */
static const struct limit *
tightest(const struct limit windows[WINDOWS])
{
	const struct limit *least = NULL;

	for (size_t i = 0; i < WINDOWS; i++)
		if (windows[i].known &&
		    (least == NULL || windows[i].left < least->left))
			least = &windows[i];
	return least;
}

/* The span; 0: not known. */
static usec
reset_of(const struct answer_head *h, const struct limit *l)
{
	usec span = 0;

	if (!l->dated)
		return l->reset;
	until(h, l->reset, &span);
	return span;
}

static void
sum_up(struct answer_head *h, enum limit_kind kind)
{
	const struct limit *l = tightest(h->windows[kind]);
	struct load *load = &h->limits;

	if (l == NULL)
		return;
	if (kind == LIMIT_REQUESTS) {
		load->has |= LOAD_LIMIT_REQUESTS;
		load->left_requests = l->left;
		load->reset_requests = reset_of(h, l);
	} else {
		load->has |= LOAD_LIMIT_TOKENS;
		load->left_tokens = l->left;
		load->reset_tokens = reset_of(h, l);
	}
}

static bool
skip(struct slice *s, struct slice prefix)
{
	if (!slice_istarts(*s, prefix))
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

/* "requests-day" -> LIMIT_REQUESTS, WINDOW_DAY. */
static bool
read_limit_name(
    struct slice name, enum limit_kind *kind, enum limit_window *window)
{
	if (skip(&name, SLICE("requests")) || skip(&name, SLICE("req")))
		*kind = LIMIT_REQUESTS;
	else if (skip(&name, SLICE("tokens")))
		*kind = LIMIT_TOKENS;
	else
		return false;
	if (name.n == 0)
		*window = WINDOW_PLAIN;
	else if (slice_iis(name, "-minute"))
		*window = WINDOW_MINUTE;
	else if (slice_iis(name, "-hour"))
		*window = WINDOW_HOUR;
	else if (slice_iis(name, "-day"))
		*window = WINDOW_DAY;
	else
		return false;
	return true;
}

/* name is what follows "x-ratelimit-". */
static void
read_rate_limit(struct slice name, struct slice value, struct answer_head *h)
{
	bool remaining = skip(&name, SLICE("remaining-"));
	enum limit_window window;
	enum limit_kind kind;
	struct limit *l;
	int64_t moment;
	double left;

	if (!remaining && !skip(&name, SLICE("reset-")))
		return;
	if (!read_limit_name(name, &kind, &window))
		return;
	l = &h->windows[kind][window];
	if (!remaining) {
		moment = read_moment(value);
		l->dated = moment != 0;
		if (l->dated)
			l->reset = moment;
		else
			read_span(value, &l->reset);
	} else if (slice_double(value, &left) && isfinite(left)) {
		l->known = left >= 0; /* -1 is some's word for no limit */
		l->left = left;
	}
	sum_up(h, kind);
}

/* --- headers --- */

/* Cloudflare's way to tell a challenge from the server's own words. */
static void
read_mitigation(struct slice value, struct answer_head *h)
{
	h->challenged = slice_iis(value, "challenge");
}

static void
read_content_type(struct slice value, struct answer_head *h)
{
	slice_copy(h->content_type, sizeof(h->content_type), value);
}

static void
set_retry_at(struct answer_head *h)
{
	if (!h->retry_in_ms)
		until(h, h->retry_at, &h->retry_after);
}

static void
read_answer_date(struct slice value, struct answer_head *h)
{
	h->date = read_date(value);
	set_retry_at(h);
	sum_up(h, LIMIT_REQUESTS);
	sum_up(h, LIMIT_TOKENS);
}

static void
read_retry_after(struct slice value, struct answer_head *h)
{
	if (h->retry_in_ms)
		return;
	h->retry_at = read_moment(value);
	if (h->retry_at == 0)
		read_span(value, &h->retry_after);
	set_retry_at(h);
}

static void
read_retry_after_ms(struct slice value, struct answer_head *h)
{
	double ms;

	if (slice_double(value, &ms) && span_of(ms / 1000, &h->retry_after))
		h->retry_in_ms = true;
}

void
openai_read_header(struct slice name, struct slice value, struct answer_head *h)
{
	static const struct {
		const char *name;
		void (*read)(struct slice value, struct answer_head *);
	} headers[] = {
		{ "cf-mitigated", read_mitigation },
		{ "content-type", read_content_type },
		{ "date", read_answer_date },
		{ "retry-after", read_retry_after },
		{ "retry-after-ms", read_retry_after_ms },
	};

	value = slice_trim(value);
	for (size_t i = 0; i < COUNT(headers); i++)
		if (slice_iis(name, headers[i].name)) {
			headers[i].read(value, h);
			return;
		}
	if (skip(&name, SLICE("x-ratelimit-")))
		read_rate_limit(name, value, h);
}

bool
answer_may_stream(const struct answer_head *h)
{
	struct slice type = slice_of(h->content_type);

	return type.n == 0 || slice_istarts(type, SLICE("text/event-stream")) ||
	    slice_istarts(type, SLICE("text/plain"));
}
