// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from one process to another: through a pipe, a unix socket, and as
 * blocks that both have mapped, of which only the numbers are passed, 32 at a
 * time, or 4 MiB. The last is what is left of SEND and RECV without their system
 * calls.
 *
 * "hdr": 8 bytes of a message are written and read, though where bytes are
 * copied all are. "full": all are written and read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define BATCH_MAX	32
#define BATCH_BYTES	(4UL << 20)
#define BLOCKS_MAX	(2 * BATCH_MAX)
#define LARGEST		(1UL << 20)
#define BUFFER		(1 << 20)

static int pipe_fds[2], unix_fds[2];
static size_t size;
/* Each process has its own; only the ring's blocks are shared. */
static char buffer[LARGEST] __aligned(4096);

static struct ring {
	size_t __aligned(128) put;
	size_t __aligned(128) got;
	char blocks[BLOCKS_MAX][LARGEST] __aligned(4096);
} *ring;

static void fill(char *message, bool full, size_t value)
{
	if (full)
		memset(message, (int)value, size);
	else
		*(volatile uint64_t *)message = value;
}

/* As many bytes at a time as a copy takes: the adding is not what is measured. */
#define WIDE	__attribute__((vector_size(16)))

static void look(const char *message, bool full)
{
	const uint64_t WIDE *words = (const void *)message;
	uint64_t WIDE a = {}, b = {}, c = {}, d = {};

	if (!full)
		a[0] = *(const uint64_t *)message;
	for (size_t i = 0; full && i < size / sizeof(*words); i += 4) {
		a += words[i];
		b += words[i + 1];
		c += words[i + 2];
		d += words[i + 3];
	}
	a += b + c + d;
	__asm__ volatile("" : : "m"(a) : "memory");
}

static void write_all(int fd)
{
	for (size_t done = 0; done < size;) {
		ssize_t ret = write(fd, buffer + done, size - done);

		if (ret < 0 && errno != EINTR)
			bench_fail("write");
		done += ret > 0 ? (size_t)ret : 0;
	}
}

static void read_all(int fd)
{
	for (size_t done = 0; done < size;) {
		ssize_t ret = read(fd, buffer + done, size - done);

		if (!ret || (ret < 0 && errno != EINTR))
			bench_fail("read");
		done += ret > 0 ? (size_t)ret : 0;
	}
}

static void channel(const int fds[2], int side, size_t n, bool full)
{
	for (size_t i = 0; i < n; i++) {
		if (side == 0) {
			fill(buffer, full, i);
			write_all(fds[1]);
		} else {
			read_all(fds[0]);
			look(buffer, full);
		}
	}
}

static void pipe_hdr(int side, size_t n)
{
	channel(pipe_fds, side, n, false);
}

static void pipe_full(int side, size_t n)
{
	channel(pipe_fds, side, n, true);
}

static void unix_hdr(int side, size_t n)
{
	channel(unix_fds, side, n, false);
}

static void unix_full(int side, size_t n)
{
	channel(unix_fds, side, n, true);
}

static void await(const size_t *where, size_t least)
{
	while (__atomic_load_n(where, __ATOMIC_ACQUIRE) < least)
		__builtin_ia32_pause();
}

/* What fits into a cache is passed more quickly. */
static size_t batch_most(void)
{
	return BATCH_BYTES / size < BATCH_MAX ? BATCH_BYTES / size : BATCH_MAX;
}

static size_t batch_at(size_t done, size_t n)
{
	size_t most = batch_most();

	return n - done < most ? n - done : most;
}

static void ring_put(size_t n, bool full)
{
	size_t blocks = 2 * batch_most();

	for (size_t done = 0; done < n;) {
		size_t batch = batch_at(done, n);

		if (done + batch > blocks)
			await(&ring->got, done + batch - blocks);
		for (size_t i = done; i < done + batch; i++)
			fill(ring->blocks[i % blocks], full, i);
		done += batch;
		__atomic_store_n(&ring->put, done, __ATOMIC_RELEASE);
	}
}

static void ring_get(size_t n, bool full)
{
	size_t blocks = 2 * batch_most();

	for (size_t done = 0; done < n;) {
		size_t batch = batch_at(done, n);

		await(&ring->put, done + batch);
		for (size_t i = done; i < done + batch; i++)
			look(ring->blocks[i % blocks], full);
		done += batch;
		__atomic_store_n(&ring->got, done, __ATOMIC_RELEASE);
	}
}

static void ring_pass(int side, size_t n, bool full)
{
	if (side == 0) {
		ring->put = 0;
		ring->got = 0;
	}
	bench_meet();
	if (side == 0)
		ring_put(n, full);
	else
		ring_get(n, full);
}

static void ring_hdr(int side, size_t n)
{
	ring_pass(side, n, false);
}

static void ring_full(int side, size_t n)
{
	ring_pass(side, n, true);
}

static void peer_setup(size_t message_size)
{
	int want = BUFFER;

	size = message_size;
	if (ring)
		return;
	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED || pipe(pipe_fds) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, unix_fds) < 0)
		bench_fail("channels");
	/* Both with all the room that they can have. */
	if (fcntl(pipe_fds[1], F_SETPIPE_SZ, BUFFER) < 0 ||
	    setsockopt(unix_fds[1], SOL_SOCKET, SO_SNDBUF, &want,
		       sizeof(want)) < 0)
		bench_fail("buffers");
}

static const struct bench_pattern patterns[] = {
	{ "pipe-hdr", BENCH_PROCESSES, pipe_hdr, NULL, NULL },
	{ "pipe-full", BENCH_PROCESSES, pipe_full, NULL, NULL },
	{ "unix-hdr", BENCH_PROCESSES, unix_hdr, NULL, NULL },
	{ "unix-full", BENCH_PROCESSES, unix_full, NULL, NULL },
	{ "ring-hdr", BENCH_PROCESSES, ring_hdr, NULL, NULL },
	{ "ring-full", BENCH_PROCESSES, ring_full, NULL, NULL },
	{ NULL, BENCH_ALONE, NULL, NULL, NULL },
};

const struct bench_peer bench_peer = {
	.patterns = patterns,
	.setup = peer_setup,
};
