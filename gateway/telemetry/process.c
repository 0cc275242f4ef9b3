/* gateway/telemetry/process.c - what the system says of this process. */
#include "gateway/telemetry/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void
read_memory(struct process_stats *s)
{
	FILE *f = fopen("/proc/self/statm", "re");
	double page = (double)sysconf(_SC_PAGESIZE);
	unsigned long size, resident;

	if (f == NULL)
		return;
	if (fscanf(f, "%lu %lu", &size, &resident) == 2) {
		s->virtual_bytes = (double)size * page;
		s->resident_bytes = (double)resident * page;
	}
	fclose(f);
}

double
process_resident(void)
{
	struct process_stats s = { .resident_bytes = -1 };

	read_memory(&s);
	return s.resident_bytes;
}

static void
count_fds(struct process_stats *s)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;

	if (dir == NULL)
		return;
	s->open_fds = -1; /* the one that reads them is not counted */
	while ((e = readdir(dir)) != NULL)
		s->open_fds += e->d_name[0] != '.';
	closedir(dir);
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void
process_read(struct process_stats *s)
{
	struct rusage usage;
	struct rlimit limit;

	*s = (struct process_stats){ -1, -1, -1, -1, -1 };
	read_memory(s);
	count_fds(s);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		s->cpu_seconds =
		    seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		s->max_fds = (double)limit.rlim_cur;
}
