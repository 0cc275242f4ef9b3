/* gateway/child.c - one supervised child process.
 *
 * Handles live inside the child; `open` counts those whose close callback is
 * still to come, and the memory goes with the last of them. */
#include "gateway/child.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/lib/arena.h"
#include "gateway/lib/clock.h"
#include "gateway/lib/log.h"

#define RESTART_FIRST (1 * USEC_SEC)
#define RESTART_MAX (30 * USEC_SEC)
#define RESTART_FORGET (60 * USEC_SEC)
#define KILL_AFTER_MS 5000
#define LINE_MAX_BYTES 512 /* of one logged line */
#define ARGS_MAX 64
#define CHILD_ARENA ((size_t)64 << 10)

struct output {
	uv_pipe_t pipe;
	struct child *child;
	char line[LINE_MAX_BYTES];
	size_t n;
	char chunk[4096];
};

struct child {
	uv_loop_t *loop;
	struct arena arena;
	const char *name, *cwd;
	char **command;
	const struct child_ops *ops;
	void *arg;

	uv_process_t process;
	uv_timer_t timer; /* restart, or kill */
	struct output out[2];
	bool running, stopping;
	unsigned open; /* handles of the present process */
	usec started, backoff;
	char url[64];

	void (*on_stopped)(void *);
	void *stopped_arg;
};

static void start(struct child *);

/* --- what it prints --- */

static void
log_bytes(struct output *o, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n' && o->n < sizeof(o->line)) {
			o->line[o->n++] = p[i];
			continue;
		}
		if (o->n > 0)
			log_debug("child=%s text=\"%.*s\"", o->child->name,
			    (int)o->n, o->line);
		o->n = 0;
	}
}

static void
on_alloc(uv_handle_t *h, size_t want, uv_buf_t *out)
{
	struct output *o = h->data;

	(void)want;
	*out = uv_buf_init(o->chunk, sizeof(o->chunk));
}

static void on_handle_closed(uv_handle_t *);

static void
on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct output *o = s->data;

	if (n > 0)
		log_bytes(o, b->base, (size_t)n);
	if (n >= 0)
		return;
	log_bytes(o, "\n", 1);
	if (!uv_is_closing((uv_handle_t *)s))
		uv_close((uv_handle_t *)s, on_handle_closed);
}

/* --- its end --- */

static void
free_child(struct child *c)
{
	void (*on_stopped)(void *) = c->on_stopped;
	void *arg = c->stopped_arg;

	arena_fini(&c->arena);
	free(c);
	on_stopped(arg);
}

static void
on_timer_closed(uv_handle_t *h)
{
	free_child(h->data);
}

static void
on_restart(uv_timer_t *t)
{
	start(t->data);
}

static void
restart_later(struct child *c)
{
	usec up = clock_now() - c->started;

	if (c->backoff == 0 || up > RESTART_FORGET)
		c->backoff = RESTART_FIRST;
	log_warn("child=%s restart_in_ms=%lld", c->name,
	    (long long)(c->backoff / USEC_MS));
	uv_timer_start(
	    &c->timer, on_restart, (uint64_t)(c->backoff / USEC_MS), 0);
	c->backoff =
	    c->backoff * 2 < RESTART_MAX ? c->backoff * 2 : RESTART_MAX;
}

/* All handles of one run are gone. */
static void
run_ended(struct child *c)
{
	if (c->stopping)
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	else
		restart_later(c);
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct child *c = h->type == UV_PROCESS
	    ? (struct child *)h->data
	    : ((struct output *)h->data)->child;

	if (--c->open == 0)
		run_ended(c);
}

static void
on_exited(uv_process_t *p, int64_t status, int signal_number)
{
	struct child *c = p->data;

	c->running = false;
	log_info("child=%s event=exit status=%lld signal=%d", c->name,
	    (long long)status, signal_number);
	if (!c->stopping)
		c->ops->on_down(c->arg);
	uv_close((uv_handle_t *)p, on_handle_closed);
}

/* --- its start --- */

/* A port that was free a moment ago; somebody else may still take it, and
 * then the child fails and is started again on another. */
static int
pick_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;

	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		port = ntohs(a.sin_port);
	close(fd);
	return port;
}

/* "{port}" anywhere in an argument becomes the port. */
static void
expand(const char *arg, int port, char *out, size_t cap)
{
	const char *at = strstr(arg, "{port}");

	if (at == NULL)
		snprintf(out, cap, "%s", arg);
	else
		snprintf(out, cap, "%.*s%d%s", (int)(at - arg), arg, port,
		    at + strlen("{port}"));
}

static int
spawn(struct child *c, int port)
{
	char text[ARGS_MAX][512], *argv[ARGS_MAX + 1] = { NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
		    .data.stream = (uv_stream_t *)&c->out[0].pipe },
		{ .flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
		    .data.stream = (uv_stream_t *)&c->out[1].pipe },
	};
	uv_process_options_t o = { .exit_cb = on_exited,
		.file = text[0],
		.args = argv,
		.cwd = c->cwd,
		.stdio = stdio,
		.stdio_count = 3 };

	for (size_t i = 0; i < ARGS_MAX && c->command[i] != NULL; i++) {
		expand(c->command[i], port, text[i], sizeof(text[i]));
		argv[i] = text[i];
	}
	return uv_spawn(c->loop, &c->process, &o);
}

static void
start(struct child *c)
{
	int port = pick_port(), rc;

	c->started = clock_now();
	for (int i = 0; i < 2; i++) {
		uv_pipe_init(c->loop, &c->out[i].pipe, 0);
		c->out[i].pipe.data = &c->out[i];
		c->out[i].child = c;
		c->out[i].n = 0;
	}
	c->process.data = c;
	c->open = 3;
	rc = spawn(c, port);
	if (rc != 0) {
		log_error("child=%s command=%s reason=\"%s\"", c->name,
		    c->command[0], uv_strerror(rc));
		c->ops->on_down(c->arg);
		uv_close((uv_handle_t *)&c->process, on_handle_closed);
		for (int i = 0; i < 2; i++)
			uv_close(
			    (uv_handle_t *)&c->out[i].pipe, on_handle_closed);
		return;
	}
	c->running = true;
	for (int i = 0; i < 2; i++)
		uv_read_start(
		    (uv_stream_t *)&c->out[i].pipe, on_alloc, on_output);
	snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%d/v1", port);
	log_info("child=%s event=start pid=%d port=%d", c->name,
	    uv_process_get_pid(&c->process), port);
	c->ops->on_up(c->arg, c->url);
}

static bool
copy_command(struct child *c, const char *const *command)
{
	size_t n = 0;

	while (command[n] != NULL && n < ARGS_MAX)
		n++;
	c->command = arena_alloc(&c->arena, (n + 1) * sizeof(*c->command));
	if (c->command == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		c->command[i] = arena_dup(&c->arena, slice_of(command[i]));
		if (c->command[i] == NULL)
			return false;
	}
	return true;
}

struct child *
child_new(uv_loop_t *loop, const char *name, const char *const *command,
    const char *cwd, const struct child_ops *ops, void *arg)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	arena_init(&c->arena, CHILD_ARENA);
	c->loop = loop;
	c->name = arena_dup(&c->arena, slice_of(name));
	c->cwd = cwd != NULL ? arena_dup(&c->arena, slice_of(cwd)) : NULL;
	c->ops = ops;
	c->arg = arg;
	if (c->name == NULL || !copy_command(c, command)) {
		arena_fini(&c->arena);
		free(c);
		return NULL;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	start(c);
	return c;
}

static void
on_kill(uv_timer_t *t)
{
	struct child *c = t->data;

	if (c->running) {
		log_warn("child=%s event=kill", c->name);
		uv_process_kill(&c->process, SIGKILL);
	}
}

void
child_stop(struct child **cp, void (*on_stopped)(void *), void *arg)
{
	struct child *c = *cp;

	*cp = NULL;
	if (c == NULL) {
		on_stopped(arg);
		return;
	}
	c->stopping = true;
	c->on_stopped = on_stopped;
	c->stopped_arg = arg;
	uv_timer_stop(&c->timer);
	if (c->running) {
		uv_process_kill(&c->process, SIGTERM);
		uv_timer_start(&c->timer, on_kill, KILL_AFTER_MS, 0);
	} else if (c->open == 0) {
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	}
}
