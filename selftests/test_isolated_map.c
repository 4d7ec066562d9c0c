// SPDX-License-Identifier: GPL-2.0
/*
 * What processes do with their mappings of an isolated pool: fork, exec, pass
 * on, move, split and advise. Whatever they did, a right that was given up is
 * gone from all of them, and none grows.
 */
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fp_pair.h"

#define BLOCKS	8

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

FIXTURE(isolated_map) {
	FP_PAIR;
	__u64 h[BLOCKS];
};

FIXTURE_SETUP(isolated_map)
{
	ASSERT_EQ(0, fp_pair_open(&self->pair, BLOCKS, BLOCKS));
}

FIXTURE_TEARDOWN(isolated_map)
{
	EXPECT_EQ(0, fp_pair_close(&self->pair));
}

/* The child shares the client: what the client gives up, it loses too. */
TEST_F(isolated_map, fork)
{
	static const int advice[] = { MADV_NORMAL, MADV_DONTFORK, MADV_DOFORK };
	unsigned int adv, touched, how;

	for (adv = 0; adv < 3; adv++) {
		for (touched = 0; touched < 2; touched++) {
			for (how = 0; how < 3; how++) {
				int up[2], down[2];
				__u64 h[2];
				pid_t pid;
				char c;

				ASSERT_EQ(0, pipe(up));
				ASSERT_EQ(0, pipe(down));
				ASSERT_EQ(0, fp_take(self->a, 2, h));
				if (touched) {
					ASSERT_EQ(0, fp_poke(at(self->ma, h[0]),
							     'A'));
				}
				ASSERT_EQ(0, madvise(self->ma, self->len,
						     advice[adv]));
				pid = fp_fork();
				if (!pid) {
					int want = adv == 1 ? -SIGSEGV :
						   touched ? 'A' : 0;

					FP_CHILD_OK(fp_peek(at(self->ma, h[0]))
						    == want);
					FP_CHILD_OK(write(up[1], "x", 1) == 1);
					FP_CHILD_OK(read(down[0], &c, 1) == 1);
					want = adv == 1 ? -SIGSEGV : -SIGBUS;
					FP_CHILD_OK(fp_peek(at(self->ma, h[0]))
						    == want);
					FP_CHILD_OK(madvise(self->ma, self->len,
							    MADV_DOFORK) == 0 ||
						    adv == 1);
					FP_CHILD_OK(fp_peek(at(self->ma, h[0]))
						    == want);
					/* what is still held is still there */
					FP_CHILD_OK(fp_peek(at(self->ma, h[1]))
						    == (adv == 1 ? -SIGSEGV : 0));
					_exit(0);
				}
				ASSERT_EQ(1, read(up[0], &c, 1));
				/* freed and taken, sent, or shared and freed */
				if (how == 0) {
					__u64 all[BLOCKS];

					ASSERT_EQ(0, fp_free(self->a, h, 1,
							     NULL));
					ASSERT_EQ(0, fp_take(self->b,
							     BLOCKS - 1, all));
				} else {
					ASSERT_EQ(0, fp_send_one(self->a, self->idb,
								 how - 1, h[0]));
					ASSERT_EQ(h[0], fp_recv_one(self->b));
				}
				if (how == 2) {
					ASSERT_EQ(0, fp_free(self->a, h, 1,
							     NULL));
				}
				ASSERT_EQ(0, fp_poke(at(self->mb, h[0]), 'B'));
				ASSERT_EQ(1, write(down[1], "x", 1));
				EXPECT_EQ(0, fp_reap(pid))
					TH_LOG("%u %u %u", adv, touched, how);
				fp_drain(self->a);
				fp_drain(self->b);
				close(up[0]);
				close(up[1]);
				close(down[0]);
				close(down[1]);
			}
		}
	}
	ASSERT_EQ(0, madvise(self->ma, self->len, MADV_DOFORK));
}

/* The last of several processes keeps the holds; exec lets go of them. */
TEST_F(isolated_map, exec_and_threads)
{
	int fds[2], fd = fp_join(self->a, 0);
	char *map = fp_map(fd, PROT_READ | PROT_WRITE), c;
	__u64 h;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, fp_take(fd, 1, &h));
	ASSERT_EQ(0, fp_poke(at(map, h), 1));
	pid = fp_fork();
	if (!pid) {
		close(fds[1]);
		FP_CHILD_OK(fp_peek(at(map, h)) == 1);
		FP_CHILD_OK(read(fds[0], &c, 1) == 0);
		/* only this process has it now: descriptor and mapping */
		FP_CHILD_OK(fp_peek(at(map, h)) == 1);
		FP_CHILD_OK(fp_held(self->a) == 1);
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	munmap(map, self->len);
	close(fd);
	close(fds[0]);
	EXPECT_EQ(1, fp_held(self->a));
	close(fds[1]);
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, fp_held(self->a));
}

/* Moved, then revoked: it is gone at the new place as well. */
TEST_F(isolated_map, mremap)
{
	char *to, *moved;
	__u64 h[2];

	ASSERT_EQ(0, fp_take(self->a, 2, h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h[0]), 'A'));
	/* it cannot grow, in place or elsewhere */
	EXPECT_EQ(MAP_FAILED, mremap(self->ma, self->len, self->len + SIZE,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->ma, SIZE, 2 * SIZE, 0));
	to = mmap(NULL, self->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	moved = mremap(self->ma, self->len, self->len,
		       MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, moved);
	self->ma = moved;
	EXPECT_EQ('A', fp_peek(at(moved, h[0])));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[0]));
	EXPECT_EQ(-SIGBUS, fp_peek(at(moved, h[0])));
	EXPECT_EQ(0, fp_peek(at(moved, h[1])));

	/* twice mapped by old size 0: both are hit */
	ASSERT_EQ(0, fp_poke(at(moved, h[1]), 'A'));
	to = mremap(moved, 0, self->len, MREMAP_MAYMOVE);
	if (to != MAP_FAILED) {
		EXPECT_EQ('A', fp_peek(at(to, h[1])));
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[1]));
		EXPECT_EQ(-SIGBUS, fp_peek(at(to, h[1])));
		munmap(to, self->len);
	} else {
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[1]));
	}
	EXPECT_EQ(-SIGBUS, fp_peek(at(moved, h[1])));
	fp_drain(self->b);

	/* both places stay mapped with DONTUNMAP, where that is allowed */
	ASSERT_EQ(0, fp_take(self->a, 1, h));
	ASSERT_EQ(0, fp_poke(at(moved, h[0]), 'A'));
	to = mremap(moved, self->len, self->len,
		    MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (to != MAP_FAILED) {
		EXPECT_EQ('A', fp_peek(at(to, h[0])));
		EXPECT_EQ('A', fp_peek(at(moved, h[0])));
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[0]));
		EXPECT_EQ(-SIGBUS, fp_peek(at(to, h[0])));
		munmap(to, self->len);
	} else {
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[0]));
	}
	EXPECT_EQ(-SIGBUS, fp_peek(at(moved, h[0])));
	/* a single block moved out of the middle */
	ASSERT_EQ(0, fp_take(self->a, 1, h));
	ASSERT_EQ(0, fp_poke(at(moved, h[0]), 'A'));
	to = mremap(at(moved, h[0]), SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0));
	ASSERT_NE(MAP_FAILED, to);
	EXPECT_EQ('A', fp_peek(to));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[0]));
	EXPECT_EQ(-SIGBUS, fp_peek(to));
	munmap(to, SIZE);
}

/* Cut at each page, and pages of it protected: the rest is as before. */
TEST_F(isolated_map, split)
{
	unsigned int i, k;

	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	for (i = 0; i < BLOCKS; i++) {
		char *map = fp_map(self->a, PROT_READ | PROT_WRITE);

		ASSERT_NE(MAP_FAILED, map);
		memset(map, 'A', self->len);
		ASSERT_EQ(0, munmap(map + i * SIZE, SIZE));
		ASSERT_EQ(0, mprotect(map + (i + 1) % BLOCKS * SIZE, SIZE,
				      PROT_READ));
		for (k = 0; k < BLOCKS; k++)
			EXPECT_EQ(k == i ? -SIGSEGV : 'A',
				  fp_peek(map + k * SIZE));
		EXPECT_EQ(-SIGSEGV, fp_poke(map + (i + 1) % BLOCKS * SIZE, 1));
		ASSERT_EQ(0, fp_send(self->a, self->idb, 0, self->h, BLOCKS,
				     NULL));
		for (k = 0; k < BLOCKS; k++)
			EXPECT_EQ(k == i ? -SIGSEGV : -SIGBUS,
				  fp_peek(map + k * SIZE));
		munmap(map, self->len);
		for (k = 0; k < BLOCKS; k++)
			ASSERT_NE(0, fp_recv_one(self->b));
		ASSERT_EQ(0, fp_send(self->b, self->ida, 0, self->h, BLOCKS,
				     NULL));
		for (k = 0; k < BLOCKS; k++)
			ASSERT_NE(0, fp_recv_one(self->a));
	}
	EXPECT_EQ(BLOCKS, fp_held(self->a));
}

TEST_F(isolated_map, remap_file_pages)
{
	char *map = fp_map(self->a, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	ASSERT_EQ(0, fp_poke(map + 5 * SIZE, 'A'));
	ASSERT_EQ(0, remap_file_pages(map, SIZE, 0, 5, 0));
	EXPECT_EQ('A', fp_peek(map));
	/* where it shows, not where it is mapped */
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, self->h[5]));
	EXPECT_EQ(-SIGBUS, fp_peek(map));
	EXPECT_EQ(-SIGBUS, fp_peek(map + 5 * SIZE));
	EXPECT_EQ(0, fp_peek(self->ma));
	munmap(map, self->len);
}

/*
 * Every madvise code, on a held block and on a lost one: what it answers is
 * what 6.1 and 6.12 answer, and no right comes of it.
 */
static int advised(int code, bool held)
{
	switch (code) {
	case 0 ... 4:				/* NORMAL to DONTNEED */
	case 10 ... 16:				/* DONTFORK to NOHUGEPAGE */
	case 19 ... 21:				/* KEEPONFORK to PAGEOUT */
	case 24:				/* DONTNEED_LOCKED */
		return 0;
	case 22 ... 23:				/* POPULATE_READ and _WRITE */
		return held ? 0 : -EFAULT;
	case MADV_REMOVE:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

TEST_F(isolated_map, madvise)
{
	int code, lost, held;
	__u64 h[2];

	ASSERT_EQ(0, fp_take(self->a, 2, h));
	for (code = 0; code < 128; code++) {
		/* these spoil the machine's pages, whoever holds them */
		if (code == MADV_HWPOISON || code == MADV_SOFT_OFFLINE)
			continue;
		ASSERT_EQ(0, fp_poke(at(self->ma, h[0]), 'A'));
		ASSERT_EQ(0, fp_poke(at(self->ma, h[1]), 'B'));
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[1]));
		ASSERT_EQ(h[1], fp_recv_one(self->b));
		lost = madvise(at(self->ma, h[1]), SIZE, code) ? -errno : 0;
		held = madvise(at(self->ma, h[0]), SIZE, code) ? -errno : 0;
		EXPECT_EQ(advised(code, false), lost) TH_LOG("code %d", code);
		EXPECT_EQ(advised(code, true), held) TH_LOG("code %d", code);
		EXPECT_EQ(-SIGBUS, fp_peek(at(self->ma, h[1])))
			TH_LOG("code %d", code);
		/* DONTNEED and the like throw out entries, never bytes */
		EXPECT_EQ('A', fp_peek(at(self->ma, h[0])))
			TH_LOG("code %d", code);
		EXPECT_EQ('B', fp_peek(at(self->mb, h[1])))
			TH_LOG("code %d", code);
		ASSERT_EQ(0, fp_send_one(self->b, self->ida, 0, h[1]));
		ASSERT_EQ(h[1], fp_recv_one(self->a));
	}
}

/*
 * Memory that the machine found broken: it cannot be touched any more, by no
 * mapping and no holder, and it stays with nobody. The page is lost.
 */
TEST_F(isolated_map, broken_memory)
{
	char *again = fp_map(self->a, PROT_READ | PROT_WRITE);
	__u64 h, all[BLOCKS];
	int i;

	ASSERT_NE(MAP_FAILED, again);
	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h), 'A'));
	if (madvise(at(self->ma, h), SIZE, MADV_HWPOISON) && errno == EINVAL) {
		munmap(again, self->len);
		SKIP(return, "no memory of this kernel breaks");
	}
	EXPECT_EQ(-SIGBUS, fp_peek(at(again, h)));
	EXPECT_EQ(-SIGBUS, fp_poke(at(again, h), 'B'));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h));
	ASSERT_EQ(h, fp_recv_one(self->b));
	/* not copied, and not handed out */
	EXPECT_EQ(-SIGBUS, fp_peek(at(self->mb, h)));
	ASSERT_EQ(0, fp_free(self->b, &h, 1, NULL));
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, all));
	for (i = 0; i < BLOCKS; i++) {
		EXPECT_EQ(0, fp_peek(at(again, all[i])));
		EXPECT_EQ(0, fp_poke(at(self->ma, all[i]), 'C'));
	}
	munmap(again, self->len);
}

TEST_F(isolated_map, mlock)
{
	__u64 h[2];
	int ret;

	ASSERT_EQ(0, fp_take(self->a, 2, h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h[0]), 'A'));
	ret = mlock(at(self->ma, h[0]), SIZE);
	EXPECT_EQ(0, ret);
	/* locked into memory is not locked into the hold */
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h[0]));
	EXPECT_EQ(-SIGBUS, fp_peek(at(self->ma, h[0])));
	ASSERT_EQ(h[0], fp_recv_one(self->b));
	EXPECT_EQ('A', fp_peek(at(self->mb, h[0])));
	/* what is not held cannot be brought in by it */
	mlock(at(self->ma, h[0]), SIZE);
	EXPECT_EQ(-SIGBUS, fp_peek(at(self->ma, h[0])));
	munlock(self->ma, self->len);
}

/* Around the page tables: process_vm_*, /proc/self/mem, ptrace, write(2). */
TEST_F(isolated_map, other_ways_in)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	char buf[16] = "0123456789abcde", *map = fp_map(self->b, PROT_READ);
	int mem = open("/proc/self/mem", O_RDWR), fds[2], status;
	struct iovec l = { buf, 8 }, r;
	__u64 h[2];
	pid_t pid;

	ASSERT_LE(0, mem);
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, fp_take(self->a, 2, h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h[0]), 'A'));
	ASSERT_EQ(0, fp_poke(at(self->ma, h[1]), 'B'));
	/* h[0] is not B's at all; h[1] is for reading */
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, ro, h[1]));
	ASSERT_EQ(h[1], fp_recv_one(self->b));
	r = (struct iovec){ at(self->mb, h[0]), 8 };
	EXPECT_EQ(-1, process_vm_readv(getpid(), &l, 1, &r, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &l, 1, &r, 1, 0));
	EXPECT_EQ(-1, pread(mem, buf, 8, (off_t)(uintptr_t)at(self->mb, h[0])));
	EXPECT_EQ(-1, pwrite(mem, buf, 8, (off_t)(uintptr_t)at(self->mb, h[0])));
	EXPECT_EQ(-1, write(fds[1], at(self->mb, h[0]), 8));
	EXPECT_EQ(EFAULT, errno);
	r.iov_base = at(map, h[1]);
	EXPECT_EQ(8, process_vm_readv(getpid(), &l, 1, &r, 1, 0));
	EXPECT_EQ('B', buf[0]);
	buf[0] = 'X';
	EXPECT_EQ(-1, process_vm_writev(getpid(), &l, 1, &r, 1, 0));
	EXPECT_EQ(-1, pwrite(mem, buf, 8, (off_t)(uintptr_t)at(map, h[1])));
	EXPECT_EQ(8, write(fds[1], at(map, h[1]), 8));
	ASSERT_EQ(8, read(fds[0], buf, 8));
	ASSERT_EQ(8, write(fds[1], "XXXXXXXX", 8));
	EXPECT_EQ(-1, read(fds[0], at(map, h[1]), 8));
	/* a debugger has no other rights either */
	pid = fp_fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	errno = 0;
	ptrace(PTRACE_PEEKDATA, pid, at(self->mb, h[0]), NULL);
	EXPECT_NE(0, errno);
	errno = 0;
	EXPECT_EQ('B', ptrace(PTRACE_PEEKDATA, pid, at(map, h[1]), NULL) & 255);
	EXPECT_EQ(0, errno);
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, at(map, h[1]), (void *)1L));
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, at(self->mb, h[0]),
			     (void *)1L));
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	fp_reap(pid);
	EXPECT_EQ('A', fp_peek(at(self->ma, h[0])));
	EXPECT_EQ('B', fp_peek(at(self->ma, h[1])));
	munmap(map, self->len);
	close(mem);
	close(fds[0]);
	close(fds[1]);
}

/* The client goes with its last descriptor, wherever that is: in a socket. */
TEST_F(isolated_map, passed_on)
{
	struct { struct cmsghdr h; int fd; } ctl = {
		.h = { .cmsg_len = CMSG_LEN(sizeof(int)),
		       .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS },
	};
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &ctl, .msg_controllen = sizeof(ctl),
	};
	int pair[2], fd = fp_join(self->a, 0);
	char *map;
	__u64 h;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, fp_take(fd, 1, &h));
	ctl.fd = fd;
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	close(fd);
	EXPECT_EQ(1, fp_held(self->a));
	msg.msg_controllen = sizeof(ctl);
	ASSERT_EQ(1, recvmsg(pair[1], &msg, 0));
	/* the same client: the hold came along */
	map = fp_map(ctl.fd, PROT_READ | PROT_WRITE);
	EXPECT_EQ(0, fp_poke(at(map, h), 1));
	EXPECT_EQ(0, fp_free(ctl.fd, &h, 1, NULL));
	ASSERT_EQ(0, fp_take(ctl.fd, 1, &h));
	/* in flight when both ends of the socket go */
	msg.msg_controllen = sizeof(ctl);
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	munmap(map, self->len);
	close(ctl.fd);
	EXPECT_EQ(1, fp_held(self->a));
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(0, fp_held(self->a));
}

TEST_HARNESS_MAIN
