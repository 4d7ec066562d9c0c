// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL at each point at which a call touches the memory of its caller: the
 * call stands still there, by userfaultfd, while the test looks at what is
 * done so far, kills it or its peer, and counts. Every block is in exactly one
 * place afterwards, and as far along as the call had come. With FP_ROUNDS there
 * are more points.
 */
#include "fp_own.h"
#include "fp_uffd.h"

#define BLOCKS	512
#define BATCH	384	/* two pieces of the kernel's */
#define PIECE	192
#define TAG	31

enum call { ALLOC, ALLOC_ALL, FREE, SEND, SHARE, RECV, KEEP, ADOPT, CALLS };

static const char *const names[] = {
	"ALLOC", "ALLOC with ALL", "FREE", "SEND", "SEND with SHARE", "RECV",
	"KEEP", "ADOPT",
};

/* What stands in the way of the call: an element of the array, or @done. */
#define AT_DONE	BATCH

static const int points[] = { 0, 1, PIECE - 1, PIECE, PIECE + 5, AT_DONE };

/* What comes over it there. */
enum fate { KILLED, KILLED_BUT_ITS_CLIENT, PEER_GONE, FATES };

/* Shared between the test and the child that makes the call. */
struct shared {
	__u64 handles[BATCH];
	int uffd;
	int ret;
	__u32 done;
};

FIXTURE(kill_points) {
	struct fixedpool_pool_create_args args;
	int a;			/* looks on, and is left in the end */
	struct shared *shared;
	int pools;
};

FIXTURE_VARIANT(kill_points) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(kill_points, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(kill_points, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

FIXTURE_SETUP(kill_points)
{
	self->pools = fp_pools();
	self->args = fp_create_args(64, BLOCKS);
	self->args.flags = variant->flags;
	self->args.min_blocks = BLOCKS;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(kill_points)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	munmap(self->shared, sizeof(*self->shared));
	close(self->a);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static bool reads_handles(enum call call)
{
	return call == FREE || call == SEND || call == SHARE || call == KEEP;
}

static size_t element(enum call call)
{
	return call == RECV ? sizeof(struct fixedpool_recv_entry) :
			      sizeof(__u64);
}

union call_args {
	struct fixedpool_alloc_args alloc;
	struct fixedpool_handles_args handles;
	struct fixedpool_send_args send;
	struct fixedpool_recv_args recv;
	struct fixedpool_keep_args keep;
	struct fixedpool_adopt_args adopt;
	struct { __u32 size, flags, count, done; } all;
};

static unsigned long fill(union call_args *args, enum call call, void *array,
			  __u32 peer)
{
	__u64 to = (uintptr_t)array;

	memset(args, 0, sizeof(*args));
	args->all.count = BATCH;
	switch (call) {
	case ALLOC:
	case ALLOC_ALL:
		args->alloc.size = sizeof(args->alloc);
		args->alloc.flags = call == ALLOC ? 0 : FIXEDPOOL_ALLOC_ALL;
		args->alloc.handles = to;
		return FIXEDPOOL_IOC_ALLOC;
	case FREE:
		args->handles.size = sizeof(args->handles);
		args->handles.handles = to;
		return FIXEDPOOL_IOC_FREE;
	case SEND:
	case SHARE:
		args->send.size = sizeof(args->send);
		args->send.flags = call == SEND ? 0 : FIXEDPOOL_SEND_SHARE;
		args->send.handles = to;
		args->send.client = peer;
		return FIXEDPOOL_IOC_SEND;
	case RECV:
		args->recv.size = sizeof(args->recv);
		args->recv.entries = to;
		return FIXEDPOOL_IOC_RECV;
	case KEEP:
		args->keep.size = sizeof(args->keep);
		args->keep.handles = to;
		args->keep.tag = TAG;
		return FIXEDPOOL_IOC_KEEP;
	default:
		args->adopt.size = sizeof(args->adopt);
		args->adopt.handles = to;
		args->adopt.tag = TAG;
		return FIXEDPOOL_IOC_ADOPT;
	}
}

/*
 * In the child: a call that stands still at @point. The array begins so that
 * element @point is the first on a page, which is guarded; the struct lies on a
 * page of its own behind, which is guarded for @done.
 */
static void stand_still(struct shared *shared, int fd, enum call call,
			int point, __u32 peer)
{
	char *m = mmap(NULL, 8 * FP_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	size_t before = point == AT_DONE ? 0 : point * element(call);
	char *guarded = m + 2 * FP_PAGE, *args = m + 6 * FP_PAGE;
	char *array = guarded - before;
	bool reading = reads_handles(call) && point != AT_DONE;
	int uffd = fp_uffd_open();
	unsigned long cmd;

	FP_CHILD_OK(uffd >= 0);
	if (reads_handles(call))
		memcpy(array, shared->handles, sizeof(shared->handles));
	cmd = fill((union call_args *)args, call, array, peer);
	FP_CHILD_OK(!fp_uffd_guard(uffd, point == AT_DONE ? args : guarded,
				   reading));
	/* release: the test reads it when the fault is there */
	__atomic_store_n(&shared->uffd, uffd, __ATOMIC_RELEASE);
	shared->ret = fp_ioctl(fd, cmd, args);
	shared->done = ((union call_args *)args)->all.done;
	_exit(0);
}

/* Waits until the child stands still; its userfaultfd, or -errno. */
static int caught(struct shared *shared, pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), fd = -1, i;

	for (i = 0; i < 5000; i++) {
		if (__atomic_load_n(&shared->uffd, __ATOMIC_ACQUIRE) >= 0)
			break;
		fp_sleep_us(1000);
	}
	if (shared->uffd >= 0)
		fd = syscall(SYS_pidfd_getfd, pidfd, shared->uffd, 0);
	close(pidfd);
	if (fd < 0)
		return -errno;
	if (fp_uffd_caught(fd))
		return fd;
	close(fd);
	return -ETIMEDOUT;
}

/* Lets the child go on. */
static int let_go(struct shared *shared, int uffd, bool reading, int point)
{
	static char page[FP_PAGE] __attribute__((aligned(4096)));
	struct uffd_msg msg;
	struct uffdio_copy copy = { .src = (uintptr_t)page, .len = FP_PAGE };

	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -errno;
	copy.dst = msg.arg.pagefault.address & ~(FP_PAGE - 1);
	if (!reading)
		return fp_uffd_let_write(uffd, (void *)(uintptr_t)copy.dst);
	memset(page, 0, sizeof(page));
	memcpy(page, shared->handles + point, (BATCH - point) * sizeof(__u64));
	return ioctl(uffd, UFFDIO_COPY, &copy) ? -errno : 0;
}

/* Elements that are through when the call stands still at @point. */
static int through(enum call call, int point)
{
	switch (call) {
	case ALLOC:
		/* told of by the piece: at @done, the first one is not */
		return point == AT_DONE ? 0 : point / PIECE * PIECE;
	case ALLOC_ALL:
		return 0;
	case RECV:
	case ADOPT:
		/* what was told of is through, of a piece too */
		return point == AT_DONE ? 0 : point;
	default:
		return point == AT_DONE ? BATCH : point / PIECE * PIECE;
	}
}

/* Where blocks are, as the pool says, and as its client @v sees it. */
struct where {
	__u64 held, inbox, orphaned;
	__u32 mine;
};

static struct where where_are(int a, int v)
{
	struct fixedpool_pool_query_args q;
	struct where w = { .mine = v < 0 ? 0 : fp_client_held(v) };

	if (!fp_query(a, &q)) {
		w.held = q.held;
		w.inbox = q.inbox;
		w.orphaned = q.orphaned;
	}
	return w;
}

/* Where they must be after a kill, from how far the call had come. */
static struct where where_expected(enum call call, int n, bool client_lives)
{
	struct where w = { 0 };

	switch (call) {
	case ALLOC:
	case ALLOC_ALL:
		w.mine = n;
		break;
	case FREE:
		w.mine = BATCH - n;
		break;
	case SEND:
		w.mine = BATCH - n;
		w.inbox = n;
		break;
	case SHARE:
		w.mine = BATCH;
		break;
	case RECV:
		w.mine = n;
		w.inbox = client_lives ? BATCH - n : 0;
		break;
	case KEEP:
		w.mine = BATCH;
		w.orphaned = client_lives ? 0 : n;
		break;
	default:
		w.mine = n;
		/* what an adopter got is kept on */
		w.orphaned = client_lives ? BATCH - n : BATCH;
	}
	w.held = w.mine;
	if (!client_lives) {
		w.mine = 0;
		/* shares are in the inbox of a peer that holds them, counted */
		w.held = call == SHARE ? n : 0;
	}
	return w;
}

/* Blocks as the call finds them: @v is the caller's client, @p its peer. */
static int prepare(struct shared *shared, enum call call, int v, int p)
{
	int from = call == RECV || call == ADOPT ? p : v, ret;

	if (call == ALLOC || call == ALLOC_ALL)
		return 0;
	ret = fp_take(from, BATCH, shared->handles);
	if (!ret && call == RECV)
		ret = fp_send(p, fp_client_id(v), 0, shared->handles, BATCH,
			      NULL);
	if (!ret && call == ADOPT)
		ret = fp_keep(p, 0, shared->handles, BATCH, TAG, NULL);
	return ret;
}

/* The parcels that are left are those which were not received, in order. */
static bool left_in_order(struct shared *shared, int v, int n)
{
	struct fixedpool_recv_entry e[BATCH];
	int i, got = fp_recv(v, BATCH, e, 0);

	for (i = 0; i < got; i++)
		if (e[i].handle != shared->handles[n + i])
			return false;
	return got == BATCH - n;
}

static void one_point(struct __test_metadata *_metadata,
		      struct _test_data_kill_points *self, enum call call,
		      int point, enum fate fate)
{
	int v = fp_join(self->a, 0), p = fp_join(self->a, 0), uffd;
	bool reading = reads_handles(call) && point != AT_DONE;
	int n = through(call, point);
	struct where got, want;
	__u64 all[BLOCKS];
	__u32 peer;
	pid_t pid;

	ASSERT_LE(0, v);
	ASSERT_LE(0, p);
	peer = fp_client_id(p);
	ASSERT_EQ(0, prepare(self->shared, call, v, p));
	if (call == ADOPT) {
		close(p);
		p = fp_join(self->a, 0);
	}
	self->shared->uffd = -1;
	self->shared->ret = 1;
	pid = fp_fork();
	if (!pid) {
		close(p);
		stand_still(self->shared, v, call, point, peer);
	}
	if (fate == KILLED)
		close(v);
	uffd = caught(self->shared, pid);
	ASSERT_LE(0, uffd) TH_LOG("errno %d", -uffd);
	if (fate == PEER_GONE) {
		close(p);
		p = -1;
		EXPECT_EQ(0, let_go(self->shared, uffd, reading, point));
		EXPECT_EQ(0, fp_reap(pid));
		/* whoever was sent to is no more, after the first piece */
		if (call == SEND || call == SHARE) {
			EXPECT_EQ(n < BATCH ? -ESRCH : 0, self->shared->ret);
			EXPECT_EQ(n, self->shared->done);
			EXPECT_EQ(call == SEND ? BATCH - n : BATCH,
				  fp_client_held(v));
		} else {
			EXPECT_EQ(0, self->shared->ret);
			EXPECT_EQ(BATCH, self->shared->done);
		}
		EXPECT_EQ(0, where_are(self->a, v).inbox);
	} else {
		kill(pid, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
		got = where_are(self->a, fate == KILLED ? -1 : v);
		want = where_expected(call, n, fate != KILLED);
		EXPECT_EQ(want.mine, got.mine);
		EXPECT_EQ(want.held, got.held);
		EXPECT_EQ(want.inbox, got.inbox);
		EXPECT_EQ(want.orphaned, got.orphaned);
		if (call == RECV && fate != KILLED) {
			EXPECT_TRUE(left_in_order(self->shared, v, n));
		}
	}
	close(uffd);
	EXPECT_EQ(0, fp_unbalanced(self->a));
	if (fate != KILLED)
		close(v);
	if (p >= 0)
		close(p);
	fp_gc(self->a, FIXEDPOOL_GC_ALL);
	/* none is lost, none is doubled */
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_take(self->a, BLOCKS, all));
	EXPECT_EQ(0, fp_free_all(self->a, NULL));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	if (!__test_passed(_metadata))
		TH_LOG("%s, at %d, fate %d", names[call], point, fate);
}

TEST_F_TIMEOUT(kill_points, each, 120)
{
	int uffd = fp_uffd_open();
	unsigned int i;
	enum call call;
	enum fate fate;

	if (uffd < 0)
		SKIP(return, "no userfaultfd here: errno %d", -uffd);
	close(uffd);
	for (call = 0; call < CALLS; call++) {
		for (i = 0; i < ARRAY_SIZE(points); i++) {
			/* the middle of a piece is much like its beginning */
			if (points[i] % PIECE > 1 && fp_rounds(1) == 1)
				continue;
			for (fate = 0; fate < FATES; fate++) {
				one_point(_metadata, self, call, points[i],
					  fate);
				ASSERT_TRUE(__test_passed(_metadata));
			}
		}
	}
}

TEST_HARNESS_MAIN
