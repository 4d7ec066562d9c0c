// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls of every kind, from one thread with what is foretold checked,
 * then from several threads and processes on the same descriptors while another
 * thread changes the arguments under the kernel's eyes. FP_SEED gives a seed
 * back, FP_CALLS sets how many calls each part makes.
 */
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "fp_fuzz.h"

#define THREADS		3
#define PROCESSES	2
#define LIMIT		"33554432"

/* Counted across processes. */
static struct fuzz_count {
	unsigned long calls, done, refused, foretold, others;
	unsigned long errnos[256];
	unsigned int wrong;
} *count;

FIXTURE(fuzz) {
	struct fuzz_shared shared;
	int keep[2];		/* an isolated pool, a shared one */
	char *maps[2];
	char limit[32];
	int pools;
	__u64 seed;
};

static void add(unsigned long *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static void wrong(const struct fuzz_call *c, int err, int expected)
{
	unsigned int i;

	if (__atomic_fetch_add(&count->wrong, 1, __ATOMIC_RELAXED) > 5)
		return;
	fprintf(stderr, "# %s in slot %d of size %u answered %d, expected %d:",
		c->op->name, c->slot, c->size, err, expected);
	for (i = 0; i < c->op->size / 4; i++)
		fprintf(stderr, " %x", c->words[i]);
	fprintf(stderr, "\n");
}

/* Who takes a descriptor out of its slot is the one to close it. */
static void put_slot(struct fuzz *f, int slot, int fd, enum fuzz_kind kind)
{
	int old;

	f->shared->kinds[slot] = fd < 0 ? FUZZ_CLOSED : kind;
	old = __atomic_exchange_n(&f->shared->fds[slot], fd, __ATOMIC_SEQ_CST);
	if (old >= 0)
		close(old);
}

/* --- ioctl ----------------------------------------------------------------- */

/* As much of the struct as there is room for. */
static void lay(volatile char *to, const char *from, size_t len)
{
	size_t i;

	if (sigsetjmp(fp_own_env, 0)) {
		fp_own_armed = false;
		return;
	}
	fp_own_armed = true;
	for (i = 0; i < len; i++)
		to[i] = from[i];
	fp_own_armed = false;
}

/* What succeeded may have bound the slot, or made handles. */
static void learn(struct fuzz *f, const struct fuzz_call *c, const char *at)
{
	struct fixedpool_pool_bind_args bind;
	__u64 *handles = (__u64 *)(f->plain + FP_ARGS_MAX);
	enum fuzz_kind *kind = &f->shared->kinds[c->slot];

	switch (c->op->cmd) {
	case FIXEDPOOL_IOC_POOL_CREATE:
		*kind = FUZZ_OWNER;
		break;
	case FIXEDPOOL_IOC_POOL_BIND:
		memcpy(&bind, at, sizeof(bind));
		*kind = bind.rights & FIXEDPOOL_RIGHT_WRITE ? FUZZ_OWNER :
			*kind == FUZZ_UNBOUND ? FUZZ_READER : FUZZ_READER_RDONLY;
		break;
	case FIXEDPOOL_IOC_ALLOC:
	case FIXEDPOOL_IOC_ADOPT:
		f->shared->handles[fuzz_pick(f, FUZZ_HANDLES)] = handles[0];
		f->shared->handles[fuzz_pick(f, FUZZ_HANDLES)] = handles[1];
		break;
	}
}

/* Nobody knows any more whether it is bound. */
static void doubt(struct fuzz *f, int slot)
{
	if (f->shared->kinds[slot] == FUZZ_UNBOUND ||
	    f->shared->kinds[slot] == FUZZ_UNBOUND_RDONLY)
		f->shared->kinds[slot] = FUZZ_FOREIGN;
}

static void random_ioctl(struct fuzz *f)
{
	struct fuzz_call c = { .op = &fp_ops[fuzz_pick(f, ARRAY_SIZE(fp_ops))] };
	int err, expected;
	size_t len;
	char *at;

	c.slot = fuzz_pick(f, FUZZ_SLOTS);
	fuzz_args(f, &c);
	len = c.size < FP_ARGS_MAX ? c.size : FP_ARGS_MAX;
	at = fuzz_place(f, len, &c.there);
	lay(at, c.bytes, len > c.op->size ? len : c.op->size);
	expected = f->alone ? fuzz_foretold(f, &c) : 1;
	err = ioctl(f->shared->fds[c.slot], c.op->cmd, at) ? -errno : 0;

	add(&count->calls);
	add(err ? &count->refused : &count->done);
	add(&count->errnos[-err & 255]);
	if (expected <= 0) {
		add(&count->foretold);
		if (err != expected)
			wrong(&c, err, expected);
	} else if (f->shared->kinds[c.slot] > FUZZ_FOREIGN && f->alone &&
		   !fuzz_may_answer(c.op, err)) {
		wrong(&c, err, 1);
	}
	if (err || f->shared->kinds[c.slot] <= FUZZ_FOREIGN)
		return;
	if (c.there)
		learn(f, &c, at);
	else
		doubt(f, c.slot);
}

/* A command that is none, or is one only in part. */
static void random_command(struct fuzz *f)
{
	const struct fp_op *op = &fp_ops[fuzz_pick(f, ARRAY_SIZE(fp_ops))];
	int slot = fuzz_pick(f, FUZZ_SLOTS), err;
	unsigned long cmd = fuzz_pick(f, 2) ? fp_random(&f->seed) :
					      op->cmd ^ 1U << fuzz_pick(f, 32);
	bool known = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fp_ops); i++)
		known |= (__u32)fp_ops[i].cmd == (__u32)cmd;
	err = ioctl(f->shared->fds[slot], cmd, f->plain) ? -errno : 0;
	add(&count->calls);
	add(&count->refused);
	/* one bit lies between two that are known, too */
	if (!err)
		doubt(f, slot);
	/* those that the VFS knows have the letters f, T, X or none */
	if (f->alone && f->shared->kinds[slot] > FUZZ_FOREIGN && !known &&
	    _IOC_TYPE(cmd) == FIXEDPOOL_MAGIC && err != -ENOTTY) {
		fprintf(stderr, "# command %lx: %d\n", cmd, err);
		__atomic_fetch_add(&count->wrong, 1, __ATOMIC_RELAXED);
	}
}

/* --- descriptors, mappings, processes -------------------------------------- */

static int foreign(struct fuzz *f)
{
	int pair[2];

	switch (fuzz_pick(f, 4)) {
	case 0:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1:
		return epoll_create1(EPOLL_CLOEXEC);
	case 2:
		return syscall(SYS_memfd_create, "fuzz", 0);
	default:
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			return -1;
		close(pair[1]);
		return pair[0];
	}
}

static void random_open(struct fuzz *f, const int *keep)
{
	int slot = fuzz_pick(f, FUZZ_SLOTS), pool = keep[fuzz_pick(f, 2)], fd;
	int extra = fuzz_pick(f, 4) ? 0 : O_NONBLOCK;

	switch (fuzz_pick(f, 16)) {
	case 0:
		put_slot(f, slot, -1, FUZZ_CLOSED);
		break;
	case 1:
		put_slot(f, slot, foreign(f), FUZZ_FOREIGN);
		break;
	case 2:
		put_slot(f, slot, fp_open(O_RDONLY | extra),
			 FUZZ_UNBOUND_RDONLY);
		break;
	case 3:
		put_slot(f, slot, fp_open(O_RDWR | extra), FUZZ_UNBOUND);
		break;
	case 4:
		put_slot(f, slot, fp_join(pool, FIXEDPOOL_BIND_READONLY),
			 FUZZ_READER);
		break;
	case 5:
		fd = fp_open(O_RDONLY);
		fp_bind(fd, NULL, pool, FIXEDPOOL_BIND_FD);
		put_slot(f, slot, fd, FUZZ_READER_RDONLY);
		break;
	case 6:
		put_slot(f, slot, fcntl(pool, F_DUPFD_CLOEXEC, 3), FUZZ_OWNER);
		break;
	default:
		put_slot(f, slot, fp_join(pool, 0), FUZZ_OWNER);
	}
	add(&count->others);
}

/* Through a socket and back: it is the same client. */
static void random_pass(struct fuzz *f)
{
	int slot = fuzz_pick(f, FUZZ_SLOTS), pair[2], fd = -1;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec io = { .iov_base = &fd, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	add(&count->others);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return;
	memcpy(CMSG_DATA(&control.head), &f->shared->fds[slot], sizeof(int));
	if (sendmsg(pair[0], &message, 0) == 1) {
		if (f->alone)
			put_slot(f, slot, -1, FUZZ_CLOSED);
		/* now and then it dies on its way */
		if (fuzz_pick(f, 4) && recvmsg(pair[1], &message, 0) == 1 &&
		    message.msg_controllen) {
			memcpy(&fd, CMSG_DATA(&control.head), sizeof(int));
			put_slot(f, slot, fd, FUZZ_FOREIGN);
		}
	}
	close(pair[0]);
	close(pair[1]);
}

static void random_map(struct fuzz *f)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_DOFORK, MADV_DONTFORK, MADV_REMOVE,
		MADV_WILLNEED, MADV_DODUMP, MADV_HUGEPAGE, MADV_COLD,
	};
	int fd = f->shared->fds[fuzz_pick(f, FUZZ_SLOTS)];
	size_t len = (1 + fuzz_pick(f, 8)) * FUZZ_STRIDE, to;
	off_t at = fuzz_pick(f, 6) ? fuzz_pick(f, FUZZ_BLOCKS) * FUZZ_STRIDE :
				     fuzz_number(f) & ~(FUZZ_STRIDE - 1);
	char *p, *q;

	add(&count->others);
	p = mmap(NULL, len, fuzz_pick(f, 8),
		 fuzz_pick(f, 6) ? MAP_SHARED : MAP_PRIVATE, fd, at);
	if (p == MAP_FAILED)
		return;
	fp_peek(p);
	fp_poke(p + len - 1, 1);
	switch (fuzz_pick(f, 5)) {
	case 0:
		mprotect(p, FUZZ_STRIDE, fuzz_pick(f, 8));
		fp_poke(p, 2);
		break;
	case 1:
		madvise(p, len, advice[fuzz_pick(f, ARRAY_SIZE(advice))]);
		fp_peek(p + len / 2);
		break;
	case 2:
		to = len + fuzz_pick(f, 3) * FUZZ_STRIDE - FUZZ_STRIDE;
		q = mremap(p, len, to, MREMAP_MAYMOVE);
		if (q == MAP_FAILED)
			break;
		p = q;
		len = to;
		fp_peek(p);
		break;
	case 3:
		munmap(p + len / 2 / FUZZ_STRIDE * FUZZ_STRIDE, FUZZ_STRIDE);
		break;
	}
	munmap(p, len);
}

/* What a file of ours has no use for. */
static void random_call(struct fuzz *f)
{
	int slot = fuzz_pick(f, FUZZ_SLOTS), fd = f->shared->fds[slot];
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	char buf[64] = "";
	ssize_t n = -1;

	add(&count->others);
	switch (fuzz_pick(f, 5)) {
	case 0:
		poll(&p, 1, 0);
		return;
	case 1:
		n = write(fd, buf, 0);
		n = n ? n : -1;
		break;
	case 2:
		n = pread(fd, buf, sizeof(buf), 4096);
		break;
	case 3:
		n = ftruncate(fd, 4096);
		break;
	case 4:
		snprintf(buf, sizeof(buf), "/proc/self/fdinfo/%d", fd);
		fp_read_file(buf, buf, sizeof(buf));
		return;
	}
	if (f->alone && f->shared->kinds[slot] > FUZZ_FOREIGN && n >= 0) {
		fprintf(stderr, "# a file of ours was read or written\n");
		__atomic_fetch_add(&count->wrong, 1, __ATOMIC_RELAXED);
	}
}

static void step(struct fuzz *f, const int *keep);

/* A child goes on for a while, with descriptors of its own, and dies. */
static void random_fork(struct fuzz *f, const int *keep)
{
	__u64 seed = fp_random(&f->seed) | 1;
	int steps = fuzz_pick(f, 40);
	bool killed = fuzz_pick(f, 2);
	pid_t pid = fp_fork();
	int slot;

	add(&count->others);
	if (!pid) {
		f->seed = seed;
		f->alone = false;
		while (steps--)
			step(f, keep);
		if (killed)
			raise(SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		fp_reap(pid);
	for (slot = 0; slot < FUZZ_SLOTS; slot++)
		doubt(f, slot);
}

static void step(struct fuzz *f, const int *keep)
{
	__u32 what = fuzz_pick(f, 1000);

	if (what < 780)
		random_ioctl(f);
	else if (what < 810)
		random_command(f);
	else if (what < 890)
		random_open(f, keep);
	else if (what < 900)
		random_pass(f);
	else if (what < 950)
		random_map(f);
	else if (what < 998)
		random_call(f);
	else
		random_fork(f, keep);
}

/* --- fixture ---------------------------------------------------------------- */

static int fuzz_init(struct fuzz *f, struct fuzz_shared *shared,
		     char *const maps[2], __u64 seed, __u32 lane, __u32 lanes)
{
	*f = (struct fuzz) {
		.shared = shared, .seed = seed | 1, .alone = lanes == 1,
		.lane = lane, .lanes = lanes,
		.maps = { maps[0], maps[1] }, .edge = fp_guarded_page(),
	};
	f->fixed = mmap(NULL, FUZZ_STRIDE, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	f->plain = mmap(NULL, 2 * FUZZ_STRIDE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return !f->edge || f->fixed == MAP_FAILED || f->plain == MAP_FAILED;
}

FIXTURE_SETUP(fuzz)
{
	struct fixedpool_pool_create_args args;
	int i;

	fp_catch();
	signal(SIGPIPE, SIG_IGN);
	self->pools = fp_pools();
	self->seed = fp_seed();
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, count);
	/* so that random sizes do not make the machine run out of memory */
	ASSERT_LT(0, fp_read_file(FP_PARAMS "/max_total_bytes", self->limit,
				  sizeof(self->limit)));
	if (fp_write_file(FP_PARAMS "/max_total_bytes", LIMIT))
		SKIP(return, "may not set max_total_bytes");
	for (i = 0; i < 2; i++) {
		args = fp_create_args(FUZZ_STRIDE, FUZZ_BLOCKS);
		args.min_blocks = FUZZ_BLOCKS / 2;
		args.flags = i ? 0 : FIXEDPOOL_POOL_ISOLATED;
		self->keep[i] = fp_new_pool(&args);
		ASSERT_LE(0, self->keep[i]);
		self->maps[i] = fuzz_map(self->keep[i]);
		ASSERT_NE(MAP_FAILED, self->maps[i]);
		ASSERT_EQ(0, fp_take(self->keep[i], 8,
				     self->shared.handles + 8 * i));
	}
	for (i = 0; i < FUZZ_SLOTS; i++)
		self->shared.fds[i] = -1;
}

/* Names that random ones have become. */
static void forget_all(void)
{
	DIR *dir = opendir(FP_POOLS);
	struct dirent *d;
	int fd = fp_open(O_RDWR);

	while (dir && (d = readdir(dir))) {
		struct fixedpool_pool_destroy_args args = {
			.size = sizeof(args),
		};

		if (d->d_name[0] != '.' &&
		    fp_sysfs(atoi(d->d_name), "name", args.name,
			     sizeof(args.name)) > 0)
			fp_ioctl(fd, FIXEDPOOL_IOC_POOL_DESTROY, &args);
	}
	closedir(dir);
	close(fd);
}

FIXTURE_TEARDOWN(fuzz)
{
	__u64 h[FUZZ_BLOCKS];
	int i;

	EXPECT_EQ(0, fp_write_file(FP_PARAMS "/max_total_bytes", self->limit));
	for (i = 0; i < FUZZ_SLOTS; i++)
		if (self->shared.fds[i] >= 0)
			close(self->shared.fds[i]);
	for (i = 0; i < 2; i++) {
		fp_drain(self->keep[i]);
		EXPECT_LE(0, fp_gc(self->keep[i], FIXEDPOOL_GC_ALL));
		EXPECT_EQ(0, fp_held(self->keep[i]));
		EXPECT_EQ(0, fp_unbalanced(self->keep[i]));
		/* all of them are there, once */
		EXPECT_EQ(0, fp_take(self->keep[i], FUZZ_BLOCKS, h));
		munmap(self->maps[i] - FUZZ_STRIDE, FUZZ_MAP + 2 * FUZZ_STRIDE);
		close(self->keep[i]);
	}
	forget_all();
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
	EXPECT_EQ(0, count->wrong);
	printf("# %lu structured calls: %lu done, %lu refused (%lu foretold)\n",
	       count->calls, count->done, count->refused, count->foretold);
	printf("# and %lu opens, maps, forks and the like\n", count->others);
	for (i = 1; i < 256; i++)
		if (count->errnos[i])
			printf("# %7lu %s\n", count->errnos[i], strerror(i));
}

TEST_F_TIMEOUT(fuzz, alone, 1200)
{
	unsigned long calls = fp_scale("FP_CALLS", 40000);
	struct fuzz f;

	ASSERT_EQ(0, fuzz_init(&f, &self->shared, self->maps, self->seed, 0,
			       1));
	while (count->calls < calls)
		step(&f, self->keep);
	EXPECT_LT(calls / 20, count->done);
	EXPECT_LT(calls / 20, count->foretold);
}

struct racer {
	pthread_t thread;
	struct fuzz f;
	const int *keep;
	unsigned long calls;
	struct racer *victims;
	bool *stop;
};

static void *race(void *p)
{
	struct racer *r = p;

	while (__atomic_load_n(&count->calls, __ATOMIC_RELAXED) < r->calls)
		step(&r->f, r->keep);
	return NULL;
}

static void *flip(void *p)
{
	static const __u32 values[] = { 0, 1, 2, 63, 64, 65, 4096 };
	static const __u32 words[] = { 0, 1, 2, 3, 6, 8, 12 };
	struct racer *r = p;

	while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED)) {
		struct fuzz *f = &r->victims[fuzz_pick(&r->f, THREADS)].f;

		/* no address, and nothing that makes a timeout long */
		((volatile __u32 *)f->plain)[words[fuzz_pick(&r->f, 7)]] =
			values[fuzz_pick(&r->f, ARRAY_SIZE(values))];
		if (fuzz_pick(&r->f, 64) == 0)
			fp_sleep_us(10);
	}
	return NULL;
}

static void race_all(struct fuzz_shared *shared, char *const maps[2],
		     const int *keep, __u64 seed, int process,
		     unsigned long calls)
{
	struct racer r[THREADS + 1];
	bool stop = false;
	int i;

	for (i = 0; i <= THREADS; i++) {
		r[i] = (struct racer) {
			.keep = keep, .calls = calls, .victims = r,
			.stop = &stop,
		};
		FP_CHILD_OK(!fuzz_init(&r[i].f, shared, maps,
				       fp_random(&seed),
				       process * THREADS + i % THREADS,
				       PROCESSES * THREADS));
	}
	for (i = 0; i <= THREADS; i++)
		FP_CHILD_OK(!pthread_create(&r[i].thread, NULL,
					    i < THREADS ? race : flip, &r[i]));
	for (i = 0; i < THREADS; i++)
		pthread_join(r[i].thread, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(r[THREADS].thread, NULL);
	_exit(0);
}

TEST_F_TIMEOUT(fuzz, raced, 1200)
{
	unsigned long calls = fp_scale("FP_CALLS", 40000);
	pid_t pid[PROCESSES];
	int i;

	for (i = 0; i < PROCESSES; i++) {
		__u64 seed = fp_random(&self->seed);

		pid[i] = fp_fork();
		if (!pid[i])
			race_all(&self->shared, self->maps, self->keep, seed,
				 i, calls);
	}
	for (i = 0; i < PROCESSES; i++)
		EXPECT_EQ(0, fp_reap(pid[i]));
	EXPECT_LT(calls / 20, count->done);
}

TEST_HARNESS_MAIN
