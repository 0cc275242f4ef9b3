/* bench/load/load.h - a load client for OpenAI-shaped servers, as one process.
 *
 * Four shapes of load. Closed loop: so many connections, each asks again once
 * it is answered. Open loop: requests fall due at random (Poisson) or as a
 * trace says, whether or not the server keeps up; time is counted from when a
 * request was due, so that waiting for a slow server is part of what is
 * measured (Tene's "coordinated omission"). Held: so many streams stay open.
 *
 * HTTP/1.1 without TLS, on one libuv loop: it is to cost less than what it
 * measures. */
#ifndef BENCH_LOAD_LOAD_H
#define BENCH_LOAD_LOAD_H

#include <stdio.h>
#include <uv.h>

#include "bench/load/answer.h"
#include "bench/traffic/arrivals.h"
#include "bench/load/reply.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/list.h"
#include "gateway/telemetry/hist.h"

#define LOAD_HEADERS 4

enum load_mode { LOAD_CLOSED, LOAD_OPEN, LOAD_HELD };

struct load_options {
	enum load_mode mode;
	const char *host, *unix_path, *path, *model, *key;
	const char *trace; /* NULL: Poisson */
	const char *headers[LOAD_HEADERS]; /* NAME: VALUE; NULL ends them */
	int port;
	unsigned connections; /* at most, in all modes */
	uint64_t requests; /* 0: without end */
	double seconds; /* 0: without end */
	double rate, speed; /* arrivals a second; how fast a trace runs */
	unsigned body_bytes, max_tokens;
	bool stream;
	double gap_ms; /* between tokens, asked of fakellm; < 0: its own */
	double timeout; /* seconds, for one request */
	uint64_t seed;
};

enum load_fault {
	LOAD_CONNECT, /* no connection */
	LOAD_STATUS, /* not a 2xx */
	LOAD_BROKEN, /* cut, or not HTTP */
	LOAD_ANSWER, /* a whole reply that is no whole answer */
	LOAD_TIMEOUT,
	LOAD_FAULT_COUNT
};

struct load_result {
	usec from, to;
	uint64_t ok, faults[LOAD_FAULT_COUNT];
	uint64_t tokens, bytes; /* token events; bytes of bodies */
	struct hist latency, ttft; /* from when it was due */
	struct hist late; /* from due to sent: ours and the server's */
	struct hist gap, jitter; /* between token events; off gap_ms by */
	struct hist lag; /* behind a schedule of gap_ms that begins where the
			    stream's earliest token fits it */
};

struct load_conn;

struct load_run {
	const struct load_options *o;
	uv_loop_t loop;
	uv_poll_t timer; /* of timer_fd, an alarm */
	int timer_fd;
	uv_timer_t sweep;
	uv_signal_t stop_on[2], report_on;
	struct sockaddr_storage address;
	struct arrivals arrivals;
	struct buf request; /* the one that is sent again and again */
	struct list idle, busy; /* connections; busy in order of their start */
	unsigned n_busy, n_silent; /* silent: no token yet */
	uint64_t started;
	usec began;
	bool stopped, announced;
	struct load_result total;
	char in[65536];
};

/* Runs to the end. SIGINT and SIGTERM end it early; SIGUSR1 prints a line of
 * results and starts counting afresh. False: it could not begin, said on
 * stderr. */
bool load_run(const struct load_options *, FILE *out, struct load_result *);

/* run.c, for the connections: a request is over, the next may start. */
void load_pump(struct load_run *);

/* conn.c */
/* Sends the request on an idle connection, or on a new one; false: there can
 * be none now. */
bool load_start(struct load_run *, const struct arrival *);
void load_close_all(struct load_run *);
/* Those who have been at it since before `then`. */
void load_expire(struct load_run *, usec then);

/* request.c: head and body. */
void load_render(
    const struct load_options *, const struct arrival *, struct buf *out);

/* report.c: one line of JSON. */
void load_report(
    FILE *, const struct load_options *, const struct load_result *);

/* command.c: argv in, exit code out. */
int load_command(int argc, char **argv);

#endif
