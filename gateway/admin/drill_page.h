/* gateway/admin/drill_page.h - /admin/v1/drill as answers. */
#ifndef GATEWAY_ADMIN_DRILL_PAGE_H
#define GATEWAY_ADMIN_DRILL_PAGE_H

#include "gateway/admin/admin.h"

struct drill_view;

void admin_get_drill(const struct admin_picture *, struct admin_reply *);
/* These leave the action; the answer is admin_render_drill() once it has been
 * carried out. */
void admin_post_drill(const struct admin_picture *, struct admin_reply *);
void admin_delete_drill(const struct admin_picture *, struct admin_reply *);

void admin_render_drill(const struct drill_view *, struct admin_reply *);

#endif
