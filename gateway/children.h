/* gateway/children.h - the backends that the gateway runs itself.
 *
 * Keeps one supervised child for each backend with a `command`, tells the
 * router when one comes or goes, and knows where each listens. Main thread,
 * but for children_url(). */
#ifndef GATEWAY_CHILDREN_H
#define GATEWAY_CHILDREN_H

#include "gateway/admin/admin.h"
#include "gateway/app.h"

struct children;

struct children *children_new(struct app *);
/* Starts, keeps and stops children so that they fit app->conf. */
void children_configure(struct children *);
/* Ends them all, gently first; on_stopped(arg) when they are gone. */
void children_stop(struct children *, void (*on_stopped)(void *), void *arg);
void children_free(struct children **);

/* From any thread: the base URL of that backend's child. False: it does not
 * run now. */
bool children_url(struct children *, uint32_t backend, char *out, size_t cap);

/* That backend's child has answered; whether it has since it was started, which
 * a new configuration does not change. */
void children_meet(struct children *, uint32_t backend);
bool children_met(struct children *, uint32_t backend);

/* For the admin API: how many, and an array that the caller frees. */
size_t children_picture(struct children *, struct admin_child **out);

#endif
