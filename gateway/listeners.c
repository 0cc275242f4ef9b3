/* gateway/listeners.c - the sockets that we are reached at: our own, or
 * systemd's. */
#include <unistd.h>

#include "gateway/app.h"
#include "gateway/systemd.h"

/* A socket that systemd has opened stays its own: whoever connects while we
 * restart waits there. */
static enum err
open_listener(const char *name, const struct conf_listen *at, int *fd,
    bool *handed, struct errmsg *why)
{
	enum err rc = systemd_listener(name, at, fd, why);

	*handed = *fd >= 0;
	return rc != OK || *handed ? rc : front_listen(at, fd, why);
}

enum err
app_open_listeners(struct app *app, const struct conf *conf, struct errmsg *why)
{
	enum err rc = open_listener(
	    "listen", &conf->listen, &app->listen_fd, &app->listen_handed, why);

	if (rc == OK)
		rc = open_listener("admin", &conf->admin, &app->admin_fd,
		    &app->admin_handed, why);
	return rc;
}

static void
close_listener(const struct conf_listen *at, int fd, bool handed)
{
	if (handed)
		close(fd);
	else
		front_unlisten(at, fd);
}

/* Of systemd's the backlog is the next process's. */
bool
app_bar_listener(struct app *app)
{
	if (app->listen_handed)
		return false;
	front_bar(app->listen_fd);
	return true;
}

/* The last one closes the socket. */
void
app_stopped_listening(struct app *app)
{
	if (atomic_fetch_sub(&app->listening, 1) == 1)
		close_listener(
		    &app->bound->listen, app->listen_fd, app->listen_handed);
}

void
app_close_listeners(struct app *app)
{
	if (app->listen_fd >= 0)
		close_listener(
		    &app->bound->listen, app->listen_fd, app->listen_handed);
	if (app->admin_fd >= 0)
		close_listener(
		    &app->bound->admin, app->admin_fd, app->admin_handed);
}
