/* gateway/child.c - one supervised child process.
 *
 *	     +----------------- timer: back-off -----------------+
 *	     v                                                   |
 *	  start --> alive --exit--> draining --pipes closed--> waiting
 *	     |                                                   ^
 *	     +-------------------- no such file -----------------+
 *
 * child_stop() makes it go no further than `waiting`. Handles live inside the
 * child; `open` counts those of the present process whose close callback is
 * still to come. One timer serves all states: grace, drain, back-off. */
#include "gateway/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/child_output.h"
#include "gateway/guard.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/log.h"

#define LINES_MAX 1000 /* logged in a second; there would be no end to them */
#define COMMAND_MAX ((size_t)256 << 10)
#define DRAIN (500 * USEC_MS) /* for output after the exit */
#define PORT_MARK "{port}"

struct child {
	uv_loop_t *loop;
	char *name;
	char **command; /* argc strings and a NULL */
	size_t argc;
	const struct child_ops *ops;
	void *arg;
	struct child_timing timing;

	uv_process_t process, guard;
	int guard_pipe; /* -1: no guard */
	uv_timer_t timer;
	struct child_output out[2]; /* stdout, stderr */
	struct log_limit said;
	bool alive, stopping;
	unsigned open;
	usec started, backoff;
	struct child_end end;

	void (*on_stopped)(void *);
	void *stopped_arg;
};

static void start(struct child *);

static void
timer_set(struct child *c, uv_timer_cb cb, usec span)
{
	uv_update_time(c->loop); /* from now, not from when this turn began */
	uv_timer_start(&c->timer, cb, (uint64_t)(span / USEC_MS), 0);
}

/* --- its end --- */

static void
free_child(struct child *c)
{
	for (size_t i = 0; c->command != NULL && i < c->argc; i++)
		free(c->command[i]);
	free(c->command);
	free(c->name);
	free(c);
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct child *c = h->data;
	void (*on_stopped)(void *) = c->on_stopped;
	void *arg = c->stopped_arg;

	free_child(c);
	on_stopped(arg);
}

static void
on_restart(uv_timer_t *t)
{
	start(t->data);
}

static void
restart_later(struct child *c)
{
	const struct child_timing *t = &c->timing;

	if (c->backoff == 0 || clock_now() - c->started >= t->restart_forget)
		c->backoff = t->restart_first;
	log_warn("child=%s event=wait restart_in_ms=%lld", c->name,
	    (long long)(c->backoff / USEC_MS));
	timer_set(c, on_restart, c->backoff);
	c->backoff *= 2;
	if (c->backoff > t->restart_max)
		c->backoff = t->restart_max;
}

static void
handle_gone(struct child *c)
{
	if (--c->open > 0)
		return;
	uv_timer_stop(&c->timer);
	if (c->end.started) /* all that it had to say has been read */
		child_output_last(&c->out[1], c->end.text, sizeof(c->end.text));
	if (c->stopping)
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	else
		restart_later(c);
}

static void
on_output_closed(void *arg)
{
	handle_gone(arg);
}

static void
on_process_closed(uv_handle_t *h)
{
	handle_gone(h->data);
}

/* Something that it left behind keeps its output open: enough read. */
static void
on_drained(uv_timer_t *t)
{
	struct child *c = t->data;

	for (int i = 0; i < 2; i++)
		child_output_close(&c->out[i]);
}

/* To it and to all that it has started. */
static void
signal_all(struct child *c, int number)
{
	int pid = uv_process_get_pid(&c->process);

	if (pid > 1)
		(void)kill(-pid, number);
}

static void
on_guard_exited(uv_process_t *p, int64_t status, int number)
{
	(void)status;
	(void)number;
	uv_close((uv_handle_t *)p, on_process_closed);
}

static void
dismiss_guard(struct child *c)
{
	if (c->guard_pipe < 0)
		return;
	if (uv_is_active((uv_handle_t *)&c->guard))
		uv_process_kill(&c->guard, SIGKILL);
	close(c->guard_pipe);
	c->guard_pipe = -1;
}

static void
on_exited(uv_process_t *p, int64_t status, int number)
{
	struct child *c = p->data;

	c->alive = false;
	signal_all(c, SIGKILL); /* what it left behind */
	dismiss_guard(c);
	c->end = (struct child_end){ .n = c->end.n + 1,
		.wall = clock_wall(),
		.started = true,
		.status = status,
		.signal = number };
	log_line(c->stopping ? LOG_INFO : LOG_WARN,
	    "child=%s event=exit status=%lld signal=%d", c->name,
	    (long long)status, number);
	if (!c->stopping)
		c->ops->on_down(c->arg);
	uv_close((uv_handle_t *)p, on_process_closed);
	timer_set(c, on_drained, DRAIN);
}

/* --- its start --- */

/* A port that was free a moment ago, or 0 and errno. Somebody else may still
 * take it: then the child fails, and is started again on another. */
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

/* Appends the argument, each {port} in it replaced, and a NUL. */
static void
add_arg(struct buf *text, const char *arg, int port)
{
	const char *at;

	while ((at = strstr(arg, PORT_MARK)) != NULL) {
		buf_add(text, slice_make(arg, (size_t)(at - arg)));
		buf_addf(text, "%d", port);
		arg = at + strlen(PORT_MARK);
	}
	buf_add(text, slice_make(arg, strlen(arg) + 1));
}

/* Ours without what is withheld; NULL without memory. The strings are ours,
 * the array the caller's. */
static char **
environment(struct child *c)
{
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = calloc(n + 1, sizeof(*env));
	if (env == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct slice name =
		    slice_make(environ[i], strcspn(environ[i], "="));

		if (c->ops->withholds == NULL ||
		    !c->ops->withholds(c->arg, name))
			env[kept++] = environ[i];
	}
	return env;
}

static int
spawn_args(struct child *c, char **args)
{
	const int writable = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
	uv_stdio_container_t stdio[3] = { { .flags = UV_IGNORE } };
	uv_process_options_t o = { .exit_cb = on_exited,
		.file = args[0],
		.args = args,
		.env = environment(c),
		.flags = UV_PROCESS_DETACHED,
		.stdio = stdio,
		.stdio_count = 3 };
	int rc;

	if (o.env == NULL)
		return UV_ENOMEM;
	/* libcurl's own pairs of sockets would be inherited */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		stdio[i + 1].flags = (uv_stdio_flags)writable;
		stdio[i + 1].data.stream = (uv_stream_t *)&c->out[i].pipe;
	}
	rc = uv_spawn(c->loop, &c->process, &o);
	free(o.env);
	return rc;
}

/* 0, or an error of uv's. */
static int
spawn(struct child *c, int port)
{
	char **args = calloc(c->argc + 1, sizeof(*args));
	struct buf text;
	char *p;
	int rc = UV_ENOMEM;

	buf_init(&text, COMMAND_MAX);
	for (size_t i = 0; i < c->argc; i++)
		add_arg(&text, c->command[i], port);
	if (args != NULL && buf_err(&text) == OK) {
		p = text.p;
		for (size_t i = 0; i < c->argc; i++) {
			args[i] = p;
			p += strlen(p) + 1;
		}
		rc = spawn_args(c, args);
	}
	buf_fini(&text);
	free(args);
	return rc;
}

static void
spawn_failed(struct child *c, int rc)
{
	log_error("child=%s command=%s reason=\"%s\"", c->name, c->command[0],
	    uv_strerror(rc));
	c->end = (struct child_end){ .n = c->end.n + 1, .wall = clock_wall() };
	slice_copy(c->end.text, sizeof(c->end.text), slice_of(uv_strerror(rc)));
	c->ops->on_down(c->arg);
	if (c->process.type == UV_PROCESS) /* uv_spawn() has begun it */
		uv_close((uv_handle_t *)&c->process, on_process_closed);
	else
		c->open--;
	for (int i = 0; i < 2; i++)
		child_output_close(&c->out[i]);
}

static void
init_handles(struct child *c)
{
	for (int i = 0; i < 2; i++)
		child_output_init(&c->out[i], c->loop);
	c->process = (uv_process_t){ .data = c };
	c->guard = (uv_process_t){ .data = c };
	c->guard_pipe = -1;
	c->open = 3;
}

/* Without one it runs all the same. */
static void
set_guard(struct child *c)
{
	int rc = guard_spawn(c->loop, &c->guard, on_guard_exited,
	    uv_process_get_pid(&c->process), &c->guard_pipe);

	if (rc != 0)
		log_warn("child=%s event=unguarded reason=\"%s\"", c->name,
		    uv_strerror(rc));
	if (c->guard.type != UV_PROCESS)
		return;
	c->open++;
	if (rc != 0)
		uv_close((uv_handle_t *)&c->guard, on_process_closed);
}

static void
start(struct child *c)
{
	int port = pick_port(), rc;
	char url[64];

	c->started = clock_now();
	init_handles(c);
	rc = port != 0 ? spawn(c, port) : uv_translate_sys_error(errno);
	if (rc != 0) {
		spawn_failed(c, rc);
		return;
	}
	c->alive = true;
	set_guard(c);
	for (int i = 0; i < 2; i++)
		child_output_read(&c->out[i]);
	log_info("child=%s event=start pid=%d port=%d", c->name,
	    uv_process_get_pid(&c->process), port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", port);
	c->ops->on_up(c->arg, url);
}

static bool
copy_command(struct child *c, const char *const *command)
{
	size_t n = 0;

	while (command[n] != NULL)
		n++;
	c->command = calloc(n + 1, sizeof(*c->command));
	if (c->command == NULL)
		return false;
	for (; c->argc < n; c->argc++) {
		c->command[c->argc] = slice_dup(slice_of(command[c->argc]));
		if (c->command[c->argc] == NULL)
			return false;
	}
	return n > 0;
}

struct child *
child_new(uv_loop_t *loop, const char *name, const char *const *command,
    const struct child_ops *ops, void *arg)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->name = slice_dup(slice_of(name));
	c->ops = ops;
	c->arg = arg;
	c->timing = CHILD_TIMING;
	c->said = (struct log_limit){ .event = "child", .most = LINES_MAX };
	for (int i = 0; i < 2; i++) {
		c->out[i].name = c->name;
		c->out[i].limit = &c->said;
		c->out[i].on_closed = on_output_closed;
		c->out[i].arg = c;
	}
	if (c->name == NULL || !copy_command(c, command)) {
		free_child(c);
		return NULL;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	start(c);
	return c;
}

void
child_set_timing(struct child *c, const struct child_timing *timing)
{
	c->timing = *timing;
}

const struct child_end *
child_last_end(const struct child *c)
{
	return &c->end;
}

/* --- stopping --- */

static void
on_grace_over(uv_timer_t *t)
{
	struct child *c = t->data;

	log_warn("child=%s event=kill reason=\"does not end\"", c->name);
	signal_all(c, SIGKILL);
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
	if (c->alive) {
		signal_all(c, SIGTERM);
		timer_set(c, on_grace_over, c->timing.grace);
	} else if (c->open == 0) {
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	}
}
