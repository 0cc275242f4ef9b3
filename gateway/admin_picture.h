/* gateway/admin_picture.h - a picture of the process, for one answer of the
 * admin listener. Main thread. */
#ifndef GATEWAY_ADMIN_PICTURE_H
#define GATEWAY_ADMIN_PICTURE_H

#include "gateway/admin/admin.h"

struct app;

struct admin_snapshot {
	struct admin_picture picture; /* borrows the rest, and from the app */
	struct serving_view *servings;
	struct admin_child *children;
};

/* False without memory; it is to be dropped all the same. */
bool admin_snapshot_take(struct app *, struct admin_snapshot *) MUST_USE;
/* What the router says of the servings, once more. */
void admin_snapshot_servings(struct app *, struct admin_snapshot *);
void admin_snapshot_drop(struct admin_snapshot *);

#endif
