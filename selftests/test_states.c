// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks in every state against what a process can ask of a mapping: each
 * advice, each kind of mremap, userfaultfd. What the kernel answers is pinned
 * here, and no right comes or goes by it.
 */
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#include "fp_pair.h"

#define BLOCKS	8
#define TAG	3

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif

FIXTURE(states) {
	FP_PAIR;
	char *ro;	/* A's, for reading */
};

FIXTURE_SETUP(states)
{
	ASSERT_EQ(0, fp_pair_open(&self->pair, BLOCKS, BLOCKS));
	self->ro = fp_map(self->a, PROT_READ);
	ASSERT_NE(MAP_FAILED, self->ro);
}

FIXTURE_TEARDOWN(states)
{
	munmap(self->ro, self->len);
	EXPECT_EQ(0, fp_pair_close(&self->pair));
}

/* --- what a block is to A -------------------------------------------------- */

enum state {
	UNTOUCHED, HELD, SHARED, READONLY, IN_INBOX, FREED, ANOTHERS, SENT,
	ADOPTED, GIVEN_BACK, STATES
};

static const char *const names[] = {
	"held, untouched", "held", "shared", "shared for reading",
	"in the inbox", "freed", "freed, another's now", "sent",
	"kept and adopted by another", "freed by another",
};

/* Block 0, whoever had it before: all others are taken, too. Its handle. */
static int take_first(int fd, __u32 flags, __u64 *handle)
{
	__u64 h[BLOCKS];
	int i, ret;

	*handle = 0;
	ret = fp_alloc_tag(fd, flags | FIXEDPOOL_ALLOC_ALL, BLOCKS, h, TAG,
			   NULL);
	for (i = 0; !ret && i < BLOCKS; i++) {
		if (!fp_index(h[i]))
			*handle = h[i];
		else
			ret = fp_free(fd, &h[i], 1, NULL);
	}
	return ret;
}

/* Makes block 0 so, with 'A' in it: 0 or -errno. */
static int make(struct _test_data_states *self, enum state state)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	bool from_b = state == READONLY || state == IN_INBOX;
	int owner = from_b ? self->b : self->a, ret;
	char *map = from_b ? self->mb : self->ma;
	__u64 h;

	if (state == ADOPTED) {
		owner = fp_join(self->a, 0);
		if (owner < 0)
			return owner;
	}
	ret = take_first(owner, FIXEDPOOL_ALLOC_ZERO |
			 (state == ADOPTED ? FIXEDPOOL_ALLOC_KEEP : 0), &h);
	if (ret)
		return ret;
	if (state != UNTOUCHED && state != ADOPTED)
		ret = fp_poke(at(map, h), 'A');
	if (ret)
		return ret;
	switch (state) {
	case SHARED:
	case SENT:
		ret = fp_send_one(self->a, self->idb, state == SHARED, h);
		return ret ? ret : (fp_recv_one(self->b) == h ? 0 : FP_LIES);
	case READONLY:
	case IN_INBOX:
		ret = fp_send_one(self->b, self->ida,
				  state == READONLY ? ro : 0, h);
		if (!ret && state == READONLY)
			ret = fp_recv_one(self->a) == h ? 0 : FP_LIES;
		/* so that there is an entry for it, for reading */
		return ret ? ret : state == READONLY &&
		       fp_peek(at(self->ro, h)) != 'A' ? -EUCLEAN : 0;
	case FREED:
	case ANOTHERS:
	case GIVEN_BACK:
		ret = fp_free(self->a, &h, 1, NULL);
		if (!ret && state != FREED)
			ret = take_first(self->b, 0, &h);
		if (!ret && state == GIVEN_BACK)
			ret = fp_free(self->b, &h, 1, NULL);
		return ret;
	case ADOPTED:
		/* it was A's before, who had it in its page tables */
		ret = fp_send_one(owner, self->ida, 0, h);
		if (!ret && fp_recv_one(self->a) != h)
			ret = FP_LIES;
		if (!ret)
			ret = fp_poke(at(self->ma, h), 'A');
		if (!ret)
			ret = fp_send_one(self->a, fp_client_id(owner), 0, h);
		if (!ret && fp_recv_one(owner) != h)
			ret = FP_LIES;
		close(owner);
		return ret ? ret : (fp_adopt(self->b, TAG, 1, &h, NULL) == 1 ?
				    0 : FP_LIES);
	default:
		return 0;
	}
}

static void unmake(struct _test_data_states *self)
{
	fp_drain(self->a);
	fp_drain(self->b);
	fp_gc(self->a, FIXEDPOOL_GC_ALL);
}

/* May A touch it by that mapping? A lazily freed block it may still have. */
static bool may_touch(enum state state, bool writable)
{
	return state == UNTOUCHED || state == HELD || state == SHARED ||
	       (state == READONLY && !writable);
}

/* --- advice ---------------------------------------------------------------- */

/* What 6.1 and 6.12 answer, on a block that may be touched and on another. */
static int advised(int code, bool may)
{
	switch (code) {
	case 0 ... 4:				/* NORMAL to DONTNEED */
	case 10 ... 16:				/* DONTFORK to NOHUGEPAGE */
	case 19 ... 21:				/* KEEPONFORK to PAGEOUT */
	case 24:				/* DONTNEED_LOCKED */
		return 0;
	case 22:				/* POPULATE_READ */
		return may ? 0 : -EFAULT;
	case 23:				/* POPULATE_WRITE */
		return may ? 0 : -EFAULT;
	case MADV_REMOVE:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

/* What @code answers on the block in that state, by that mapping. */
static int expected(int code, enum state state, bool writable)
{
	/* for writing, by a mapping that cannot be written */
	if (code == 23 && !writable)
		return -EINVAL;
	if (code == MADV_REMOVE && !writable)
		return -EACCES;
	return advised(code, may_touch(state, writable));
}

static void one_advice(struct __test_metadata *_metadata,
		       struct _test_data_states *self, int code,
		       enum state state, bool writable)
{
	char *p = writable ? self->ma : self->ro, *other;
	int byte = state == UNTOUCHED ? 0 : 'A', ret, now;

	ASSERT_EQ(0, make(self, state));
	/* what of the bytes another can see must not change either */
	other = state == SHARED || state == READONLY || state == ANOTHERS ||
		state == SENT || state == ADOPTED ? self->mb : NULL;
	if (state == ANOTHERS)
		byte = 0;
	ret = madvise(p, SIZE, code) ? -errno : 0;
	/* to populate what was freed and is nobody's yet may find it there */
	if (state != FREED || (code != 22 && code != 23)) {
		EXPECT_EQ(expected(code, state, writable), ret);
	}
	now = fp_peek(p);
	if (state == FREED) {
		EXPECT_TRUE(now == -SIGBUS || now == 'A');
	} else {
		EXPECT_EQ(may_touch(state, writable) ? byte : -SIGBUS, now);
	}
	if (!writable) {
		EXPECT_EQ(-SIGSEGV, fp_poke(p, 'X'));
	}
	if (other) {
		EXPECT_EQ(byte, fp_peek(other));
	}
	unmake(self);
	if (!__test_passed(_metadata))
		TH_LOG("code %d on a block %s, mapped for %s", code,
		       names[state], writable ? "writing" : "reading");
}

TEST_F_TIMEOUT(states, every_advice, 120)
{
	enum state state;
	int code, mapping;

	for (code = 0; code <= 128; code++) {
		/* these spoil the machine's pages, whoever holds them */
		if (code == MADV_HWPOISON || code == MADV_SOFT_OFFLINE)
			continue;
		/* codes that nobody knows are one like the other */
		if (code > 32 && code < 100)
			continue;
		for (state = 0; state < STATES; state++)
			for (mapping = 0; mapping < 2; mapping++) {
				one_advice(_metadata, self, code, state,
					   mapping);
				ASSERT_TRUE(__test_passed(_metadata));
			}
		madvise(self->ma, self->len, MADV_DOFORK);
		madvise(self->ro, self->len, MADV_DOFORK);
	}
}

/* --- mremap ---------------------------------------------------------------- */

struct move {
	const char *name;
	size_t at, old, new;
	int flags;
	bool fixed;
	int error;	/* 0: it is done */
};

static const struct move moves[] = {
	{ "moved", 0, 8, 8, MREMAP_MAYMOVE, true, 0 },
	{ "a page moved", 2, 1, 1, MREMAP_MAYMOVE, true, 0 },
	{ "its end moved", 4, 4, 4, MREMAP_MAYMOVE, true, 0 },
	{ "shrunk", 0, 8, 4, 0, false, 0 },
	{ "shrunk and moved", 0, 8, 4, MREMAP_MAYMOVE, true, 0 },
	{ "grown", 0, 8, 9, 0, false, EFAULT },
	{ "grown and moved", 0, 8, 9, MREMAP_MAYMOVE, false, EFAULT },
	{ "its end grown and moved", 6, 2, 4, MREMAP_MAYMOVE, true, EFAULT },
	{ "of size 0", 0, 0, 8, MREMAP_MAYMOVE, false, EFAULT },
	{ "of size 0, to a place", 0, 0, 8, MREMAP_MAYMOVE, true, EFAULT },
	{ "left mapped", 0, 8, 8, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, false,
	  EINVAL },
	{ "left mapped, to a place", 0, 8, 8,
	  MREMAP_MAYMOVE | MREMAP_DONTUNMAP, true, EINVAL },
};

TEST_F(states, every_mremap)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		const struct move *m = &moves[i];
		char *map = fp_map(self->a, PROT_READ | PROT_WRITE), *got;
		char *room = mmap(NULL, 16 * SIZE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		__u64 h[BLOCKS];

		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, fp_take(self->a, BLOCKS, h));
		for (k = 0; k < BLOCKS; k++)
			ASSERT_EQ(0, fp_poke(map + k * SIZE, 'a' + k));
		got = mremap(map + m->at * SIZE, m->old * SIZE, m->new * SIZE,
			     m->flags | (m->fixed ? MREMAP_FIXED : 0), room);
		EXPECT_EQ(m->error, got == MAP_FAILED ? errno : 0);
		/* what is there shows the same blocks, wherever it is */
		if (got != MAP_FAILED) {
			for (k = 0; k < m->new; k++)
				EXPECT_EQ((int)('a' + m->at + k),
					  fp_peek(got + k * SIZE));
		}
		/* given up, they are gone from both places */
		ASSERT_EQ(0, fp_send(self->a, self->idb, 0, h, BLOCKS, NULL));
		for (k = 0; k < BLOCKS; k++)
			EXPECT_GT(0, fp_peek(map + k * SIZE));
		for (k = 0; got != MAP_FAILED && k < m->new; k++)
			EXPECT_EQ(-SIGBUS, fp_peek(got + k * SIZE));
		if (!__test_passed(_metadata))
			TH_LOG("%s", m->name);
		munmap(map, self->len);
		if (got != MAP_FAILED)
			munmap(got, m->new * SIZE);
		munmap(room, 16 * SIZE);
		unmake(self);
		ASSERT_TRUE(__test_passed(_metadata));
	}
}

/* --- userfaultfd ----------------------------------------------------------- */

static int uffd_open(__u64 *features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = *features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api)) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	*features = api.features;
	return fd;
}

static int uffd_register(int fd, char *map, size_t len, __u64 mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)map, len }, .mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

/*
 * No fault of ours is answered by anybody else, and no entry is copied by fork
 * because somebody watches. It is VM_DONTEXPAND for which the kernel refuses
 * also the kind that works on other files: asynchronous write protection.
 */
TEST_F(states, userfaultfd_is_refused)
{
	static const __u64 modes[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
		UFFDIO_REGISTER_MODE_MINOR,
		UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};
	unsigned int i, wish;
	__u64 features;
	int fd;

	for (wish = 0; wish < 2; wish++) {
		features = wish ? UFFD_FEATURE_WP_ASYNC : 0;
		fd = uffd_open(&features);
		/* of the first kind every kernel has some, of the other not */
		if (fd < 0 && !wish)
			SKIP(return, "no userfaultfd here: errno %d", -fd);
		if (fd < 0)
			break;
		for (i = 0; i < ARRAY_SIZE(modes); i++) {
			EXPECT_EQ(-EINVAL, uffd_register(fd, self->ma,
							 self->len, modes[i]));
			EXPECT_EQ(-EINVAL, uffd_register(fd, self->ro,
							 self->len, modes[i]));
		}
		close(fd);
	}
}

TEST_HARNESS_MAIN
