/* gateway/lib/descriptors.h - how many files and sockets may be open. */
#ifndef GATEWAY_LIB_DESCRIPTORS_H
#define GATEWAY_LIB_DESCRIPTORS_H

/* As many as the hard limit allows. 0, or an errno: it stays as it was. */
int descriptors_raise(void);

#endif
