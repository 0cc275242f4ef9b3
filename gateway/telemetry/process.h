/* gateway/telemetry/process.h - what the system says of this process. */
#ifndef GATEWAY_TELEMETRY_PROCESS_H
#define GATEWAY_TELEMETRY_PROCESS_H

/* -1: not known here. */
struct process_stats {
	double cpu_seconds, resident_bytes, virtual_bytes, open_fds, max_fds;
};
void process_read(struct process_stats *);

/* Bytes resident, cheap enough to ask ten times a second; -1: not known. */
double process_resident(void);

#endif
