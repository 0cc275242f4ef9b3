/* gateway/shared/limits.c - quotas' news to the server, and what comes back.
 *
 * A batch at a time: the next is sent when all of the last has been heard, at
 * once while there are changed quotas left, else at the next tick. */
#include "gateway/shared/limits.h"

#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/hex.h"
#include "gateway/lib/log.h"
#include "gateway/shared/redis.h"

#define BATCH REDIS_CALLS_MAX /* quotas */
#define OTHERS_FOR (5 * USEC_SEC) /* so long is their last word good */
#define WHO_BYTES 8
#define PREFIX_MAX 65 /* with its NUL */
#define KEY_MAX 768 /* bytes: a quota's name, and what is around it */
#define NUMBER_MAX 32
/* Beyond these it was not our script that answered. */
#define SPAN_MAX 1000000000000000LL /* us: 30 years */
#define SPENT_MAX 1000000000000000000LL /* nano-USD */

enum { KEY_RATES, KEY_OPEN, KEY_DAY, KEY_MONTH, KEYS };
enum {
	ARG_WHO,
	ARG_REQUESTS,
	ARG_TOKENS,
	ARG_OPEN,
	ARG_DAY_KNOWN,
	ARG_DAY_MORE,
	ARG_MONTH_KNOWN,
	ARG_MONTH_MORE,
	ARGS
};
enum { OUT_REQUESTS, OUT_TOKENS, OUT_OTHERS, OUT_DAY, OUT_MONTH, OUTS };

struct shared_limits {
	struct quotas *quotas;
	struct redis *redis;
	char who[2 * WHO_BYTES + 1]; /* this process */
	char prefix[PREFIX_MAX];
	struct quota_news batch[BATCH];
	unsigned waiting; /* of the batch */
	usec heard; /* of the others; 0: they are forgotten */
	bool sharing; /* quotas note what changes */
	bool leaving; /* all has been told */
	struct shared_limits_stats stats;
};

/* --- to the server --- */

static struct slice
number(char room[NUMBER_MAX], const char *format, long long n)
{
	return slice_make(room, (size_t)snprintf(room, NUMBER_MAX, format, n));
}

/* Microseconds, and what is left of one. */
static struct slice
span(char room[NUMBER_MAX], nsec n)
{
	return slice_make(
	    room, (size_t)snprintf(room, NUMBER_MAX, "%.3f", (double)n / 1000));
}

static struct slice
key(const struct shared_limits *s, const struct quota_news *n, const char *what,
    int64_t period, char room[KEY_MAX])
{
	struct buf b;

	buf_on(&b, room, KEY_MAX);
	buf_addf(&b, "%s:{%s}:%s", s->prefix, n->name, what);
	if (period != 0)
		buf_addf(&b, ":%lld", (long long)period);
	return buf_slice(&b);
}

static bool
tell(struct shared_limits *s, struct quota_news *n)
{
	char names[KEYS][KEY_MAX], numbers[ARGS][NUMBER_MAX];
	const struct slice keys[KEYS] = {
		[KEY_RATES] = key(s, n, "rates", 0, names[KEY_RATES]),
		[KEY_OPEN] = key(s, n, "open", 0, names[KEY_OPEN]),
		[KEY_DAY] = key(s, n, "day", n->day, names[KEY_DAY]),
		[KEY_MONTH] = key(s, n, "month", n->month, names[KEY_MONTH]),
	};
	const struct slice args[ARGS] = {
		[ARG_WHO] = slice_of(s->who),
		[ARG_REQUESTS] = span(numbers[ARG_REQUESTS], n->requests),
		[ARG_TOKENS] = span(numbers[ARG_TOKENS], n->tokens),
		[ARG_OPEN] = number(numbers[ARG_OPEN], "%lld", n->open),
		[ARG_DAY_KNOWN] =
		    number(numbers[ARG_DAY_KNOWN], "%lld", n->day_known),
		[ARG_DAY_MORE] =
		    number(numbers[ARG_DAY_MORE], "%lld", n->day_more),
		[ARG_MONTH_KNOWN] =
		    number(numbers[ARG_MONTH_KNOWN], "%lld", n->month_known),
		[ARG_MONTH_MORE] =
		    number(numbers[ARG_MONTH_MORE], "%lld", n->month_more),
	};

	return redis_run(s->redis, keys, KEYS, args, ARGS, n);
}

static void
lose(struct shared_limits *s, const struct quota_news *n)
{
	s->stats.lost++;
	quota_unheard(n);
}

static void
tell_batch(struct shared_limits *s)
{
	unsigned n = 0;

	if (s->waiting > 0 || !redis_is_up(s->redis))
		return;
	for (; n < BATCH && quotas_tell(s->quotas, &s->batch[n]); n++) {
		s->waiting++;
		if (!tell(s, &s->batch[n])) {
			s->waiting--;
			lose(s, &s->batch[n]);
			return;
		}
	}
}

/* --- and back --- */

static bool
read_all(const struct resp_answer *reply, struct quota_all *all)
{
	static const long long most[OUTS] = {
		[OUT_REQUESTS] = SPAN_MAX,
		[OUT_TOKENS] = SPAN_MAX,
		[OUT_OTHERS] = UINT_MAX / 2,
		[OUT_DAY] = SPENT_MAX,
		[OUT_MONTH] = SPENT_MAX,
	};
	long long v[OUTS];
	char text[NUMBER_MAX], *end;

	if (reply->n != OUTS)
		return false;
	for (size_t i = 0; i < OUTS; i++) {
		slice_copy(text, sizeof(text), reply->values[i]);
		v[i] = strtoll(text, &end, 10);
		if (end == text || *end != '\0' || v[i] > most[i] ||
		    v[i] < (most[i] == SPAN_MAX ? -SPAN_MAX : 0))
			return false;
	}
	*all = (struct quota_all){ .requests = v[OUT_REQUESTS] * 1000,
		.tokens = v[OUT_TOKENS] * 1000,
		.others = (unsigned)v[OUT_OTHERS],
		.day_spent = v[OUT_DAY],
		.month_spent = v[OUT_MONTH] };
	return true;
}

static void
on_reply(void *arg, void *call, const struct resp_answer *reply)
{
	struct shared_limits *s = arg;
	const struct quota_news *n = call;
	struct quota_all all;

	s->waiting--;
	if (reply == NULL) {
		lose(s, n);
	} else if (reply->error.p != NULL) {
		lose(s, n);
		redis_fail_as_told(s->redis, reply->error);
	} else if (!read_all(reply, &all)) {
		lose(s, n);
		redis_fail(s->redis, "bad numbers");
	} else {
		s->heard = clock_now();
		s->stats.told++;
		quota_hear(s->quotas, n, &all, s->heard);
		tell_batch(s);
	}
}

static void
on_up(void *arg)
{
	struct shared_limits *s = arg;

	s->heard = clock_now();
	quotas_resume(s->quotas, s->heard);
	log_info("shared_limits up=1");
}

static void
on_down(void *arg, const char *why)
{
	static struct log_limit often = { .event = "shared_limits", .most = 3 };

	(void)arg;
	if (log_limit_pass(&often, clock_now()))
		log_warn("shared_limits up=0 reason=\"%s\"", why);
}

/* --- as a whole --- */

struct shared_limits *
shared_limits_new(uv_loop_t *loop, struct quotas *quotas)
{
	static const struct redis_ops ops = {
		.on_up = on_up, .on_down = on_down, .on_reply = on_reply
	};
	struct shared_limits *s = calloc(1, sizeof(*s));
	unsigned char random[WHO_BYTES];

	if (s == NULL)
		return NULL;
	if (RAND_bytes(random, sizeof(random)) != 1)
		abort();
	hex_write(random, sizeof(random), s->who);
	s->quotas = quotas;
	s->redis = redis_new(loop, shared_limits_script, &ops, s);
	if (s->redis == NULL)
		shared_limits_free(&s);
	return s;
}

void
shared_limits_configure(
    struct shared_limits *s, const struct conf_shared_limits *to)
{
	s->stats.wanted = to->address != NULL;
	slice_copy(s->prefix, sizeof(s->prefix), slice_of(to->prefix));
	if (s->stats.wanted && !s->sharing) {
		s->sharing = quotas_share(s->quotas) == OK;
		if (!s->sharing)
			log_error("shared_limits reason=\"out of memory\"");
	}
	redis_configure(s->redis, to);
}

void
shared_limits_tick(struct shared_limits *s, usec now)
{
	redis_tick(s->redis, now);
	if (!redis_is_up(s->redis) && s->heard > 0 &&
	    now - s->heard > OTHERS_FOR) {
		quotas_forget_others(s->quotas);
		s->heard = 0;
	}
	if (s->waiting == 0 && s->sharing && !s->leaving &&
	    redis_is_up(s->redis)) {
		quotas_collect(s->quotas);
		tell_batch(s);
	}
}

bool
shared_limits_drained(struct shared_limits *s)
{
	s->leaving = true;
	return s->waiting == 0;
}

void
shared_limits_stats(
    const struct shared_limits *s, struct shared_limits_stats *out)
{
	*out = s->stats;
	out->up = redis_is_up(s->redis);
}

void
shared_limits_stop(struct shared_limits *s)
{
	redis_stop(s->redis);
}

void
shared_limits_free(struct shared_limits **sp)
{
	struct shared_limits *s = *sp;

	if (s == NULL)
		return;
	redis_free(&s->redis);
	free(s);
	*sp = NULL;
}
