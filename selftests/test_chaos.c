// SPDX-License-Identifier: GPL-2.0
/*
 * Chaos: processes that allocate, write, send, share, keep, map, fork and pass
 * descriptors on, each killed at a random moment and followed by another, while
 * pools come and go under them, the module is asked to unload all the time, and
 * memory is short. Then everything stands still, and the books must be right.
 *
 * FP_SECONDS, FP_SEED and FP_PLAYERS say how long, what and how many.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include "fp_own.h"

#define POOLS		3
#define BLOCKS		256U
#define PLAYERS_MAX	16U
#define STRIDE		4096UL
#define MARK		0x6368616f73ULL
#define CGROUP		"/sys/fs/cgroup/fp-chaos"

static const __u32 pool_flags[POOLS] = {
	0, FIXEDPOOL_POOL_ISOLATED, FIXEDPOOL_POOL_STRICT,
};

/* Of all processes. */
static struct tally {
	unsigned long blocks, sent, received, passed, forked, adopted;
	unsigned long foreign;		/* bytes that were not to be seen */
	unsigned long bad;		/* answers that cannot be */
	unsigned long pools, unloads, unloads_busy, unloaded;
	__u32 ids[PLAYERS_MAX][POOLS];	/* clients of the players now */
	bool stop;
} *tally;

static unsigned int players;

static void add(unsigned long *n, unsigned long by)
{
	__atomic_fetch_add(n, by, __ATOMIC_RELAXED);
}

static bool stopped(void)
{
	return __atomic_load_n(&tally->stop, __ATOMIC_RELAXED);
}

/* Written into a block by everyone who gets it. */
struct mark {
	__u64 magic;
	__u64 owner;		/* id of the client */
};

/* One that plays: with a client of each pool, and its mapping. */
struct player {
	int fds[POOLS];
	__u32 *ids;
	char *maps[POOLS];
	__u64 seed;
	int mailbox;		/* a socket on which descriptors go round */
};

static struct mark *mark_of(const struct player *p, int pool, __u64 handle)
{
	return (struct mark *)(p->maps[pool] + fp_index(handle) * STRIDE);
}

static void claim(const struct player *p, int pool, __u64 handle)
{
	*mark_of(p, pool, handle) = (struct mark){ MARK, p->ids[pool] };
}

/* New blocks are zero, or were this client's own. */
static void take(const struct player *p, int pool, const __u64 *h, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		struct mark *m = mark_of(p, pool, h[i]);

		if (m->magic && (m->magic != MARK || m->owner != p->ids[pool]))
			add(&tally->foreign, 1);
		claim(p, pool, h[i]);
	}
	add(&tally->blocks, n);
}

/* What another has left: his mark, or nothing if he was killed too soon. */
static void check_mark(const struct player *p, int pool, __u64 handle)
{
	struct mark *m = mark_of(p, pool, handle);

	if (m->magic && m->magic != MARK)
		add(&tally->foreign, 1);
	claim(p, pool, handle);
}

static void receive(struct player *p, int pool)
{
	struct fixedpool_recv_entry e[16];
	int i, n = fp_recv(p->fds[pool], 16, e,
			   fp_random(&p->seed) % 2 * 2 * FP_MSEC);

	for (i = 0; i < n; i++) {
		__u64 h = e[i].handle;

		if (e[i].rights & FIXEDPOOL_RIGHT_WRITE)
			check_mark(p, pool, h);
		if (fp_random(&p->seed) % 4)
			fp_free(p->fds[pool], &h, 1, NULL);
	}
	if (n > 0)
		add(&tally->received, n);
	else if (n != -EAGAIN && n != -ETIMEDOUT && n != -EDQUOT &&
		 n != -ENOMEM)
		add(&tally->bad, 1);
}

static void give(struct player *p, int pool)
{
	__u32 to = tally->ids[fp_random(&p->seed) % players][pool];
	__u32 flags = fp_random(&p->seed) % 3 ? 0 : FIXEDPOOL_SEND_SHARE;
	__u32 count = 1 + fp_random(&p->seed) % 12, done;
	__u64 h[12];
	int n = fp_alloc_wait(p->fds[pool], 0, count, h,
			      fp_random(&p->seed) % 3 * FP_MSEC);

	if (n <= 0)
		return;
	take(p, pool, h, n);
	if (fp_random(&p->seed) % 4 == 0)
		fp_keep(p->fds[pool], 0, h, n, 1 + pool, NULL);
	if (flags && fp_random(&p->seed) % 2)
		flags |= FIXEDPOOL_SEND_READONLY;
	fp_send(p->fds[pool], to, flags, h, n, &done);
	if (done <= 12)
		add(&tally->sent, done);
	if (fp_random(&p->seed) % 3)
		fp_free(p->fds[pool], h, n, NULL);
}

static void inherit(struct player *p, int pool)
{
	__u64 h[8];
	__u32 done;
	int i, n = fp_adopt(p->fds[pool], 1 + pool, 8, h, &done);

	for (i = 0; i < n; i++)
		check_mark(p, pool, h[i]);
	if (n > 0)
		add(&tally->adopted, n);
	if (fp_random(&p->seed) % 4 == 0)
		fp_gc(p->fds[pool], 0);
}

/* A descriptor goes into a socket that all share, and another one out. */
static void pass(struct player *p, int pool)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = pool;
	struct iovec io = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = -1;
	__u64 h;

	memcpy(CMSG_DATA(&control.head), &p->fds[pool], sizeof(int));
	if (fp_random(&p->seed) % 2) {
		sendmsg(p->mailbox, &message, MSG_DONTWAIT);
		return;
	}
	message.msg_controllen = sizeof(control);
	if (recvmsg(p->mailbox, &message, MSG_DONTWAIT) != 1 ||
	    !message.msg_controllen)
		return;
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(int));
	/* as good as the one who sent it, who may be dead */
	if (!fp_take(fd, 1, &h) && fp_random(&p->seed) % 2)
		fp_free(fd, &h, 1, NULL);
	close(fd);
	add(&tally->passed, 1);
}

/* A child shares the client, and dies while it uses it. */
static void split(struct player *p, int pool)
{
	pid_t parent = getpid(), pid = fp_fork();
	__u64 h[4];

	if (!pid) {
		/* he may have died before the child could ask to be told */
		while (getppid() == parent &&
		       fp_alloc_wait(p->fds[pool], 0, 4, h, 0) > 0)
			fp_free(p->fds[pool], h, 2, NULL);
		raise(SIGKILL);
	}
	if (pid > 0)
		fp_reap(pid);
	add(&tally->forked, 1);
}

/* A pool that nobody else knows, or all by the same name. */
static void make_pool(struct player *p)
{
	struct fixedpool_pool_create_args args = fp_create_args(512, 64);
	__u64 h[16];
	int fd;

	args.flags = pool_flags[fp_random(&p->seed) % POOLS];
	args.gc_age_ms = 1;
	args.gc_threshold = 1;
	strcpy(args.name, fp_random(&p->seed) % 2 ? "chaos" : "");
	fd = fp_new_pool(&args);
	if (fd < 0 && args.name[0]) {
		fd = fp_open(O_RDWR);
		fp_bind(fd, "chaos", 0, 0);
	}
	fp_take(fd, 16, h);
	if (args.name[0])
		fp_destroy(fd, "chaos");
	close(fd);
	add(&tally->pools, 1);
}

static void play(struct player *p)
{
	for (;;) {
		int pool = fp_random(&p->seed) % POOLS;

		switch (fp_random(&p->seed) % 64) {
		case 0 ... 23:
			give(p, pool);
			break;
		case 24 ... 43:
			receive(p, pool);
			break;
		case 44 ... 49:
			inherit(p, pool);
			break;
		case 50 ... 54:
			pass(p, pool);
			break;
		case 55 ... 58:
			fp_free_all(p->fds[pool], NULL);
			break;
		case 59:
			split(p, pool);
			break;
		case 60 ... 61:
			make_pool(p);
			break;
		case 62:
			/* a mapping of its own, let go of in part */
			munmap(p->maps[pool] + STRIDE, STRIDE);
			munmap(p->maps[pool], BLOCKS * STRIDE);
			p->maps[pool] = fp_map(p->fds[pool],
					       PROT_READ | PROT_WRITE);
			FP_CHILD_OK(p->maps[pool] != MAP_FAILED);
			break;
		default:
			fp_sleep_us(fp_random(&p->seed) % 300);
		}
	}
}

static pid_t start_player(const int *pools, int mailbox, int nr, __u64 seed)
{
	struct player p = {
		.seed = seed | 1, .mailbox = mailbox, .ids = tally->ids[nr],
	};
	pid_t pid = fp_fork();
	int i;

	if (pid)
		return pid;
	fp_catch();
	for (i = 0; i < POOLS; i++) {
		p.fds[i] = fp_join(pools[i], 0);
		p.maps[i] = p.fds[i] < 0 ? MAP_FAILED :
			    fp_map(p.fds[i], PROT_READ | PROT_WRITE);
		/* the memory cgroup may have none left for it */
		if (p.maps[i] == MAP_FAILED)
			for (;;)
				pause();
		p.ids[i] = fp_client_id(p.fds[i]);
	}
	play(&p);
	return 0;
}

/* --- what goes on beside them ---------------------------------------------- */

static void *unload(void *unused)
{
	(void)unused;
	while (!stopped()) {
		add(&tally->unloads, 1);
		if (!syscall(SYS_delete_module, "fixedpool", O_NONBLOCK))
			add(&tally->unloaded, 1);
		else if (errno == EWOULDBLOCK || errno == EBUSY)
			add(&tally->unloads_busy, 1);
		fp_sleep_us(500);
	}
	return NULL;
}

/* Caches are dropped, memory is moved about. */
static void *press(void *unused)
{
	(void)unused;
	while (!stopped()) {
		fp_write_file("/proc/sys/vm/drop_caches", "3");
		fp_write_file("/proc/sys/vm/compact_memory", "1");
		fp_sleep_us(20000);
	}
	return NULL;
}

/*
 * Some players get a memory cgroup that is too small for what they want: they
 * are made to wait, and their memory is looked through again and again. A hard
 * limit would have them killed with a stack dump in the log.
 */
static bool limit_memory(void)
{
	fp_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0700);
	return !fp_write_file(CGROUP "/memory.high", "1000000");
}

static void into_cgroup(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	fp_write_file(CGROUP "/cgroup.procs", text);
}

/* --- fixture ----------------------------------------------------------------- */

FIXTURE(chaos) {
	int pools[POOLS];
	int mailbox[2];
	int before;
	__u64 seed;
	unsigned long kills, lost, looks;
};

FIXTURE_SETUP(chaos)
{
	struct fixedpool_pool_create_args args;
	int i;

	self->before = fp_pools();
	self->seed = fp_seed();
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, tally);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, self->mailbox));
	for (i = 0; i < POOLS; i++) {
		args = fp_create_args(STRIDE, BLOCKS);
		args.chunk_blocks = 16;
		args.flags = pool_flags[i];
		args.quota = BLOCKS / 2;
		args.gc_age_ms = 50;
		args.gc_threshold = 16;
		self->pools[i] = fp_new_pool(&args);
		ASSERT_LE(0, self->pools[i]);
	}
}

/* A descriptor in the socket is a client that lives. */
static void empty_mailbox(int mailbox)
{
	char buf[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = buf,
	};
	int fd;

	for (;;) {
		message.msg_controllen = sizeof(buf);
		if (recvmsg(mailbox, &message, MSG_DONTWAIT) < 0)
			return;
		if (!message.msg_controllen)
			continue;
		memcpy(&fd, CMSG_DATA((struct cmsghdr *)buf), sizeof(fd));
		close(fd);
	}
}

/*
 * All players are dead, and soon their children, too: blocks that are not free
 * then are lost.
 */
static unsigned long lost_blocks(int fd, bool *unbalanced)
{
	struct fixedpool_pool_query_args q = {};
	__u64 lost, end = fp_now_ms() + 20000;

	while (!fp_query(fd, &q) && q.clients != 1 && fp_now_ms() < end)
		fp_sleep_us(5000);
	/* what the last of them has left, too */
	fp_gc(fd, FIXEDPOOL_GC_ALL);
	fp_query(fd, &q);
	*unbalanced |= q.clients != 1 || fp_unbalanced(fd);
	lost = q.total - q.free - q.cached;
	if (lost)
		printf("# %u clients, %llu held, %llu in inboxes, %llu orphans\n",
		       q.clients, q.held, q.inbox, q.orphaned);
	return lost;
}

FIXTURE_TEARDOWN(chaos)
{
	int i;

	for (i = 0; i < POOLS; i++)
		close(self->pools[i]);
	close(self->mailbox[0]);
	close(self->mailbox[1]);
	fp_forget("chaos");
	EXPECT_EQ(self->before, fp_pools_settle(self->before));
	rmdir(CGROUP);
	printf("# %lu SIGKILLs survived, %lu blocks lost in %lu looks\n",
	       self->kills, self->lost, self->looks);
	printf("# %lu attempts to unload, %lu refused\n", tally->unloads,
	       tally->unloads_busy);
	printf("# %lu blocks allocated, %lu sent, %lu received, %lu adopted\n",
	       tally->blocks, tally->sent, tally->received, tally->adopted);
	printf("# %lu descriptors passed, %lu forks, %lu pools\n",
	       tally->passed, tally->forked, tally->pools);
}

/* Has to be alive until then. */
static void end_player(struct __test_metadata *_metadata, pid_t *pid,
		       unsigned long *kills)
{
	if (*pid < 0)
		return;
	EXPECT_EQ(0, waitpid(*pid, NULL, WNOHANG));
	kill(*pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, fp_reap(*pid));
	*pid = -1;
	*kills += 1;
}

#define END_ALL() do {							\
	for (i = 0; i < players; i++)					\
		end_player(_metadata, &pid[i], &self->kills);		\
	empty_mailbox(self->mailbox[0]);				\
	empty_mailbox(self->mailbox[1]);				\
	for (i = 0; i < POOLS; i++)					\
		self->lost += lost_blocks(self->pools[i], &unbalanced);	\
	self->looks++;							\
	ASSERT_EQ(0, self->lost);					\
	ASSERT_FALSE(unbalanced);					\
} while (0)

TEST_F_TIMEOUT(chaos, players, 36000)
{
	__u64 end = fp_now_ms() + 1000 * fp_scale("FP_SECONDS", 20);
	__u64 look = fp_now_ms() + 2000;
	bool limited = limit_memory(), unbalanced = false;
	pid_t pid[PLAYERS_MAX];
	pthread_t threads[2];
	unsigned int i;

	players = fp_scale("FP_PLAYERS", 5);
	ASSERT_GE(PLAYERS_MAX, players);
	if (!limited)
		printf("# SKIP the memory limit: no memory cgroup here\n");
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, unload, NULL));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, press, NULL));
	for (i = 0; i < players; i++)
		pid[i] = -1;
	while (fp_now_ms() < end) {
		i = fp_random(&self->seed) % players;
		end_player(_metadata, &pid[i], &self->kills);
		pid[i] = start_player(self->pools, self->mailbox[i & 1], i,
				      fp_random(&self->seed));
		ASSERT_LT(0, pid[i]);
		if (limited && i % 2)
			into_cgroup(pid[i]);
		fp_sleep_us(fp_random(&self->seed) % 12000);
		if (fp_now_ms() > look) {
			END_ALL();
			look = fp_now_ms() + 2000;
		}
	}
	END_ALL();
	__atomic_store_n(&tally->stop, true, __ATOMIC_RELAXED);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(0, tally->foreign);
	EXPECT_EQ(0, tally->bad);
	EXPECT_EQ(0, tally->unloaded);
	EXPECT_LT(0, tally->unloads_busy);
	EXPECT_LT(0, self->kills);
	EXPECT_LT(0, tally->received);
	EXPECT_LT(0, tally->adopted);
}

TEST_HARNESS_MAIN
