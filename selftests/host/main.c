// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the engine's tests, all or those whose names contain the first argument,
 * and reports in TAP. FP_SEED gives a seed back, FP_ROUNDS is a factor on the
 * number of rounds.
 */
#include <time.h>

#include "test.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_do_recoverable_leak_check()	0
#endif

#define MAX_TESTS	256

static const struct host_suite *suites[] = {
	&shim_suite, &geometry_suite, &block_suite, &chunk_suite, &cache_suite,
	&pool_suite, &client_suite, &bytes_suite, &fault_suite, &model_suite,
	&inbox_suite, &send_suite, &orphan_suite, &pin_suite, &wait_suite,
	&flow_suite, &threads_suite, &race_suite, &ring_suite,
};

static struct CMUnitTest tests[MAX_TESTS];
static char names[MAX_TESTS][128];
static u64 seed;
static long live_before;
static int races;
static bool leaked;

u64 host_seed(void)
{
	return seed;
}

/* Called by the thread sanitizer for each report. */
void __tsan_on_report(void *report);
void __tsan_on_report(void *report)
{
	(void)report;
	__atomic_fetch_add(&races, 1, __ATOMIC_RELAXED);
}

static int before(void **state)
{
	(void)state;
	shim_reset();
	host_budget.limit = S64_MAX;
	atomic64_set(&host_budget.used, 0);
	races = 0;
	host_nr_revoked = 0;
	host_on_revoke = NULL;
	live_before = shim_live();
	return 0;
}

static int after(void **state)
{
	int bad = 0;

	(void)state;
	shim_reset();
	if (shim_live() != live_before) {
		fprintf(stderr, "%ld objects left over\n",
			shim_live() - live_before);
		bad = -1;
	}
	if (races) {
		fprintf(stderr, "%d data races\n", races);
		bad = -1;
	}
	/* once something was left over, it would be found after every test */
	if (bad)
		leaked = true;
	if (!leaked && __lsan_do_recoverable_leak_check()) {
		leaked = true;
		bad = -1;
	}
	return bad;
}

static size_t collect(const char *pattern)
{
	size_t i, j, nr = 0;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		for (j = 0; j < suites[i]->nr; j++) {
			must(nr < MAX_TESTS);
			snprintf(names[nr], sizeof(names[nr]), "%s.%s",
				 suites[i]->noun, suites[i]->tests[j].name);
			if (pattern && !strstr(names[nr], pattern))
				continue;
			tests[nr] = suites[i]->tests[j];
			tests[nr].name = names[nr];
			tests[nr].setup_func = before;
			tests[nr].teardown_func = after;
			nr++;
		}
	return nr;
}

int main(int argc, char **argv)
{
	const char *text = getenv("FP_SEED");
	struct timespec now;
	size_t nr;

	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	seed = text ? strtoull(text, NULL, 0) :
		      (u64)now.tv_sec * 1000000007 + now.tv_nsec;
	printf("# FP_SEED=%llu\n", seed);
	seed |= 1;	/* 0 would stay 0 */

	nr = collect(argc > 1 ? argv[1] : NULL);
	if (!nr) {
		fprintf(stderr, "no such test\n");
		return 2;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return !!_cmocka_run_group_tests("engine", tests, nr, NULL, NULL);
}
