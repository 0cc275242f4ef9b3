/* gateway/guard.c - ends a child when the gateway is killed.
 *
 * A shell: it is small, and has nothing of our memory or environment. */
#include "gateway/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define NUMBER_MAX 16

static char shell[] = "/bin/sh", option[] = "-c", name[] = "pointsman-guard";

/* What the gateway does at its own end: SIGTERM, and SIGKILL after 5 s. */
static char script[] = "trap '' HUP INT TERM; read -r _; "
		       "kill -s TERM -- \"-$1\"; "
		       "for _ in 1 2 3 4 5; do sleep 1; "
		       "kill -s 0 -- \"-$1\" || exit 0; done; "
		       "kill -s KILL -- \"-$1\"";

int
guard_spawn(uv_loop_t *loop, uv_process_t *process, uv_exit_cb on_exited,
    int leader, int *pipe)
{
	char number[NUMBER_MAX], *no_environment[] = { NULL };
	char *args[] = { shell, option, script, name, number, NULL };
	uv_stdio_container_t input = { .flags = UV_INHERIT_FD };
	const uv_process_options_t o = { .exit_cb = on_exited,
		.file = shell,
		.args = args,
		.env = no_environment,
		.flags = UV_PROCESS_DETACHED,
		.stdio = &input,
		.stdio_count = 1 };
	int ends[2], rc;

	*pipe = -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return uv_translate_sys_error(errno);
	snprintf(number, sizeof(number), "%d", leader);
	input.data.fd = ends[0];
	rc = uv_spawn(loop, process, &o);
	close(ends[0]);
	if (rc == 0)
		*pipe = ends[1];
	else
		close(ends[1]);
	return rc;
}
