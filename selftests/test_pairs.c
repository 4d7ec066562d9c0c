// SPDX-License-Identifier: GPL-2.0
/*
 * Each pair of calls that may meet on one block, its clients or its pool, made
 * to meet. What both answer, and what is left, has to be what one order of the
 * two gives or the other, as done one after the other before; and where the
 * orders differ both have to come up. FP_ROUNDS multiplies the meetings.
 */
#include "fp_meet.h"
#include "fp_own.h"

#define BLOCKS	8
#define SIZE	4096ULL
#define TAG	7
#define NAME	"pairs"
#define LABEL	"pairs-a"
/* At least, and until both orders were seen. */
#define MEETINGS	4
#define PATIENCE	4000

/*
 * A call that is refused may give the reason of any moment while it ran: that
 * it is not the caller's, or that nothing is there any more.
 */
#define REFUSED		(-2000)

/* Who takes part; FILL holds all other blocks, so that the one comes back. */
enum { A, B, C, FILL, CLIENTS };

enum pairs_scene {
	HELD,		/* by A */
	KEPT,		/* by A, and would become an orphan */
	SHARED,		/* by A and B */
	LENT,		/* by A, and to be read by B */
	SENT,		/* in B's inbox */
	ORPHAN,
	FREE,
	SCENES
};

static const char *const scene_names[] = {
	"held", "kept", "shared", "lent", "sent", "orphan", "free",
};

struct world {
	int fd[CLIENTS];
	__u32 id[CLIENTS];
	__u64 block;
	char *map;		/* A's, if it is to be touched */
	size_t len;
};

/* --- what is done ---------------------------------------------------------- */

static int free_a(struct world *w)
{
	return fp_free(w->fd[A], &w->block, 1, NULL);
}

static int free_b(struct world *w)
{
	return fp_free(w->fd[B], &w->block, 1, NULL);
}

static int free_all_a(struct world *w)
{
	__u64 ended = 0;
	int ret = fp_free_all(w->fd[A], &ended);

	return ret ? ret : (int)ended;
}

static int move_a_b(struct world *w)
{
	return fp_send_one(w->fd[A], w->id[B], 0, w->block);
}

static int move_a_c(struct world *w)
{
	return fp_send_one(w->fd[A], w->id[C], 0, w->block);
}

static int move_b_a(struct world *w)
{
	return fp_send_one(w->fd[B], w->id[A], 0, w->block);
}

static int share_a_b(struct world *w)
{
	return fp_send_one(w->fd[A], w->id[B], FIXEDPOOL_SEND_SHARE, w->block);
}

static int lend_a_c(struct world *w)
{
	return fp_send_one(w->fd[A], w->id[C],
			   FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY,
			   w->block);
}

static int recv_by(struct world *w, int who)
{
	struct fixedpool_recv_entry e;
	int ret = fp_recv(w->fd[who], 1, &e, 0);

	return ret == 1 && e.handle != w->block ? -1000 : ret;
}

static int recv_a(struct world *w)
{
	return recv_by(w, A);
}

static int recv_b(struct world *w)
{
	return recv_by(w, B);
}

static int hold_c(struct world *w)
{
	return fp_hold(w->fd[C], &w->block, 1, NULL);
}

static int keep_a(struct world *w)
{
	return fp_keep(w->fd[A], 0, &w->block, 1, TAG, NULL);
}

static int unkeep_a(struct world *w)
{
	return fp_keep(w->fd[A], FIXEDPOOL_KEEP_DROP, &w->block, 1, 0, NULL);
}

static int alloc_c(struct world *w)
{
	__u64 h = 0;
	int ret = fp_alloc(w->fd[C], FIXEDPOOL_ALLOC_NONBLOCK, 1, &h, NULL);

	return !ret && fp_index(h) != fp_index(w->block) ? -1000 : ret;
}

static int adopt_c(struct world *w)
{
	__u64 h = 0;
	int ret = fp_adopt(w->fd[C], TAG, 1, &h, NULL);

	return ret == 1 && fp_index(h) != fp_index(w->block) ? -1000 : ret;
}

static int gc(struct world *w)
{
	return fp_gc(w->fd[C], FIXEDPOOL_GC_ALL);
}

static int list_c(struct world *w)
{
	struct fixedpool_list_entry e;

	return fp_state(w->fd[C], w->block, &e);
}

static int label_a(struct world *w)
{
	return fp_label(w->fd[A], LABEL);
}

static int find_c(struct world *w)
{
	__u32 id = 0;
	int ret = fp_find(w->fd[C], LABEL, 0, &id);

	return !ret && id != w->id[A] ? -1000 : ret;
}

static int touch_a(struct world *w)
{
	return fp_poke(w->map + fp_index(w->block) * SIZE, 1);
}

static int bind_new(struct world *w)
{
	int fd = fp_open(O_RDWR), ret;

	(void)w;
	ret = fp_bind(fd, NAME, -1, 0);
	close(fd);
	return ret;
}

static int destroy(struct world *w)
{
	return fp_destroy(w->fd[C], NAME);
}

static int close_a(struct world *w)
{
	return close(w->fd[A]);
}

static int close_b(struct world *w)
{
	return close(w->fd[B]);
}

static int close_c(struct world *w)
{
	return close(w->fd[C]);
}

/* What a call is about; two that have nothing in common do not meet. */
#define BLOCK	1
#define LABELS	2

static const struct call {
	const char *name;
	int (*run)(struct world *w);
	int about;
	int closes;		/* whom, as a bit */
} calls[] = {
#define CALL(name, about, closes)	{ #name, name, about, closes }
	CALL(free_a, BLOCK, 0),
	CALL(free_b, BLOCK, 0),
	CALL(free_all_a, BLOCK, 0),
	CALL(move_a_b, BLOCK, 0),
	CALL(move_a_c, BLOCK, 0),
	CALL(move_b_a, BLOCK, 0),
	CALL(share_a_b, BLOCK, 0),
	CALL(lend_a_c, BLOCK, 0),
	CALL(recv_a, BLOCK, 0),
	CALL(recv_b, BLOCK, 0),
	CALL(hold_c, BLOCK, 0),
	CALL(keep_a, BLOCK, 0),
	CALL(unkeep_a, BLOCK, 0),
	CALL(alloc_c, BLOCK, 0),
	CALL(adopt_c, BLOCK, 0),
	CALL(gc, BLOCK, 0),
	CALL(list_c, BLOCK, 0),
	CALL(touch_a, BLOCK, 0),
	CALL(label_a, LABELS, 1 << A),	/* for good: closed afterwards */
	CALL(find_c, LABELS, 0),
	CALL(close_a, BLOCK | LABELS, 1 << A),
	CALL(close_b, BLOCK, 1 << B),
	CALL(close_c, BLOCK, 1 << C),
};

/* --- the world before, and what is left ------------------------------------ */

static bool world_begins(struct world *w, __u32 flags)
{
	struct fixedpool_pool_create_args args = fp_create_args(SIZE, BLOCKS);
	__u64 rest[BLOCKS];
	int i;

	args.flags = flags;
	args.gc_age_ms = 3600000;
	snprintf(args.name, sizeof(args.name), NAME);
	memset(w, 0, sizeof(*w));
	w->fd[FILL] = fp_new_pool(&args);
	w->len = args.mapping_size;
	for (i = 0; i < FILL; i++)
		w->fd[i] = -1;
	return w->fd[FILL] >= 0 && !fp_take(w->fd[FILL], BLOCKS - 1, rest);
}

static void world_ends(struct world *w)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (w->fd[i] >= 0)
			close(w->fd[i]);
	fp_forget(NAME);
}

/* Somebody who keeps the block, and dies. */
static bool leave_orphan(struct world *w)
{
	int fd = fp_join(w->fd[FILL], 0);

	return fd >= 0 && !fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 1, &w->block,
					TAG, NULL) && !close(fd);
}

/* A, B and C as if they were new, and the block in the state of the scene. */
static bool set_scene(struct world *w, enum pairs_scene scene, bool mapped)
{
	int i;

	for (i = 0; i < FILL; i++) {
		if (w->fd[i] >= 0) {
			fp_drain(w->fd[i]);
			continue;
		}
		w->fd[i] = fp_join(w->fd[FILL], 0);
		if (w->fd[i] < 0)
			return false;
		w->id[i] = fp_client_id(w->fd[i]);
	}
	if (fp_gc(w->fd[FILL], FIXEDPOOL_GC_ALL) < 0)
		return false;
	if (mapped) {
		w->map = fp_map(w->fd[A], PROT_READ | PROT_WRITE);
		if (w->map == MAP_FAILED)
			return false;
	}
	if (scene == ORPHAN)
		return leave_orphan(w);
	if (fp_alloc_tag(w->fd[A], scene == KEPT ? FIXEDPOOL_ALLOC_KEEP : 0, 1,
			 &w->block, TAG, NULL))
		return false;
	switch (scene) {
	case SHARED:
		return !share_a_b(w) && recv_b(w) == 1;
	case LENT:
		return !fp_send_one(w->fd[A], w->id[B], FIXEDPOOL_SEND_SHARE |
				    FIXEDPOOL_SEND_READONLY, w->block) &&
		       recv_b(w) == 1;
	case SENT:
		return !move_a_b(w);
	case FREE:
		return !free_a(w);
	default:
		return true;
	}
}

/* Those of @closed are closed, or are to be now. */
static void end_scene(struct world *w, int closed)
{
	int i;

	if (w->map)
		munmap(w->map, w->len);
	w->map = NULL;
	for (i = 0; i < FILL; i++)
		if (closed & 1 << i) {
			close(w->fd[i]);
			w->fd[i] = -1;
		}
}

/* What came of two calls: their answers, and what is left. */
struct result {
	int answer[2];
	char text[160];
};

static int answer(int ret)
{
	return ret == -EPERM || ret == -ESTALE || ret == -ESRCH ? REFUSED : ret;
}

static int who_is(const struct world *w, __u32 id)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (w->id[i] == id)
			return 'A' + i;
	return id ? '?' : '-';
}

/* Some client of a scene may be gone; FILL never is. */
static struct result result_of(const struct world *w, int first, int second)
{
	struct fixedpool_pool_query_args q = { 0 };
	struct fixedpool_list_entry e = { 0 };
	struct result r = { { first, second }, "" };
	int i, n, state = fp_state(w->fd[FILL], w->block, &e);

	fp_query(w->fd[FILL], &q);
	n = snprintf(r.text, sizeof(r.text),
		     "%d %d: state %d, %u holders, %c, kept %d, same %d, free %llu inbox %llu orphans %llu, held",
		     answer(first), answer(second), state, e.holders, who_is(w, e.client),
		     e.tag == TAG, e.handle == w->block,
		     (unsigned long long)(q.free + q.cached),
		     (unsigned long long)q.inbox,
		     (unsigned long long)q.orphaned);
	for (i = A; i < FILL; i++)
		n += snprintf(r.text + n, sizeof(r.text) - n, " %d",
			      (int)fp_client_held(w->fd[i]));
	if (fp_unbalanced(w->fd[FILL]))
		snprintf(r.text + n, sizeof(r.text) - n, " UNBALANCED");
	return r;
}

static bool same(const struct result *a, const struct result *b)
{
	return !strcmp(a->text, b->text);
}

/* --- the meeting ----------------------------------------------------------- */

static int run(void *arg, const void *call)
{
	return ((const struct call *)call)->run(arg);
}

static struct result meet(struct world *w, const struct call *first,
			  const struct call *second, __u64 *seed)
{
	int ret[2];

	fp_meet(run, w, first, second, seed, ret);
	return result_of(w, ret[0], ret[1]);
}

static struct result in_order(struct world *w, const struct call *first,
			      const struct call *second, bool turned)
{
	int one, two;

	if (turned) {
		two = second->run(w);
		one = first->run(w);
	} else {
		one = first->run(w);
		two = second->run(w);
	}
	return result_of(w, one, two);
}

FIXTURE(pairs) {
	int pools;
	__u64 seed;
};

FIXTURE_VARIANT(pairs) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(pairs, shared) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(pairs, isolated) {
	.flags = FIXEDPOOL_POOL_ISOLATED,
};

FIXTURE_VARIANT_ADD(pairs, strict) {
	.flags = FIXEDPOOL_POOL_ISOLATED | FIXEDPOOL_POOL_STRICT,
};

FIXTURE_SETUP(pairs)
{
	fp_catch();
	self->pools = fp_pools();
	self->seed = fp_seed();
	ASSERT_EQ(0, fp_meet_begin());
}

FIXTURE_TEARDOWN(pairs)
{
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* What one pair did in one scene. */
struct tally {
	long seen[2];		/* as in this order, as in the other */
	struct result order[2];
	struct result strange;
	bool failed, is_strange, differ;
};

/* Both calls are refused, whichever comes first. */
static bool nothing_happens(const struct tally *t)
{
	return t->order[0].answer[0] < 0 && t->order[0].answer[1] < 0 &&
	       t->order[1].answer[0] < 0 && t->order[1].answer[1] < 0;
}

static void meetings(struct tally *t, struct world *w, enum pairs_scene scene,
		     const struct call *first, const struct call *second,
		     __u64 *seed)
{
	const bool mapped = first->run == touch_a || second->run == touch_a;
	const int closed = first->closes | second->closes;
	struct result r;
	long i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < 2; i++) {
		if (!set_scene(w, scene, mapped)) {
			t->failed = true;
			return;
		}
		t->order[i] = in_order(w, first, second, i);
		end_scene(w, closed);
	}
	if (nothing_happens(t))
		return;
	t->differ = !same(&t->order[0], &t->order[1]);
	for (i = 0; i < fp_rounds(MEETINGS) ||
	     (t->differ && i < PATIENCE && !(t->seen[0] && t->seen[1])); i++) {
		t->failed |= !set_scene(w, scene, mapped);
		r = meet(w, first, second, seed);
		end_scene(w, closed);
		if (same(&r, &t->order[0])) {
			t->seen[0]++;
		} else if (same(&r, &t->order[1])) {
			t->seen[1]++;
		} else {
			t->strange = r;
			t->is_strange = true;
			return;
		}
	}
}

/* One scene, and all pairs in it. */
static void all_pairs(struct __test_metadata *_metadata, struct world *w,
		      enum pairs_scene scene, __u64 *seed, long *both, long *met)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		for (j = i; j < ARRAY_SIZE(calls); j++) {
			const struct call *x = &calls[i], *y = &calls[j];
			struct tally t;

			if (!(x->about & y->about))
				continue;
			meetings(&t, w, scene, x, y, seed);
			ASSERT_FALSE(t.failed);
			/* what it left behind would spoil all that follows */
			ASSERT_FALSE(t.is_strange)
				TH_LOG("%s: %s, %s\n# met:   %s\n# order: %s\n# other: %s",
				       scene_names[scene], x->name, y->name,
				       t.strange.text, t.order[0].text,
				       t.order[1].text);
			EXPECT_TRUE(!t.differ || nothing_happens(&t) ||
				    (t.seen[0] && t.seen[1]))
				TH_LOG("%s: %s, %s: %ld in one order, %ld in the other",
				       scene_names[scene], x->name, y->name,
				       t.seen[0], t.seen[1]);
			*both += t.seen[0] && t.seen[1];
			*met += t.seen[0] + t.seen[1];
		}
}

TEST_F_TIMEOUT(pairs, in_one_order_or_the_other, 170)
{
	long both = 0, met = 0;
	struct world w;
	int scene;

	ASSERT_TRUE(world_begins(&w, variant->flags));
	for (scene = 0; scene < SCENES; scene++)
		all_pairs(_metadata, &w, scene, &self->seed, &both, &met);
	world_ends(&w);
	TH_LOG("met %ld times; %ld pairs came in both orders", met, both);
	EXPECT_LT(300, both);
}

/* Who joins a pool by a name that goes. */
TEST_F(pairs, bind_and_destroy)
{
	static const struct call bind = { "bind_new", bind_new, 0, 0 },
				 end = { "destroy", destroy, 0, 0 };
	long i, seen[2] = { 0 };
	struct world w;

	for (i = 0; i < fp_rounds(MEETINGS) || !(seen[0] && seen[1]); i++) {
		struct result r;

		ASSERT_LT(i, PATIENCE);
		ASSERT_TRUE(world_begins(&w, variant->flags));
		ASSERT_TRUE(set_scene(&w, HELD, false));
		r = meet(&w, &bind, &end, &self->seed);
		EXPECT_EQ(0, r.answer[1]);
		EXPECT_TRUE(!r.answer[0] || r.answer[0] == -ENOENT)
			TH_LOG("bind: %d", r.answer[0]);
		seen[!r.answer[0]]++;
		world_ends(&w);
	}
}

TEST_HARNESS_MAIN
