/* gateway/admin/assets.h - the operators' page: files that are part of the
 * program.
 *
 * They hold no data, so nobody is asked for a key; what they show, the page
 * asks for with one. */
#ifndef GATEWAY_ADMIN_ASSETS_H
#define GATEWAY_ADMIN_ASSETS_H

#include "gateway/admin/admin.h"

struct asset {
	const char *name; /* "page.js" */
	const unsigned char *bytes;
	size_t n;
};

/* Those of gateway/admin/page/, by tools/embed. */
extern const struct asset assets[];
extern const size_t n_assets;

/* The page, and GET /page/NAME. */
void admin_get_page(const struct admin_picture *, struct admin_reply *);
void admin_get_asset(const struct admin_picture *, struct admin_reply *);

#endif
