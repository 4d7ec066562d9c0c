// SPDX-License-Identifier: GPL-2.0
/*
 * The library's magazines where a call fails that mostly does not, or where
 * something else happens while one is under way.
 */
#include <sys/syscall.h>

#include <linux/membarrier.h>

#include "fp_magazine_pool.h"
#include "fp_wrap.h"

static int membarriers;		/* how many were asked for */
static int membarrier_fails;	/* how many of them fail, */
static int membarrier_errno;	/* so */
static bool no_wipe_on_fork;
static int naps;

static void (*before_alloc)(const struct fixedpool_alloc_args *args);
static void (*after_alloc)(const struct fixedpool_alloc_args *args, int ret);
static void (*after_free_all)(void);

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	int ret, saved;
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (command == FIXEDPOOL_IOC_ALLOC && before_alloc)
		before_alloc(arg);
	ret = __real_ioctl(fd, command, arg);
	saved = errno;
	if (command == FIXEDPOOL_IOC_ALLOC && after_alloc)
		after_alloc(arg, ret);
	if (command == FIXEDPOOL_IOC_FREE_ALL && after_free_all)
		after_free_all();
	errno = saved;
	return ret;
}

/* The library has no other one than membarrier(2). */
long __wrap_syscall(long number, ...)
{
	long command, flags, cpu;
	va_list args;

	va_start(args, number);
	command = va_arg(args, int);
	flags = va_arg(args, int);
	cpu = va_arg(args, int);
	va_end(args);
	if (number == SYS_membarrier &&
	    command == MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
		membarriers++;
		if (membarriers <= membarrier_fails) {
			errno = membarrier_errno;
			return -1;
		}
	}
	return __real_syscall(number, command, flags, cpu, 0);
}

int __wrap_madvise(void *at, size_t length, int advice)
{
	if (advice == MADV_WIPEONFORK && no_wipe_on_fork) {
		errno = EINVAL;
		return -1;
	}
	return __real_madvise(at, length, advice);
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	__atomic_add_fetch(&naps, 1, __ATOMIC_RELAXED);
	return __real_nanosleep(time, left);
}

static void fail_membarriers(int count, int err)
{
	membarriers = 0;
	membarrier_fails = count;
	membarrier_errno = err;
}

/* Short of memory it is asked again, until it has said yes. */
TEST_F(magazine, membarrier_without_memory)
{
	struct mate m;
	int parked;

	ASSERT_EQ(4, mate_parks(&m, self->pool));
	parked = stats_of(self->pool).parked;
	ASSERT_LE(4, parked);
	fail_membarriers(3, ENOMEM);
	EXPECT_EQ(parked, fixedpool_give_back(self->pool));
	EXPECT_EQ(4, membarriers);
	EXPECT_EQ(0, stats_of(self->pool).parked);
	mate_ends(&m);
}

/* Forbidden since the client was opened: what others have is not touched. */
TEST_F(magazine, membarrier_forbidden)
{
	int mine, theirs;
	struct mate m;

	ASSERT_EQ(4, mate_parks(&m, self->pool));
	theirs = stats_of(self->pool).parked;
	fail_membarriers(1000, EPERM);
	ASSERT_EQ(4, take(self->pool, self->p, 4));
	ASSERT_EQ(4, put(self->pool, self->p, 4));
	mine = stats_of(self->pool).parked - theirs;
	ASSERT_LE(4, mine);
	EXPECT_EQ(mine, fixedpool_give_back(self->pool));
	EXPECT_EQ(theirs, stats_of(self->pool).parked);
	EXPECT_EQ(theirs, fp_held(self->fd));
	/* nor is it for being closed already */
	EXPECT_EQ(0, fixedpool_give_back(self->pool));
	EXPECT_EQ(theirs, fp_held(self->fd));
	/* they give it back when they come by, and go on */
	ASSERT_EQ(MATE_TAKES, mate_goes_on(&m, self->pool, 3));
	EXPECT_EQ(stats_of(self->pool).parked, fp_held(self->fd));
	mate_ends(&m);
	EXPECT_EQ(0, fp_held(self->fd));
	fail_membarriers(0, 0);
}

/* Once it is allowed again, what was left is found. */
TEST_F(magazine, membarrier_fails_once)
{
	struct mate m;
	int theirs;

	ASSERT_EQ(4, mate_parks(&m, self->pool));
	theirs = stats_of(self->pool).parked;
	fail_membarriers(1, EPERM);
	EXPECT_EQ(0, fixedpool_give_back(self->pool));
	EXPECT_EQ(theirs, fixedpool_give_back(self->pool));
	EXPECT_EQ(2, membarriers);
	/* and closed and empty magazines need none */
	EXPECT_EQ(0, fixedpool_give_back(self->pool));
	EXPECT_EQ(2, membarriers);
	mate_ends(&m);
}

/* Who closes is the last one, and needs nobody's order. */
TEST(closed_without_membarrier)
{
	struct fixedpool_config config = config_of(0);
	struct fixedpool *pool = fixedpool_create(&config);
	struct mate m;
	int fd;

	ASSERT_NE(NULL, pool);
	fd = dup(fixedpool_fd(pool));
	ASSERT_EQ(4, mate_parks(&m, pool));
	ASSERT_LE(4, fp_held(fd));
	fail_membarriers(1000, EPERM);
	fixedpool_close(pool);
	EXPECT_EQ(0, fp_held(fd));
	EXPECT_EQ(0, fp_unbalanced(fd));
	mate_ends(&m);
	close(fd);
}

/* A client that could not have magazines has no place where another's are. */
TEST(without_a_place)
{
	struct fixedpool_config config = config_of(0);
	const struct fixedpool_geometry *geo;
	struct fixedpool *with, *without;
	char *p[4], *q;

	no_wipe_on_fork = true;
	without = fixedpool_create(&config);
	no_wipe_on_fork = false;
	ASSERT_NE(NULL, without);
	with = fixedpool_create(&config);
	ASSERT_NE(NULL, with);
	ASSERT_EQ(4, take(with, p, 4));
	ASSERT_EQ(4, put(with, p, 4));
	ASSERT_LE(4, stats_of(with).parked);
	geo = fixedpool_geometry(without);
	q = fixedpool_alloc_ptr(without, 0, 0);
	EXPECT_LE((char *)geo->base, q);
	EXPECT_GT((char *)geo->base + geo->mapping_size, q);
	EXPECT_EQ(1, fp_held(fixedpool_fd(without)));
	EXPECT_EQ(0, ERR(fixedpool_free_ptr(without, q)));
	EXPECT_EQ(0, fp_held(fixedpool_fd(without)));
	fixedpool_close(without);
	fixedpool_close(with);
}

/* A child that the C library was not told of finds what the fork wiped. */
TEST(closed_by_a_child_nobody_was_told_of)
{
	struct fixedpool_config config = config_of(0);
	struct fixedpool *pool = fixedpool_create(&config);
	char *p[4];
	pid_t pid;
	int i;

	ASSERT_NE(NULL, pool);
	ASSERT_EQ(4, take(pool, p, 4));
	ASSERT_EQ(4, put(pool, p, 4));
	pid = (pid_t)__real_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		fixedpool_close(pool);
		/* nothing comes to lie where it was */
		for (i = 0; i < 64; i++)
			mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		pool = fixedpool_create(&config);
		FP_CHILD_OK(pool);
		FP_CHILD_OK(take(pool, p, 4) == 4);
		FP_CHILD_OK(put(pool, p, 4) == 4);
		FP_CHILD_OK(fixedpool_give_back(pool) >= 4);
		_exit(0);
	}
	ASSERT_EQ(0, fp_reap(pid));
	fixedpool_close(pool);
}

/* Whenever many blocks were not to be had, some are parked again at once. */
static struct fixedpool *park_again;
static int asked;

static void park(const struct fixedpool_alloc_args *args, int ret)
{
	void *p;

	if (!(args->flags & FIXEDPOOL_ALLOC_ALL))
		return;
	asked++;
	if (!ret || asked > 8)
		return;
	p = fixedpool_alloc_ptr(park_again, 0, 0);
	if (p)
		fixedpool_free_ptr(park_again, p);
}

TEST_F(magazine, many_are_asked_for_once_more)
{
	uint64_t h[QUOTA];

	ASSERT_EQ(4, take(self->pool, self->p, 4));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	park_again = self->pool;
	after_alloc = park;
	EXPECT_EQ(-EDQUOT, ERR(fixedpool_alloc_batch(self->pool, h, QUOTA,
						     FIXEDPOOL_ALLOC_ALL, 0)));
	after_alloc = NULL;
	EXPECT_EQ(2, asked);
	EXPECT_EQ(3, put(self->pool, self->p + 1, 3));
	/* and blocks are parked as before */
	EXPECT_LT(0, stats_of(self->pool).parked);
}

/* Who is cancelled while he waits for another thread takes no lock along. */
struct thief {
	struct fixedpool *pool;
	pthread_barrier_t step;
	bool through;
};

static void *stay_busy(void *arg)
{
	struct thief *t = arg;
	struct fixedpool_magazine *m;
	char *p[4];

	put(t->pool, p, take(t->pool, p, 4));
	m = fixedpool_fast_magazine(fixedpool_fast_of(t->pool));
	fixedpool_fast_enter(m);
	pthread_barrier_wait(&t->step);
	pthread_barrier_wait(&t->step);
	fixedpool_fast_leave(m);
	return NULL;
}

static void *steal(void *arg)
{
	struct thief *t = arg;

	fixedpool_give_back(t->pool);
	__atomic_store_n(&t->through, true, __ATOMIC_RELEASE);
	pthread_testcancel();
	return NULL;
}

TEST(a_thief_is_cancelled)
{
	struct fixedpool_config config = config_of(0);
	struct thief t = { .pool = fixedpool_create(&config) };
	pthread_t owner, thief;
	void *result;

	ASSERT_NE(NULL, t.pool);
	pthread_barrier_init(&t.step, NULL, 2);
	ASSERT_EQ(0, pthread_create(&owner, NULL, stay_busy, &t));
	pthread_barrier_wait(&t.step);
	ASSERT_EQ(0, pthread_create(&thief, NULL, steal, &t));
	while (!__atomic_load_n(&naps, __ATOMIC_RELAXED))
		fp_sleep_us(1000);
	ASSERT_EQ(0, pthread_cancel(thief));
	fp_sleep_us(20000);
	pthread_barrier_wait(&t.step);
	ASSERT_EQ(0, pthread_join(thief, &result));
	EXPECT_EQ(PTHREAD_CANCELED, result);
	ASSERT_TRUE(t.through);
	ASSERT_EQ(0, pthread_join(owner, NULL));
	EXPECT_EQ(0, fixedpool_give_back(t.pool));
	EXPECT_EQ(0, fp_held(fixedpool_fd(t.pool)));
	fixedpool_close(t.pool);
}

/* All holds end while blocks are on their way into a magazine. */
static struct fixedpool *end_all;

static void free_all(const struct fixedpool_alloc_args *args, int ret)
{
	if (ret || args->done < 2)
		return;
	after_alloc = NULL;
	fixedpool_free_all(end_all);
}

TEST_F(magazine, what_ended_on_its_way_is_not_parked)
{
	char *dead, *live;

	end_all = self->pool;
	after_alloc = free_all;
	dead = fixedpool_alloc_ptr(self->pool, 0, 0);
	ASSERT_NE(NULL, dead);
	ASSERT_EQ(NULL, after_alloc);
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(-ESTALE, ERR(fixedpool_free_ptr(self->pool, dead)));
	live = fixedpool_alloc_ptr(self->pool, 0, 0);
	ASSERT_NE(NULL, live);
	EXPECT_LE(1, fp_held(self->fd));
	memset(live, 1, BLOCK_SIZE);
	EXPECT_EQ(0, ERR(fixedpool_free_ptr(self->pool, live)));
}

/* ... or come when all has ended, but is not forgotten yet. */
static pthread_barrier_t ended;

static void wait_for_end(const struct fixedpool_alloc_args *args, int ret)
{
	(void)args;
	(void)ret;
	after_alloc = NULL;
	pthread_barrier_wait(&ended);	/* there are holds to end */
	pthread_barrier_wait(&ended);	/* they have ended */
}

static void wait_for_parking(void)
{
	after_free_all = NULL;
	pthread_barrier_wait(&ended);
	pthread_barrier_wait(&ended);	/* the blocks have come */
}

static void *alloc_late(void *arg)
{
	struct mate *m = arg;

	m->p[0] = fixedpool_alloc_ptr(m->pool, 0, 0);
	pthread_barrier_wait(&ended);
	pthread_barrier_wait(&ended);	/* all is forgotten */
	m->done = fixedpool_free_ptr(m->pool, m->p[0]) ? errno : 0;
	m->p[1] = fixedpool_alloc_ptr(m->pool, 0, 0);
	return NULL;
}

TEST_F(magazine, what_ended_and_came_late_is_not_given_out)
{
	struct mate m = { .pool = self->pool, .p = self->p };

	pthread_barrier_init(&ended, NULL, 2);
	after_alloc = wait_for_end;
	after_free_all = wait_for_parking;
	ASSERT_EQ(0, pthread_create(&m.thread, NULL, alloc_late, &m));
	pthread_barrier_wait(&ended);
	EXPECT_LT(0, fixedpool_free_all(self->pool));
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_EQ(0, fp_held(self->fd));
	pthread_barrier_wait(&ended);
	ASSERT_EQ(0, pthread_join(m.thread, NULL));
	EXPECT_NE(0, m.done);
	ASSERT_NE(NULL, m.p[1]);
	EXPECT_EQ(1, fp_held(self->fd));
	memset(m.p[1], 1, BLOCK_SIZE);
	EXPECT_EQ(1, put(self->pool, m.p + 1, 1));
	pthread_barrier_destroy(&ended);
}

/* What lives is not lost: of blocks that come after the end, one is wanted. */
static void free_all_first(const struct fixedpool_alloc_args *args)
{
	if (args->count < 2)
		return;
	before_alloc = NULL;
	fixedpool_free_all(end_all);
}

TEST_F(magazine, what_comes_after_the_end_goes_back)
{
	char *live;

	end_all = self->pool;
	before_alloc = free_all_first;
	live = fixedpool_alloc_ptr(self->pool, 0, 0);
	ASSERT_NE(NULL, live);
	ASSERT_EQ(NULL, before_alloc);
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_EQ(1, fp_held(self->fd));
	memset(live, 1, BLOCK_SIZE);
	EXPECT_EQ(0, ERR(fixedpool_free_ptr(self->pool, live)));
}

/* The same before all is forgotten, and the one that is wanted with it. */
static char *forgotten;

static void alloc_before_forgetting(void)
{
	after_free_all = NULL;
	forgotten = fixedpool_alloc_ptr(end_all, 0, 0);
}

TEST_F(magazine, what_comes_before_forgetting_goes_back)
{
	end_all = self->pool;
	ASSERT_EQ(4, take(self->pool, self->p, 4));
	after_free_all = alloc_before_forgetting;
	EXPECT_EQ(4, fixedpool_free_all(self->pool));
	ASSERT_NE(NULL, forgotten);
	EXPECT_EQ(1, fp_held(self->fd));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, forgotten)));
	EXPECT_EQ(1, fixedpool_free_all(self->pool));
}

/*
 * It was another thread's, which could not be ordered to give it back: who got
 * the blocks meanwhile keeps them.
 */
TEST_F(magazine, what_ended_in_anothers_is_not_given_back)
{
	char *p[MAX_BLOCKS / 4];
	struct mate m;

	ASSERT_EQ(4, mate_parks(&m, self->pool));
	fail_membarriers(1000, EPERM);
	ASSERT_LT(0, fixedpool_free_all(self->pool));
	ASSERT_EQ(0, fp_held(self->fd));
	ASSERT_EQ(ARRAY_SIZE(p), take(self->pool, p, ARRAY_SIZE(p)));
	ASSERT_EQ(40, put(self->pool, p, 40));
	ASSERT_EQ(MATE_TAKES, mate_goes_on(&m, self->pool, 3));
	EXPECT_EQ(ARRAY_SIZE(p) - 40 + stats_of(self->pool).parked,
		  fp_held(self->fd));
	fail_membarriers(0, 0);
	EXPECT_EQ(ARRAY_SIZE(p) - 40, put(self->pool, p + 40,
					  ARRAY_SIZE(p) - 40));
	mate_ends(&m);
	fixedpool_give_back(self->pool);
	EXPECT_EQ(0, fp_held(self->fd));
}

TEST_HARNESS_MAIN
