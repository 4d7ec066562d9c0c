// SPDX-License-Identifier: GPL-2.0
/*
 * shim: memory that can fail and is counted, CPUs, signals, time.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/wait.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, size)	((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size)	((void)(p), (void)(size))
#endif

/* What the kernel aligns a structure's memory to at least. */
#define SHIM_ALIGN	64

unsigned int shim_nr_cpus = 4;
unsigned int shim_pause_rate;
long shim_fail_nth;
long shim_pages_left = -1;
s64 shim_now_ns;
__thread struct shim_task shim_task = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
};

__thread int shim_this_cpu = -1;
__thread int shim_spins;
__thread int shim_kill_after;
__thread void (*shim_after_unlock)(void);

static __thread u32 shim_pause_state;
static int shim_next_cpu;
static long shim_live_objects;

void shim_reset(void)
{
	shim_nr_cpus = 4;
	shim_pause_rate = 0;
	shim_fail_nth = 0;
	shim_pages_left = -1;
	shim_now_ns = 0;
	shim_this_cpu = 0;
	shim_kill_after = 0;
	shim_after_unlock = NULL;
	shim_task.killed = false;
}

/* Objects allocated and not freed. */
long shim_live(void)
{
	return __atomic_load_n(&shim_live_objects, __ATOMIC_RELAXED);
}

void shim_bug(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "shim: BUG: %s\n", what);
	abort();
}

void shim_might_sleep(const char *what)
{
	if (shim_spins)
		shim_bug(what);
}

static u32 shim_random(void)
{
	u32 x = shim_pause_state;

	if (!x)
		x = (u32)(unsigned long)&shim_pause_state | 1;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	shim_pause_state = x;
	return x;
}

/* Mostly out of the way for a moment, now and then for longer. */
void shim_pause_now(void)
{
	u32 random = shim_random();

	if (random % shim_pause_rate)
		return;
	if (random >> 24)
		sched_yield();
	else
		usleep(50);
}

int shim_cpu(void)
{
	if (shim_this_cpu < 0)
		shim_this_cpu = (u32)__atomic_fetch_add(&shim_next_cpu, 1,
							__ATOMIC_RELAXED) %
				shim_nr_cpus;
	/* threads migrate */
	if (shim_pause_rate && !(shim_random() % (shim_pause_rate * 8)))
		shim_this_cpu = shim_random() % shim_nr_cpus;
	return shim_this_cpu;
}

bool shim_killed(void)
{
	if (shim_kill_after > 1) {
		shim_kill_after--;
		return false;
	}
	return shim_kill_after == 1 ||
	       __atomic_load_n(&shim_task.killed, __ATOMIC_RELAXED);
}

static void shim_wake(struct shim_task *task, bool kill)
{
	pthread_mutex_lock(&task->lock);
	task->woken = true;
	if (kill)
		WRITE_ONCE(task->killed, true);
	pthread_cond_broadcast(&task->wake);
	pthread_mutex_unlock(&task->lock);
}

/* A fatal signal to another thread. */
void shim_kill(struct shim_task *task)
{
	shim_wake(task, true);
}

int woken_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			int flags, void *key)
{
	__atomic_fetch_or(&entry->flags, WQ_FLAG_WOKEN, __ATOMIC_SEQ_CST);
	shim_wake(entry->private, false);
	return 1;
}

/* Milliseconds on the clock of condition variables. */
static s64 shim_real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Sleep until woken or killed; return the milliseconds that are left. */
static long shim_sleep(struct shim_task *task, long timeout)
{
	s64 end = shim_real_ms() + min(timeout, 1L << 40);
	struct timespec until = { end / 1000, end % 1000 * 1000000 };
	int err = 0;

	__atomic_fetch_add(&task->sleeps, 1, __ATOMIC_RELAXED);
	while (!task->woken && !task->killed && !err)
		err = pthread_cond_timedwait(&task->wake, &task->lock, &until);
	if (timeout == MAX_SCHEDULE_TIMEOUT)
		return timeout;
	return err ? 0 : max_t(s64, end - shim_real_ms(), 0);
}

/* As in the kernel: who was woken since the last time does not sleep. */
long wait_woken(struct wait_queue_entry *entry, unsigned int mode,
		long timeout)
{
	struct shim_task *task = entry->private;

	shim_might_sleep("wait_woken");
	pthread_mutex_lock(&task->lock);
	task->woken = false;
	if (!(__atomic_load_n(&entry->flags, __ATOMIC_SEQ_CST) & WQ_FLAG_WOKEN))
		timeout = shim_sleep(task, timeout);
	pthread_mutex_unlock(&task->lock);
	__atomic_fetch_and(&entry->flags, ~WQ_FLAG_WOKEN, __ATOMIC_SEQ_CST);
	return timeout;
}

s64 shim_clock_ns(void)
{
	struct timespec now;

	if (shim_now_ns)
		return shim_now_ns;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static bool shim_should_fail(void)
{
	long nth = __atomic_load_n(&shim_fail_nth, __ATOMIC_RELAXED);

	if (!nth)
		return false;
	__atomic_store_n(&shim_fail_nth, nth - 1, __ATOMIC_RELAXED);
	return nth == 1;
}

/* Every allocation comes by here: may sleep, may fail, is counted. */
static void *shim_alloc(size_t size, size_t align, int fill)
{
	void *p;

	shim_might_sleep("allocation under a spinlock");
	if (shim_should_fail() || posix_memalign(&p, align, size ?: 1))
		return NULL;
	memset(p, fill, size);
	__atomic_fetch_add(&shim_live_objects, 1, __ATOMIC_RELAXED);
	return p;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return shim_alloc(size, SHIM_ALIGN, 0);
}

/* What is not zeroed on purpose is full of something. */
void *kmalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return shim_alloc(size, SHIM_ALIGN, 0xa5);
}

void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes, gfp);
}

void kfree(const void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&shim_live_objects, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

void *shim_alloc_percpu(size_t size, size_t align, gfp_t gfp)
{
	size_t bytes = (size_t)shim_nr_cpus * SHIM_PERCPU_UNIT;
	unsigned int cpu;
	char *base;

	(void)gfp;
	if (size > SHIM_PERCPU_UNIT || align > SHIM_ALIGN)
		shim_bug("per-CPU object too large");
	base = shim_alloc(bytes, SHIM_ALIGN, 0);
	for (cpu = 0; base && cpu < shim_nr_cpus; cpu++)
		ASAN_POISON_MEMORY_REGION(base + cpu * SHIM_PERCPU_UNIT + size,
					  SHIM_PERCPU_UNIT - size);
	return base;
}

void free_percpu(void *base)
{
	if (base)
		ASAN_UNPOISON_MEMORY_REGION(base, shim_nr_cpus *
					    SHIM_PERCPU_UNIT);
	kfree(base);
}

struct page *alloc_pages_node(int node, gfp_t gfp, unsigned int order)
{
	struct page *page;

	(void)node;
	if (order)
		shim_bug("only single pages are made here");
	if (!shim_pages_left)
		return NULL;
	if (shim_pages_left > 0)
		shim_pages_left--;
	page = shim_alloc(sizeof(*page), _Alignof(struct page), 0);
	if (!page)
		return NULL;
	page->refs = 1;
	/* never fails by itself; dirty unless zeros were asked for */
	page->data = malloc(PAGE_SIZE);
	if (!page->data)
		shim_bug("out of memory");
	memset(page->data, gfp & __GFP_ZERO ? 0 : 0xa5, PAGE_SIZE);
	return page;
}

void get_page(struct page *page)
{
	__atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);
}

void put_page(struct page *page)
{
	if (__atomic_sub_fetch(&page->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free(page->data);
	kfree(page);
}

void *page_address(const struct page *page)
{
	return page->data;
}

void memzero_page(struct page *page, size_t offset, size_t len)
{
	if (offset > PAGE_SIZE || len > PAGE_SIZE - offset)
		shim_bug("memzero_page past its page");
	memset(page->data + offset, 0, len);
}

int page_ref_count(const struct page *page)
{
	return __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE);
}

void copy_highpage(struct page *to, struct page *from)
{
	memcpy(to->data, from->data, PAGE_SIZE);
}
