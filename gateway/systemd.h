/* gateway/systemd.h - what systemd hands to a service, and wants to hear.
 *
 * Its two protocols are a few variables and one datagram: no library. Without
 * those variables nothing here does anything. */
#ifndef GATEWAY_SYSTEMD_H
#define GATEWAY_SYSTEMD_H

#include "gateway/conf/conf.h"

/* The socket that was handed over under that name (FileDescriptorName=), or,
 * where none has it and the name is "listen", the only one; -1: none. It has
 * to be the one that the configuration says, or ERR_INVALID: a gateway opens
 * to nobody whom its file does not know of. Once, before there are threads or
 * children. See sd_listen_fds(3). */
enum err systemd_listener(const char *name, const struct conf_listen *, int *fd,
    struct errmsg *why) MUST_USE;

/* "STOPPING=1" and the like; see sd_notify(3). */
void systemd_notify(const char *state);
/* RELOADING=1 with its time; systemd_ready() has to follow. */
void systemd_reloading(void);
/* READY=1, and what `systemctl status` is to show: the configuration that
 * holds, and where a reload was refused, why. */
void systemd_ready(uint64_t config_version, struct slice refused);

#endif
