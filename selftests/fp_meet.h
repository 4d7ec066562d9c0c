/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two calls, made by two threads at almost the same moment, so that over a
 * number of meetings each comes first, and comes in the middle of the other.
 */
#ifndef FP_MEET_H
#define FP_MEET_H

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "fp_test.h"

/* How much later than the other one of the two may begin. */
#define FP_MEET_APART_NS	60000

typedef int (*fp_meet_run)(void *arg, const void *call);

/* What the other thread is told; the counters say which meeting it is about. */
static struct {
	fp_meet_run run;
	void *arg;
	const void *call;
	__u32 wait_ns;
	int answer;
	int asked, ready, done;
	__u64 start;
} fp_meet_other;

static inline __u64 fp_meet_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static inline void fp_meet_await(const int *counter, int value)
{
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) != value)
		sched_yield();
}

static inline int fp_meet_call(fp_meet_run run, void *arg, const void *call,
			       __u64 start)
{
	while (fp_meet_now() < start)
		;
	return run(arg, call);
}

static inline void *fp_meet_thread(void *unused)
{
	__u64 start;
	int n;

	for (n = 1; ; n++) {
		fp_meet_await(&fp_meet_other.asked, n);
		__atomic_store_n(&fp_meet_other.ready, n, __ATOMIC_RELEASE);
		do
			start = __atomic_load_n(&fp_meet_other.start,
						__ATOMIC_ACQUIRE);
		while (!start);
		fp_meet_other.answer = fp_meet_call(fp_meet_other.run,
						    fp_meet_other.arg,
						    fp_meet_other.call,
						    start + fp_meet_other.wait_ns);
		__atomic_store_n(&fp_meet_other.done, n, __ATOMIC_RELEASE);
	}
	return unused;
}

/* Makes the other thread, which lives as long as the process. */
static inline int fp_meet_begin(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, fp_meet_thread, NULL);
}

/* run(arg, first) here and run(arg, second) there; what they returned. */
static inline void fp_meet(fp_meet_run run, void *arg, const void *first,
			   const void *second, __u64 *seed, int ret[2])
{
	const __u32 wait_ns = fp_random(seed) % FP_MEET_APART_NS;
	static int n;
	__u64 start;

	fp_meet_other.run = run;
	fp_meet_other.arg = arg;
	fp_meet_other.call = second;
	fp_meet_other.wait_ns = fp_random(seed) % FP_MEET_APART_NS;
	fp_meet_other.start = 0;
	__atomic_store_n(&fp_meet_other.asked, ++n, __ATOMIC_RELEASE);
	fp_meet_await(&fp_meet_other.ready, n);
	start = fp_meet_now();
	__atomic_store_n(&fp_meet_other.start, start, __ATOMIC_RELEASE);
	ret[0] = fp_meet_call(run, arg, first, start + wait_ns);
	fp_meet_await(&fp_meet_other.done, n);
	ret[1] = fp_meet_other.answer;
}

#endif /* FP_MEET_H */
