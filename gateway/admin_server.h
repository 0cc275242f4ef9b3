/* gateway/admin_server.h - the admin listener, on the main thread's loop. */
#ifndef GATEWAY_ADMIN_SERVER_H
#define GATEWAY_ADMIN_SERVER_H

#include "gateway/app.h"

struct admin_server *admin_server_new(
    struct app *, int listen_fd, struct errmsg *why);
/* What it borrows of a configuration, from another one. */
void admin_server_configure(struct admin_server *, const struct conf *);
bool admin_server_settle(struct admin_server *);
/* A few times a second. */
void admin_server_tick(struct admin_server *, usec now);
void admin_server_close(
    struct admin_server **, void (*on_closed)(void *), void *arg);

#endif
