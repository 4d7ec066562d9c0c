/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shim: what the stand-ins for kernel headers are made of, and how a test turns
 * its screws: which allocation fails, on which CPU a thread is, what time it
 * is, whether the task is being killed, how often threads get in each other's
 * way.
 */
#ifndef SHIM_H
#define SHIM_H

#include <pthread.h>

#include <linux/types.h>

#define SHIM_MAX_CPUS	8U

/**
 * struct shim_task - a thread that may sleep
 * @lock: guards the two below
 * @wake: somebody else has changed them
 * @woken: it need not sleep
 * @killed: a fatal signal is pending
 * @sleeps: times that it went to sleep
 */
struct shim_task {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool woken;
	bool killed;
	unsigned long sleeps;
};

extern __thread struct shim_task shim_task;
/* CPUs there are; set before pools are made. */
extern unsigned int shim_nr_cpus;
/* CPU of this thread, or -1 to be given the next one in turn. */
extern __thread int shim_this_cpu;
/* Spinlocks this thread holds; its address says which thread it is. */
extern __thread int shim_spins;
/* The n-th check from now on finds a fatal signal, and all later; 0 none. */
extern __thread int shim_kill_after;
/* Called once, after this thread's next spin_unlock(). */
extern __thread void (*shim_after_unlock)(void);
/* One pause in so many is taken; 0 none. */
extern unsigned int shim_pause_rate;
/* The n-th allocation from now on fails, and only that; 0 none. */
extern long shim_fail_nth;
/* All pages but the first so many fail; -1 for no limit. */
extern long shim_pages_left;
/* Nanoseconds since boot, or 0 for the real time. */
extern s64 shim_now_ns;

void shim_reset(void);
long shim_live(void);
__attribute__((noreturn)) void shim_bug(const char *what);
void shim_might_sleep(const char *what);
int shim_cpu(void);
bool shim_killed(void);
void shim_kill(struct shim_task *task);
s64 shim_clock_ns(void);
void shim_pause_now(void);

/* Where another thread may get in between. */
static inline void shim_pause(void)
{
	if (__builtin_expect(shim_pause_rate, 0))
		shim_pause_now();
}

static inline void shim_unlocked(void)
{
	void (*call)(void) = shim_after_unlock;

	if (__builtin_expect(!!call, 0)) {
		shim_after_unlock = NULL;
		call();
	}
}

#endif /* SHIM_H */
