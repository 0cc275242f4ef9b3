/* gateway/conf/settings_rows.h - how rows of the table of settings are written,
 * and the groups that the top is made of. For settings*.c alone. */
#ifndef GATEWAY_CONF_SETTINGS_ROWS_H
#define GATEWAY_CONF_SETTINGS_ROWS_H

#include "gateway/conf/settings.h"
#include "gateway/lib/count.h"

#define AT(type, member)                                                       \
	.at = offsetof(struct type, member),                                   \
	.width = sizeof(((struct type *)0)->member)
#define LIST_AT(type, member, n)                                               \
	AT(type, member), .count_at = offsetof(struct type, n)
#define BOUNDS(lo, hi) .min = (double)(lo), .max = (double)(hi)
/* The rows of a group, and the struct that they fill. */
#define ROWS(table, type)                                                      \
	.rows = table, .n = COUNT(table), .size = sizeof(struct type)

#define MS ((double)USEC_MS)
#define SEC ((double)USEC_SEC)
#define HOUR (3600 * SEC)
#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define QUALITY_MAX 1e6

/* settings_listen.c */
extern const struct setting_group settings_listen, settings_admin;
extern const struct setting_group settings_operators; /* admin_keys */
extern const struct setting_group settings_tls;
/* settings_backends.c; settings_servings is in settings.h */
extern const struct setting_group settings_timeouts;
extern const struct setting_group settings_backends, settings_models;
/* settings_tenants.c */
extern const struct setting_group settings_slo, settings_tenants;

#endif
