/* gateway/admin/labels.h - the names of servings, for as long as the process
 * lives.
 *
 * A receipt has ids, and may outlive the configuration that it was made under:
 * ids are never used twice, so their names are kept. Main thread only. */
#ifndef GATEWAY_ADMIN_LABELS_H
#define GATEWAY_ADMIN_LABELS_H

#include "gateway/conf/conf.h"

struct labels;

struct label {
	const char *backend, *model; /* the backend's own name for the model */
};

struct labels *labels_new(void);
void labels_free(struct labels **);
enum err labels_configure(struct labels *, const struct conf *) MUST_USE;
/* Of a serving's id; dashes where there never was one. */
struct label label_of(const struct labels *, uint32_t serving);

#endif
