/* gateway/keys_admin.h - /admin/v1/keys and /admin/v1/tenants: who may use the
 * gateway, what they have used, and keys that are made and revoked.
 *
 *	GET /admin/v1/keys[?tenant=NAME]
 *	POST /admin/v1/keys?tenant=NAME&name=NAME[&expires=SPAN][&models=A,B]
 *	    [&requests_per_minute=N]...	the one answer that has the key
 *	DELETE /admin/v1/keys?tenant=NAME&name=NAME
 *	GET /admin/v1/tenants */
#ifndef GATEWAY_KEYS_ADMIN_H
#define GATEWAY_KEYS_ADMIN_H

#include "gateway/admin/admin.h"

struct app;

/* Main thread. */
void keys_admin(struct app *, struct slice method, struct slice query,
    struct admin_reply *);
void tenants_admin(struct app *, struct admin_reply *);

#endif
