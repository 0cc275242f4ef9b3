/* gateway/lib/descriptors.h - how many files and sockets may be open. */
#ifndef GATEWAY_LIB_DESCRIPTORS_H
#define GATEWAY_LIB_DESCRIPTORS_H

#include <stdbool.h>

/* As many as the hard limit allows. 0, or an errno: it stays as it was. */
int descriptors_raise(void);

/* How many clients may be connected where `kept` descriptors are for other
 * things: each may want one for its backend too, and 64 share some. At least a
 * few; 0: as many as there may be. */
unsigned descriptors_for_clients(unsigned kept);

/* Whether three more can be opened now; 0, or an errno. For the first loop of a
 * process libuv opens an epoll set and then a pipe, and aborts where there is
 * none to be had. */
int descriptors_for_libuv(void);

/* Whoever was started with one of the three standard ones closed gets one that
 * can neither be read nor written: the next file or socket would take its
 * place, and lines of the log would go there. Before anything else is opened.
 * False: there is none to be had, with errno. */
bool descriptors_keep_standard(void);

#endif
