// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading while the module is used in every way there is: each
 * attempt is refused, or everything of it is gone. FP_LOADS says how often it
 * has to go, FP_SEED what its users do.
 */
#include <sys/epoll.h>

#include "fp_module.h"
#include "fp_own.h"

#define USERS		4
#define RCU_EXPEDITED	"/sys/kernel/rcu_expedited"

FIXTURE(unload) {
	struct fp_was was;
	pid_t users[USERS];
	__u64 seed;
};

FIXTURE_SETUP(unload)
{
	self->seed = fp_seed();
	/* waiting for grace periods is most of what unloading takes */
	fp_write_file(RCU_EXPEDITED, "1");
	ASSERT_EQ(0, load_plain(&self->was));
	if (!self->was.there)
		SKIP(return, "no fixedpool.ko to load; set FP_MODULE");
}

FIXTURE_TEARDOWN(unload)
{
	EXPECT_EQ(0, load_as_it_was(&self->was));
	fp_write_file(RCU_EXPEDITED, "0");
	if (self->was.there)
		EXPECT_EQ(0, access(FP_DEV, R_OK));
}

/* Every attribute of every pool, and of the module. */
static void look(const char *dir)
{
	char path[300], text[256];
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR)
			look(path);
		else
			fp_read_file(path, text, sizeof(text));
	}
	if (d)
		closedir(d);
}

/* A block is left for whoever comes: the module has to stay until it is gone. */
static void leave_orphan(int fd)
{
	__u64 h;

	fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 1, &h, 3, NULL);
}

static void use(int fd, __u64 *seed)
{
	int poll = epoll_create1(EPOLL_CLOEXEC), other = fp_join(fd, 0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	char *map = fp_map(fd, PROT_READ | PROT_WRITE);
	__u64 h[4];

	epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
	fp_take(fd, 4, h);
	fp_send(fd, fp_client_id(other), 0, h, 2, NULL);
	fp_poke(map, 1);
	if (fp_random(seed) % 4 == 0)
		leave_orphan(other);
	epoll_wait(poll, &event, 1, 0);
	/* in any order, or not at all */
	if (fp_random(seed) % 2)
		close(poll);
	if (fp_random(seed) % 2)
		close(fd);
	fp_recv_one(other);
	if (fp_random(seed) % 8 == 0)
		raise(SIGKILL);
}

/* Comes, uses it, and goes; finds it there or not. */
static pid_t user(__u64 seed)
{
	static const __u32 flags[] = {
		0, FIXEDPOOL_POOL_ISOLATED, FIXEDPOOL_POOL_STRICT,
	};
	struct fixedpool_pool_create_args args = fp_create_args(4096, 16);
	pid_t pid = fp_fork();
	int fd;

	if (pid)
		return pid;
	fp_catch();
	seed |= 1;
	fp_sleep_us(fp_random(&seed) % 10000);
	if (fp_random(&seed) % 4 == 0) {
		look("/sys/kernel/fixedpool");
		_exit(0);
	}
	args.flags = flags[fp_random(&seed) % 3];
	/* a name that stays goes with the module */
	if (fp_random(&seed) % 3 == 0)
		strcpy(args.name, "unload");
	fd = fp_new_pool(&args);
	if (fd == -EEXIST) {
		fd = fp_open(O_RDWR);
		if (fd >= 0 && fp_bind(fd, "unload", 0, 0))
			_exit(0);
	}
	if (fd < 0) {
		FP_CHILD_OK(fd == -ENOENT || fd == -ENXIO || fd == -ENODEV);
		_exit(0);
	}
	use(fd, &seed);
	if (args.name[0]) {
		fp_gc(fd, FIXEDPOOL_GC_ALL);
		fp_forget("unload");
	}
	_exit(0);
}

/* What an orphan in a pool with a name keeps for good is taken away. */
static void sweep(void)
{
	int fd = fp_open(O_RDWR);

	if (fd >= 0 && !fp_bind(fd, "unload", 0, 0))
		fp_gc(fd, FIXEDPOOL_GC_ALL);
	if (fd >= 0)
		close(fd);
}

TEST_F_TIMEOUT(unload, cycles_under_load, 3600)
{
	long goal = fp_scale("FP_LOADS", 1000), cycles = 0, busy = 0;
	/* in the time there is, or as often as was asked for */
	__u64 end = getenv("FP_LOADS") ? ~0ULL : fp_now_ms() + 40000;
	int i, status, ret;

	if (self->was.slow)
		SKIP(return, "unloading takes seconds here: DEBUG_KOBJECT_RELEASE");
	for (i = 0; i < USERS; i++)
		self->users[i] = user(fp_random(&self->seed));
	while (cycles < goal && fp_now_ms() < end) {
		ret = unload();
		if (!ret) {
			ASSERT_FALSE(loaded());
			ASSERT_EQ(-1, fp_pools());
			ASSERT_EQ(0, load(cycles & 1 ? "pools=x:64x64" : ""));
			cycles++;
		} else {
			ASSERT_TRUE(ret == -EBUSY || ret == -EWOULDBLOCK)
				TH_LOG("delete_module: %d", ret);
			if (++busy % 64 == 0)
				sweep();
			fp_sleep_us(200);
		}
		for (i = 0; i < USERS; i++) {
			if (waitpid(self->users[i], &status, WNOHANG) <= 0)
				continue;
			EXPECT_TRUE(!status || (WIFSIGNALED(status) &&
						WTERMSIG(status) == SIGKILL));
			self->users[i] = user(fp_random(&self->seed));
		}
	}
	for (i = 0; i < USERS; i++) {
		ret = fp_reap(self->users[i]);
		EXPECT_TRUE(!ret || ret == 128 + SIGKILL);
	}
	printf("# %ld cycles of loading and unloading, refused %ld times\n",
	       cycles, busy);
	/* it takes some hundreds where nothing else runs */
	EXPECT_LE(goal < 20 ? goal : 20, cycles);
	EXPECT_LT(0, busy);
	sweep();
	/* at rest it goes */
	EXPECT_EQ(0, unload());
}

TEST_HARNESS_MAIN
