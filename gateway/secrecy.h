/* gateway/secrecy.h - memory that holds keys and prompts stays in memory. */
#ifndef GATEWAY_SECRECY_H
#define GATEWAY_SECRECY_H

/* From now on a crash leaves no core file, here or in children, and other
 * processes of the same user can neither attach nor read /proc/PID/mem.
 * Children that are executed can be attached to again. */
void secrecy_begin(void);
/* Both are allowed again, as far as the hard limit goes. */
void secrecy_end(void);

#endif
