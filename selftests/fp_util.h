/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests share and no pool is needed for: faults caught, children,
 * seeds, time, and files of one value in sysfs.
 */
#ifndef FP_UTIL_H
#define FP_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/types.h>

#include <kselftest.h>

#define FP_POOLS	"/sys/kernel/fixedpool/pools"
#define FP_PARAMS	"/sys/module/fixedpool/parameters"

/* Faults caught: 0, or the signal that touching @p raised. */
static sigjmp_buf fp_fault_env;

static inline void fp_fault(int sig)
{
	siglongjmp(fp_fault_env, sig);
}

static inline int fp_touch(volatile void *p, bool store)
{
	struct sigaction act = { .sa_handler = fp_fault }, bus, segv;
	int sig;

	sigaction(SIGBUS, &act, &bus);
	sigaction(SIGSEGV, &act, &segv);
	sig = sigsetjmp(fp_fault_env, 1);
	if (!sig) {
		char c = *(volatile char *)p;

		if (store)
			*(volatile char *)p = c;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

/* Two pages of which the second is not there: the end of the first. */
static inline char *fp_guarded_page(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + page, page))
		return NULL;
	return p + page;
}

/* Children: they die with their parent, and say where they failed. */
#define FP_CHILD_OK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "# child: %s:%d: not so: %s (errno %d)\n", \
			__FILE__, __LINE__, #cond, errno); \
		_exit(KSFT_FAIL); \
	} \
} while (0)

static inline pid_t fp_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Exit status of a child, 128 + signal if one ended it. */
static inline int fp_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Becomes a user without privilege; what it opens from here on is its own. */
static inline int fp_become(uid_t uid, gid_t gid, gid_t extra)
{
	if (setgroups(extra ? 1 : 0, &extra) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

static inline __u64 fp_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static inline void fp_sleep_us(unsigned int us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000L };

	nanosleep(&ts, NULL);
}

/* Random numbers whose seed is printed and can be given back. */
static inline __u64 fp_seed(void)
{
	const char *given = getenv("FP_SEED");
	struct timespec ts;
	__u64 seed;

	clock_gettime(CLOCK_REALTIME, &ts);
	seed = given ? strtoull(given, NULL, 0) :
		       ts.tv_sec * 1000000007ULL + ts.tv_nsec;
	seed = seed ? seed : 1;
	printf("# FP_SEED=%llu\n", seed);
	return seed;
}

static inline __u64 fp_random(__u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL >> 11;
}

static inline long fp_scale(const char *env, long by_default)
{
	const char *given = getenv(env);

	return given ? strtol(given, NULL, 0) : by_default;
}

/* Files of one value: bytes read without the newline, or -errno. */
static inline int fp_read_file(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	buf[n] = 0;
	if (n && buf[n - 1] == '\n')
		buf[--n] = 0;
	return n;
}

static inline int fp_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static inline int fp_sysfs(__u32 pool, const char *name, char *buf, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), FP_POOLS "/%u/%s", pool, name);
	return fp_read_file(path, buf, len);
}

static inline bool fp_pool_exists(__u32 pool)
{
	char path[128];

	snprintf(path, sizeof(path), FP_POOLS "/%u", pool);
	return !access(path, F_OK);
}

/* Pools that sysfs shows, -1 if it shows none of this. */
static inline int fp_pools(void)
{
	DIR *dir = opendir(FP_POOLS);
	struct dirent *d;
	int n = 0;

	if (!dir)
		return -1;
	while ((d = readdir(dir)))
		n += d->d_name[0] >= '0' && d->d_name[0] <= '9';
	closedir(dir);
	return n;
}

/* Waits for up to two seconds until @want pools are left; how many are. */
static inline int fp_pools_settle(int want)
{
	int i;

	for (i = 0; i < 200 && fp_pools() != want; i++)
		fp_sleep_us(10000);
	return fp_pools();
}

#endif /* FP_UTIL_H */
