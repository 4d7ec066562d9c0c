// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers in flight when a block changes hands: a disk that stores late, and
 * sockets and pipes that are read late. What is late stays with the old page.
 * The disk is the rig's, which answers after milliseconds. FP_ROUNDS multiplies
 * the rounds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include <linux/aio_abi.h>

#include "fp_pair.h"
#include "fp_uring.h"

#define BLOCKS	64

FIXTURE(flight) {
	FP_PAIR;
	__u64 h[BLOCKS];
	char *late;
	int disk;
};

FIXTURE_SETUP(flight)
{
	unsigned int i;

	ASSERT_EQ(0, fp_pair_open(&self->pair, BLOCKS, 0));
	self->late = malloc(BLOCKS * SIZE);
	ASSERT_NE(NULL, self->late);
	self->disk = -1;
	for (i = 0; i < ARRAY_SIZE(fp_disks) && self->disk < 0; i++)
		self->disk = open(fp_disks[i], O_RDONLY | O_DIRECT | O_CLOEXEC);
}

FIXTURE_TEARDOWN(flight)
{
	EXPECT_EQ(0, fp_pair_close(&self->pair));
	if (self->disk >= 0)
		close(self->disk);
	free(self->late);
}

enum how { FREED, SENT, SHARED, FREED_ALL, WAYS };

/*
 * All of A's blocks become B's, in one of several ways: 0, or -errno. What B
 * finds in them is @mark where bytes go along, else 0.
 */
static int hand_over(struct _test_data_flight *self, enum how how, char mark)
{
	struct fixedpool_recv_entry e[BLOCKS];
	bool carried = how == SENT || how == SHARED;
	int i, ret = 0;

	if (how == FREED)
		ret = fp_free(self->a, self->h, BLOCKS, NULL);
	if (how == FREED_ALL)
		ret = fp_free_all(self->a, NULL);
	if (carried)
		ret = fp_send(self->a, self->idb, how == SHARED ?
			      FIXEDPOOL_SEND_SHARE : 0, self->h, BLOCKS, NULL);
	if (!ret && how == SHARED)
		ret = fp_free(self->a, self->h, BLOCKS, NULL);
	if (ret)
		return ret;
	if (carried)
		ret = fp_recv(self->b, BLOCKS, e, 0) == BLOCKS ? 0 : FP_LIES;
	else
		ret = fp_take(self->b, BLOCKS, self->h);
	if (ret)
		return ret;
	for (i = 0; i < BLOCKS; i++)
		if (!fp_all_bytes(at(self->mb, self->h[i]),
				  carried ? mark : 0, SIZE))
			return -EUCLEAN;
	return 0;
}

/* Blocks whose bytes are not B's any more. */
static int lost(struct _test_data_flight *self)
{
	int i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += !fp_all_bytes(at(self->mb, self->h[i]), 'B', SIZE);
	return n;
}

/* --- read late: pipes and sockets that refer to pages --------------------- */

/* All of A's blocks, in a pipe that has room for them. */
static int into_pipe(struct _test_data_flight *self, int to)
{
	struct iovec iov[BLOCKS];
	int i;

	for (i = 0; i < BLOCKS; i++)
		iov[i] = (struct iovec){ at(self->ma, self->h[i]), SIZE };
	return vmsplice(to, iov, BLOCKS, 0) == BLOCKS * SIZE ? 0 : -errno;
}

static int read_late(struct _test_data_flight *self, int from)
{
	size_t n = 0;
	ssize_t got;

	while (n < BLOCKS * SIZE) {
		got = read(from, self->late + n, BLOCKS * SIZE - n);
		if (got <= 0)
			return -EIO;
		n += got;
	}
	return fp_all_bytes(self->late, 'A', BLOCKS * SIZE) ? 0 : -EUCLEAN;
}

/*
 * @to and @from are the two ends of something that keeps references on pages
 * which are spliced into it out of @pipe. Without a socket it is the pipe.
 * The last of several holds leaves the pages with their pins, by design, so
 * SHARED is not among the ways here.
 */
static int late_reader(struct _test_data_flight *self, const int *pipe, int to,
		       int from, long i)
{
	static const enum how ways[] = { FREED, SENT, FREED_ALL };
	__u64 before = replaced(self->a);
	int ret, k;

	ret = fp_take(self->a, BLOCKS, self->h);
	for (k = 0; !ret && k < BLOCKS; k++)
		memset(at(self->ma, self->h[k]), 'A', SIZE);
	if (!ret)
		ret = into_pipe(self, pipe[1]);
	for (k = 0; !ret && to >= 0 && k < BLOCKS; k++)
		if (splice(pipe[0], NULL, to, NULL, SIZE, 0) != SIZE)
			ret = -errno;
	if (!ret)
		ret = hand_over(self, ways[i % ARRAY_SIZE(ways)], 'A');
	if (ret)
		return ret;
	if (replaced(self->a) != before + BLOCKS)
		return -EBUSY;
	for (k = 0; k < BLOCKS; k++)
		memset(at(self->mb, self->h[k]), 'B', SIZE);
	ret = read_late(self, from);
	if (!ret && lost(self))
		ret = -EUCLEAN;
	fp_free_all(self->b, NULL);
	return ret;
}

/* Ten thousand pins and more. */
TEST_F_TIMEOUT(flight, pipe, 120)
{
	long i, rounds = fp_rounds(10048 / BLOCKS);
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(BLOCKS * SIZE, fcntl(fds[1], F_SETPIPE_SZ, BLOCKS * SIZE));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, late_reader(self, fds, -1, fds[0], i))
			TH_LOG("round %ld", i);
	}
	close(fds[0]);
	close(fds[1]);
}

/* A connection to ourselves by TCP, what is sent shown at @pair[1]. */
static int tcp_pair(int *pair)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sa);
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -errno;
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pair[1] = -1;
	if (!bind(s, (struct sockaddr *)&sa, sizeof(sa)) && !listen(s, 1) &&
	    !getsockname(s, (struct sockaddr *)&sa, &len) &&
	    !setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){ 1 << 20 },
			sizeof(int)) &&
	    !setsockopt(s, SOL_SOCKET, SO_RCVBUF, &(int){ 1 << 20 },
			sizeof(int)) &&
	    !connect(pair[0], (struct sockaddr *)&sa, sizeof(sa)))
		pair[1] = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	if (pair[1] >= 0)
		setsockopt(pair[0], IPPROTO_TCP, 1 /* TCP_NODELAY */, &one,
			   sizeof(one));
	close(s);
	return pair[1] < 0 ? -errno : 0;
}

TEST_F_TIMEOUT(flight, sockets, 120)
{
	long i, k, rounds = fp_rounds(12);
	int fds[2], pair[2][2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(BLOCKS * SIZE, fcntl(fds[1], F_SETPIPE_SZ, BLOCKS * SIZE));
	ASSERT_EQ(0, tcp_pair(pair[0]));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair[1]));
	ASSERT_EQ(0, setsockopt(pair[1][0], SOL_SOCKET, SO_SNDBUFFORCE,
				&(int){ 1 << 21 }, sizeof(int)));
	for (i = 0; i < 2 * rounds; i++) {
		k = i % 2;
		ASSERT_EQ(0, late_reader(self, fds, pair[k][0], pair[k][1],
					 i / 2))
			TH_LOG("%s, round %ld", k ? "unix" : "tcp", i / 2);
	}
	for (k = 0; k < 2; k++) {
		close(pair[k][0]);
		close(pair[k][1]);
	}
	close(fds[0]);
	close(fds[1]);
}

/* --- stored late: reads from a disk --------------------------------------- */

/* Three ways to have reads under way, one of the last for each block. */
struct engine {
	const char *name;
	int (*open)(struct _test_data_flight *self, struct engine *e);
	int (*start)(struct _test_data_flight *self, struct engine *e);
	unsigned int (*done)(struct engine *e);
	int (*reap)(struct engine *e);		/* all: how many were good */
	void (*close)(struct engine *e);
	aio_context_t aio;
	struct iocb iocb[BLOCKS];
	struct io_event event[BLOCKS];
	unsigned int events;
	struct uring u;
	bool fixed;
};

static int aio_open(struct _test_data_flight *self, struct engine *e)
{
	(void)self;
	e->aio = 0;
	return syscall(SYS_io_setup, BLOCKS, &e->aio) ? -errno : 0;
}

static int aio_start(struct _test_data_flight *self, struct engine *e)
{
	struct iocb *list[BLOCKS];
	int i;

	for (i = 0; i < BLOCKS; i++) {
		e->iocb[i] = (struct iocb){
			.aio_lio_opcode = IOCB_CMD_PREAD,
			.aio_fildes = self->disk,
			.aio_buf = (uintptr_t)at(self->ma, self->h[i]),
			.aio_nbytes = SIZE, .aio_offset = i * SIZE,
		};
		list[i] = &e->iocb[i];
	}
	e->events = 0;
	return syscall(SYS_io_submit, e->aio, BLOCKS, list) == BLOCKS ? 0 :
	       -errno;
}

static unsigned int aio_done(struct engine *e)
{
	struct timespec none = { 0, 0 };
	long n = syscall(SYS_io_getevents, e->aio, 0, BLOCKS - e->events,
			 e->event + e->events, &none);

	e->events += n > 0 ? n : 0;
	return e->events;
}

static int aio_reap(struct engine *e)
{
	unsigned int i;
	int good = 0;
	long n;

	while (e->events < BLOCKS) {
		n = syscall(SYS_io_getevents, e->aio, 1, BLOCKS - e->events,
			    e->event + e->events, NULL);
		if (n <= 0)
			return -errno;
		e->events += n;
	}
	for (i = 0; i < BLOCKS; i++)
		good += e->event[i].res == SIZE;
	return good;
}

static void aio_close(struct engine *e)
{
	syscall(SYS_io_destroy, e->aio);
}

static int ring_open(struct _test_data_flight *self, struct engine *e)
{
	(void)self;
	return fp_uring_open(&e->u, BLOCKS);
}

/* Can a file's pages be registered? Long-term pins of such came with 6.5. */
static bool kernel_registers_files(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;

	if (uname(&uts) || sscanf(uts.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 5);
}

static int ring_register(struct _test_data_flight *self, struct engine *e)
{
	struct iovec iov = { self->ma, self->args.mapping_size };

	return syscall(SYS_io_uring_register, e->u.fd, IORING_REGISTER_BUFFERS,
		       &iov, 1) ? -errno : 0;
}

static int ring_start(struct _test_data_flight *self, struct engine *e)
{
	struct io_uring_sqe sqe[BLOCKS];
	int i, ret = 0;

	if (e->fixed)
		ret = ring_register(self, e);
	for (i = 0; i < BLOCKS; i++)
		sqe[i] = (struct io_uring_sqe){
			.opcode = e->fixed ? IORING_OP_READ_FIXED :
					     IORING_OP_READ,
			.fd = self->disk,
			.addr = (uintptr_t)at(self->ma, self->h[i]),
			.len = SIZE, .off = i * SIZE,
		};
	return ret ? ret : fp_uring_submit(&e->u, sqe, BLOCKS);
}

static unsigned int ring_done(struct engine *e)
{
	return fp_uring_done(&e->u);
}

static int ring_reap(struct engine *e)
{
	int i, good = 0;

	for (i = 0; i < BLOCKS; i++)
		good += fp_uring_reap(&e->u) == SIZE;
	if (e->fixed)
		syscall(SYS_io_uring_register, e->u.fd,
			IORING_UNREGISTER_BUFFERS, NULL, 0);
	return good;
}

static void ring_close(struct engine *e)
{
	close(e->u.fd);
}

static struct engine engines[] = {
	{ "aio", aio_open, aio_start, aio_done, aio_reap, aio_close,
	  .fixed = false },
	{ "io_uring", ring_open, ring_start, ring_done, ring_reap, ring_close,
	  .fixed = false },
	{ "io_uring, registered", ring_open, ring_start, ring_done, ring_reap,
	  ring_close, .fixed = true },
};

/*
 * Reads are under way into A's blocks, every other time into untouched ones;
 * they become B's; the disk stores what it has then, somewhere else. Rounds in
 * which all of it came before the block was B's prove nothing and are counted.
 */
static void late_disk(struct __test_metadata *_metadata,
		      struct _test_data_flight *self, struct engine *e)
{
	static const enum how ways[] = { FREED, FREED_ALL, SENT };
	long i, rounds = fp_rounds(24), proved = 0;
	int k, ret;

	if (self->disk < 0)
		SKIP(return, "no disk: this kernel has no NVMe, or no rig");
	ret = e->open(self, e);
	if (ret)
		SKIP(return, "no %s here: errno %d", e->name, -ret);
	for (i = 0; i < rounds; i++) {
		enum how how = ways[i % ARRAY_SIZE(ways)];

		ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
		/* what is sent while it is read into may have come or not */
		for (k = 0; (i & 1 || how == SENT) && k < BLOCKS; k++)
			memset(at(self->ma, self->h[k]), 0, SIZE);
		ASSERT_EQ(0, e->start(self, e));
		ASSERT_EQ(0, hand_over(self, how, 0)) TH_LOG("round %ld", i);
		for (k = 0; k < BLOCKS; k++)
			memset(at(self->mb, self->h[k]), 'B', SIZE);
		proved += e->done(e) < BLOCKS;
		ASSERT_EQ(BLOCKS, e->reap(e));
		ASSERT_EQ(0, lost(self)) TH_LOG("%s, round %ld", e->name, i);
		ASSERT_EQ(0, fp_free_all(self->b, NULL));
	}
	e->close(e);
	printf("# %s: %ld of %ld rounds of %d reads were late\n", e->name,
	       proved, rounds, BLOCKS);
	EXPECT_LT(0, proved);
}

TEST_F_TIMEOUT(flight, disk_by_aio, 120)
{
	late_disk(_metadata, self, &engines[0]);
}

TEST_F_TIMEOUT(flight, disk_by_io_uring, 120)
{
	late_disk(_metadata, self, &engines[1]);
}

/* Buffers are registered where the kernel registers those of files. */
TEST_F_TIMEOUT(flight, disk_by_registered_buffers, 120)
{
	struct engine *e = &engines[2];
	int ret = e->open(self, e);

	if (ret)
		SKIP(return, "no io_uring here: errno %d", -ret);
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	ret = ring_register(self, e);
	EXPECT_EQ(kernel_registers_files() ? 0 : -EOPNOTSUPP, ret);
	e->close(e);
	ASSERT_EQ(0, fp_free_all(self->a, NULL));
	if (ret)
		return;
	late_disk(_metadata, self, e);
}

TEST_HARNESS_MAIN
