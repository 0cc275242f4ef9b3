/* gateway/admin_door.h - who may ask the admin listener for what, and the line
 * in the audit log that what they do leaves. Main thread. */
#ifndef GATEWAY_ADMIN_DOOR_H
#define GATEWAY_ADMIN_DOOR_H

#include "gateway/admin/admin.h"

struct admin_route;
struct app;
struct exchange;

/* The name is a copy: a reload may come between. */
struct admin_asker {
	const struct admin_route *route; /* NULL: none */
	bool known; /* by a key, or because nobody needs one */
	char name[128]; /* of the key; empty: none */
};

/* Its method; GET for HEAD, which is answered by the same head. */
struct slice admin_method(const struct exchange *);
void admin_asker_init(struct admin_asker *, const struct exchange *);
/* False: the reply says why not. */
bool admin_admit(const struct app *, struct exchange *, struct admin_asker *,
    struct admin_reply *);

/* Whether it leaves a line, be it let in or not. */
bool admin_is_noted(const struct app *, const struct admin_asker *);
/* False: it could not be written down, so it is not to be done; the reply says
 * so. */
bool admin_can_note(
    struct app *, const struct admin_asker *, struct admin_reply *);
/* With the reply's status as what came of it. A reply that could not be written
 * down becomes an error. */
void admin_note(struct app *, struct exchange *, const struct admin_asker *,
    struct admin_reply *);

#endif
