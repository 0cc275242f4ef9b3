/* gateway/admin/restraint_page.h - what operators ask of a backend: no new
 * requests, a share of them, or all of them again. */
#ifndef GATEWAY_ADMIN_RESTRAINT_PAGE_H
#define GATEWAY_ADMIN_RESTRAINT_PAGE_H

#include "gateway/admin/admin.h"

/* These leave the action; the answer is admin_render_restrained() once it has
 * been carried out. */
void admin_post_drain(const struct admin_picture *, struct admin_reply *);
void admin_post_enable(const struct admin_picture *, struct admin_reply *);
void admin_post_weight(const struct admin_picture *, struct admin_reply *);

/* What is held back, once that is done. */
void admin_restrain(const struct admin_restraint *, struct restraint *);
/* The i-th of the servings that it is about, and what is held back of it now;
 * *serving is 0 where it is about the backend as a whole. False: no more. */
bool admin_restrained(const struct admin_picture *,
    const struct admin_restraint *, size_t i, uint32_t *serving,
    struct restraint *);
void admin_render_restrained(const struct admin_picture *,
    const struct admin_restraint *, struct admin_reply *);

#endif
