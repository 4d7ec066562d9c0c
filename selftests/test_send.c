// SPDX-License-Identifier: GPL-2.0
/*
 * SEND and RECV: a block is at every moment one client's, its bytes go along,
 * and who is refused loses nothing. In shared and in isolated pools.
 */
#include "fp_own.h"

#define BLOCKS	256

FIXTURE(send) {
	struct fixedpool_pool_create_args args;
	struct fixedpool_recv_entry e[BLOCKS];
	__u64 h[BLOCKS];
	int a, b, r;		/* r is bound read-only */
	__u32 ida, idb, idr;
	char *ma, *mb;
	int pools;
};

FIXTURE_VARIANT(send) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(send, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(send, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };
FIXTURE_VARIANT_ADD(send, strict) { .flags = FIXEDPOOL_POOL_STRICT };

FIXTURE_SETUP(send)
{
	fp_catch();
	self->pools = fp_pools();
	self->args = fp_create_args(4096, BLOCKS);
	self->args.flags = variant->flags;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->r = fp_join(self->a, FIXEDPOOL_BIND_READONLY);
	ASSERT_LE(0, self->r);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
	self->idr = fp_client_id(self->r);
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
	self->mb = fp_map(self->b, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->ma);
	ASSERT_NE(MAP_FAILED, self->mb);
}

FIXTURE_TEARDOWN(send)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	fp_drain(self->a);
	fp_drain(self->b);
	fp_drain(self->r);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->b));
	munmap(self->ma, self->args.mapping_size);
	munmap(self->mb, self->args.mapping_size);
	close(self->a);
	close(self->b);
	close(self->r);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static char *at(char *map, __u64 handle)
{
	return map + fp_index(handle) * 4096ULL;
}

TEST_F(send, move)
{
	bool isolated = variant->flags;
	struct fixedpool_pool_query_args q;
	struct fixedpool_list_entry e;
	__u64 h;

	ASSERT_EQ(0, fp_alloc_tag(self->a, 0, 1, &h, 1234, NULL));
	ASSERT_EQ(0, fp_poke(at(self->ma, h), 'x'));
	EXPECT_EQ(FIXEDPOOL_STATE_HELD, fp_state(self->a, h, &e));
	EXPECT_EQ(self->ida, e.client);
	EXPECT_EQ(3, e.rights);
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, 0, h));

	/* in the inbox it is nobody's to touch, free, send, share or keep */
	EXPECT_EQ(FIXEDPOOL_STATE_INBOX, fp_state(self->a, h, &e));
	EXPECT_EQ(1, e.holders);
	EXPECT_EQ(self->idb, e.client);
	EXPECT_EQ(0, e.rights);
	EXPECT_EQ(1234, e.tag);
	EXPECT_EQ(isolated ? -SIGBUS : 'x', fp_peek(at(self->ma, h)));
	EXPECT_EQ(isolated ? -SIGBUS : 'x', fp_peek(at(self->mb, h)));
	EXPECT_EQ(-EPERM, fp_free(self->a, &h, 1, NULL));
	EXPECT_EQ(-EPERM, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(-EPERM, fp_send_one(self->a, self->idb, 0, h));
	EXPECT_EQ(-EPERM, fp_send_one(self->a, self->idb, 1, h));
	EXPECT_EQ(-EPERM, fp_send_one(self->b, self->ida, 0, h));
	EXPECT_EQ(-EPERM, fp_keep(self->a, 0, &h, 1, 5, NULL));
	EXPECT_EQ(-EPERM, fp_keep(self->b, 0, &h, 1, 5, NULL));
	EXPECT_EQ(-EPERM, fp_hold(self->b, &h, 1, NULL));
	EXPECT_EQ(0, fp_free_all(self->a, NULL));
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(1, q.inbox);
	EXPECT_EQ(0, q.held);
	EXPECT_EQ(0, q.client_held);
	EXPECT_EQ(0, fp_unbalanced(self->a));

	ASSERT_EQ(1, fp_recv(self->b, BLOCKS, self->e, 0));
	EXPECT_EQ(h, self->e[0].handle);
	EXPECT_EQ(1234, self->e[0].tag);
	EXPECT_EQ(self->ida, self->e[0].sender);
	EXPECT_EQ(3, self->e[0].rights);
	EXPECT_EQ('x', fp_peek(at(self->mb, h)));
	EXPECT_EQ(0, fp_poke(at(self->mb, h), 'y'));
	EXPECT_EQ(isolated ? -SIGBUS : 'y', fp_peek(at(self->ma, h)));
	EXPECT_EQ(-EPERM, fp_free(self->a, &h, 1, NULL));
	EXPECT_EQ(-EAGAIN, fp_recv(self->b, 1, self->e, 0));
	EXPECT_EQ(0, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(-ESTALE, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(-ESTALE, fp_send_one(self->b, self->ida, 0, h));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(1, q.sends);
	EXPECT_EQ(1, q.recvs);
	EXPECT_EQ(0, q.shares);
}

TEST_F(send, share)
{
	bool isolated = variant->flags;
	struct fixedpool_pool_query_args q;
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h), 'x'));
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, FIXEDPOOL_SEND_SHARE, h));
	/* the sender goes on, the receiver has it only when it took it */
	EXPECT_EQ(0, fp_poke(at(self->ma, h), 'y'));
	EXPECT_EQ(isolated ? -SIGBUS : 'y', fp_peek(at(self->mb, h)));
	EXPECT_EQ(-EPERM, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	ASSERT_EQ(1, fp_recv(self->b, 1, self->e, 0));
	EXPECT_EQ(3, self->e[0].rights);
	EXPECT_EQ('y', fp_peek(at(self->mb, h)));
	EXPECT_EQ(0, fp_poke(at(self->mb, h), 'z'));
	EXPECT_EQ('z', fp_peek(at(self->ma, h)));
	/* the first to free loses it, the last frees it */
	EXPECT_EQ(0, fp_free(self->a, &h, 1, NULL));
	EXPECT_EQ(isolated ? -SIGBUS : 'z', fp_peek(at(self->ma, h)));
	EXPECT_EQ('z', fp_peek(at(self->mb, h)));
	EXPECT_EQ(-EPERM, fp_free(self->a, &h, 1, NULL));
	EXPECT_EQ(1, fp_held(self->a));
	EXPECT_EQ(0, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(-ESTALE, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(isolated ? -SIGBUS : 'z', fp_peek(at(self->mb, h)));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(1, q.shares);
	EXPECT_EQ(1, q.frees);
}

/* Read-only shares: to whom, what they allow, and how they are passed on. */
TEST_F(send, readonly)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	char *map = fp_map(self->r, PROT_READ);
	struct fixedpool_list_entry le;
	__u64 h, mine;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h), 'x'));
	/* the read-only client gets nothing better */
	EXPECT_EQ(-EACCES, fp_send_one(self->a, self->idr, 0, h));
	EXPECT_EQ(-EACCES, fp_send_one(self->a, self->idr,
				       FIXEDPOOL_SEND_SHARE, h));
	EXPECT_EQ(0, fp_poke(at(self->ma, h), 'y'));
	EXPECT_EQ(-EAGAIN, fp_recv(self->r, 1, self->e, 0));
	EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idr,
				       FIXEDPOOL_SEND_READONLY, h));
	EXPECT_EQ(0, fp_send_one(self->a, self->idr, ro, h));
	ASSERT_EQ(1, fp_recv(self->r, 1, self->e, 0));
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ, self->e[0].rights);
	EXPECT_EQ('y', fp_peek(at(map, h)));
	EXPECT_EQ(FIXEDPOOL_STATE_HELD, fp_state(self->r, h, &le));
	EXPECT_EQ(2, le.holders);
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ, le.rights);
	/* a reader's descriptor cannot send, only receive and free */
	EXPECT_EQ(-EBADF, fp_send_one(self->r, self->ida, ro, h));
	EXPECT_EQ(-EBADF, fp_keep(self->r, 0, &h, 1, 1, NULL));
	EXPECT_EQ(-EBADF, fp_adopt(self->r, 0, 1, &mine, NULL));
	EXPECT_EQ(-EBADF, fp_gc(self->r, 0));
	EXPECT_EQ(-EBADF, fp_alloc(self->r, 0, 1, &mine, NULL));
	EXPECT_EQ(0, fp_free(self->r, &h, 1, NULL));
	EXPECT_EQ(variant->flags ? -SIGBUS : 'y', fp_peek(at(map, h)));

	/* who holds it read-only may pass on that, and no more */
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, ro, h));
	ASSERT_EQ(h, fp_recv_one(self->b));
	EXPECT_EQ(-EPERM, fp_send_one(self->b, self->ida, FIXEDPOOL_SEND_SHARE,
				      h));
	EXPECT_EQ(-EPERM, fp_keep(self->b, 0, &h, 1, 5, NULL));
	EXPECT_EQ(0, fp_send_one(self->b, self->idr, ro, h));
	EXPECT_EQ(0, fp_send_one(self->b, self->idr, 0, h));
	EXPECT_EQ(-EPERM, fp_free(self->b, &h, 1, NULL));
	ASSERT_EQ(2, fp_recv(self->r, 4, self->e, 0));
	EXPECT_EQ(1, self->e[0].rights);
	EXPECT_EQ(1, self->e[1].rights);
	EXPECT_EQ(self->idb, self->e[1].sender);
	EXPECT_EQ(1, fp_client_held(self->r));

	/* the last reader keeps it alive, and it is nobody's to write */
	EXPECT_EQ(0, fp_free(self->a, &h, 1, NULL));
	EXPECT_EQ('y', fp_peek(at(map, h)));
	EXPECT_EQ(1, fp_held(self->a));
	EXPECT_EQ(0, fp_free_all(self->r, NULL));
	EXPECT_EQ(0, fp_held(self->a));
	munmap(map, self->args.mapping_size);
}

/* What comes back to a holder is the same hold, with the greater right. */
TEST_F(send, merge)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h), 1));
	/* lesser rights take nothing away, also to oneself */
	EXPECT_EQ(0, fp_send_one(self->a, self->ida, ro, h));
	ASSERT_EQ(1, fp_recv(self->a, 4, self->e, 0));
	EXPECT_EQ(1, self->e[0].rights);
	EXPECT_EQ(0, fp_poke(at(self->ma, h), 2));
	EXPECT_EQ(1, fp_client_held(self->a));
	/* read-only first, then more of it, then with write right */
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, ro, h));
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, ro, h));
	ASSERT_EQ(2, fp_recv(self->b, 4, self->e, 0));
	if (variant->flags) {
		EXPECT_EQ(-SIGBUS, fp_poke(at(self->mb, h), 3));
	}
	EXPECT_EQ(-EPERM, fp_keep(self->b, 0, &h, 1, 5, NULL));
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, FIXEDPOOL_SEND_SHARE, h));
	ASSERT_EQ(1, fp_recv(self->b, 4, self->e, 0));
	EXPECT_EQ(3, self->e[0].rights);
	EXPECT_EQ(0, fp_poke(at(self->mb, h), 4));
	EXPECT_EQ(4, fp_peek(at(self->ma, h)));
	EXPECT_EQ(1, fp_client_held(self->b));
	/* moved to one who holds it: one hold, freed once */
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, 0, h));
	ASSERT_EQ(h, fp_recv_one(self->b));
	EXPECT_EQ(1, fp_client_held(self->b));
	EXPECT_EQ(0, fp_poke(at(self->mb, h), 5));
	EXPECT_EQ(0, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(-ESTALE, fp_free(self->b, &h, 1, NULL));
	EXPECT_EQ(0, fp_held(self->a));
}

TEST_F(send, to_oneself)
{
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h), 9));
	EXPECT_EQ(0, fp_send_one(self->a, self->ida, 0, h));
	EXPECT_EQ(0, fp_client_held(self->a));
	EXPECT_EQ(-EPERM, fp_free(self->a, &h, 1, NULL));
	if (variant->flags) {
		EXPECT_EQ(-SIGBUS, fp_peek(at(self->ma, h)));
	}
	ASSERT_EQ(1, fp_recv(self->a, 1, self->e, 0));
	EXPECT_EQ(self->ida, self->e[0].sender);
	EXPECT_EQ(9, fp_peek(at(self->ma, h)));
	EXPECT_EQ(0, fp_free(self->a, &h, 1, NULL));
}

TEST_F(send, refused)
{
	struct fixedpool_pool_create_args other = fp_create_args(4096, 16);
	int fd, gone = fp_join(self->a, 0);
	__u32 idgone = fp_client_id(gone), done;
	static const __u32 beyond[] = {
		BLOCKS, BLOCKS + 1, FIXEDPOOL_HANDLE_INDEX_MASK,
	};
	__u64 h[3], foreign;
	unsigned int i;
	char *late;

	ASSERT_EQ(0, fp_take(self->a, 3, h));
	ASSERT_EQ(0, fp_poke(at(self->ma, h[0]), 7));
	EXPECT_EQ(-ESRCH, fp_send_one(self->a, 0, 0, h[0]));
	EXPECT_EQ(-ESRCH, fp_send_one(self->a, 99999, 0, h[0]));
	EXPECT_EQ(-ESRCH, fp_send_one(self->a, ~0U, 1, h[0]));
	/* gone is who has neither descriptor nor mapping */
	late = fp_map(gone, PROT_READ);
	close(gone);
	EXPECT_EQ(0, fp_send_one(self->a, idgone, 0, h[2]));
	munmap(late, self->args.mapping_size);
	EXPECT_EQ(-ESRCH, fp_send_one(self->a, idgone, 0, h[0]));
	EXPECT_EQ(-ESTALE, fp_send_one(self->a, self->idb, 0, h[2]));

	EXPECT_EQ(-EINVAL, fp_send(self->a, self->idb, 0, h, 0, &done));
	EXPECT_EQ(-ERANGE, fp_send(self->a, self->idb, 0, h, ~0U, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idb, 0, 0));
	EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idb, 0, ~0ULL));
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		foreign = fp_handle(beyond[i], self->args.handle_tag, 1);
		EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idb, 0, foreign));
		EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idb, 1, foreign));
	}
	EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idb, 0,
				       h[0] ^ 1ULL << 24));
	EXPECT_EQ(-ESTALE, fp_send_one(self->a, self->idb, 0,
				       h[0] + (1ULL << 32)));
	EXPECT_EQ(-EPERM, fp_send_one(self->b, self->ida, 0, h[0]));
	EXPECT_EQ(-EPERM, fp_send_one(self->b, self->ida, 1, h[0]));
	/* ids and handles are of one pool */
	fd = fp_new_pool(&other);
	ASSERT_EQ(0, fp_take(fd, 1, &foreign));
	EXPECT_EQ(-EINVAL, fp_send_one(self->a, self->idb, 0, foreign));
	close(fd);
	/* in the middle of a batch */
	h[2] = h[1] ^ 1ULL << 24;
	EXPECT_EQ(-EINVAL, fp_send(self->a, self->idb, 0,
				   (__u64[]){ h[1], h[2], h[0] }, 3, &done));
	EXPECT_EQ(1, done);
	/* whatever was refused is still here, bytes and all */
	EXPECT_EQ(7, fp_peek(at(self->ma, h[0])));
	EXPECT_EQ(0, fp_poke(at(self->ma, h[0]), 8));
	EXPECT_EQ(0, fp_free(self->a, h, 1, NULL));
	EXPECT_EQ(h[1], fp_recv_one(self->b));
}

/* Batches of all sizes around the kernel's piece, in order. */
TEST_F(send, batches)
{
	static const __u32 sizes[] = { 1, 2, 31, 63, 64, 65, 127, 128, 129, 200 };
	unsigned int s, i;
	__u32 done;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		__u32 n = sizes[s], got = 0, room;

		ASSERT_EQ(0, fp_take(self->a, n, self->h));
		for (i = 0; i < n; i++)
			*(__u64 *)at(self->ma, self->h[i]) = self->h[i];
		ASSERT_EQ(0, fp_send(self->a, self->idb, 0, self->h, n, &done));
		EXPECT_EQ(n, done);
		EXPECT_EQ(0, fp_unbalanced(self->a));
		for (room = 1; got < n; room = room * 2 + 1) {
			int ret = fp_recv(self->b, room, self->e + got, 0);

			ASSERT_EQ(room < n - got ? room : n - got, ret);
			got += ret;
			if (room > BLOCKS - got)
				room = 0;
		}
		for (i = 0; i < n; i++) {
			ASSERT_EQ(self->h[i], self->e[i].handle);
			ASSERT_EQ(self->h[i],
				  *(__u64 *)at(self->mb, self->h[i]));
		}
		ASSERT_EQ(0, fp_free(self->b, self->h, n, NULL));
	}
}

/* The inbox takes max_inbox entries: shares of one block fill it. */
TEST_F_TIMEOUT(send, full_inbox, 120)
{
	struct fixedpool_info_args info;
	__u64 h[64], one;
	__u32 n, done = 0;
	int i, ret = 0, extra = fp_join(self->a, 0);
	__u32 id = fp_client_id(extra);

	ASSERT_LE(0, extra);
	ASSERT_EQ(0, fp_info(self->a, &info));
	ASSERT_EQ(0, fp_take(self->a, 1, h));
	ASSERT_EQ(0, fp_take(self->a, 1, &one));
	ASSERT_EQ(0, fp_poke(at(self->ma, one), 5));
	for (i = 1; i < 64; i++)
		h[i] = h[0];
	for (n = 0; n < info.max_inbox; n += 64)
		ASSERT_EQ(0, fp_send(self->a, id, FIXEDPOOL_SEND_SHARE, h, 64,
				     &done));
	EXPECT_EQ(-ENOBUFS, fp_send(self->a, id, FIXEDPOOL_SEND_SHARE, h, 64,
				    &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ENOBUFS, fp_send_one(self->a, id, 0, one));
	EXPECT_EQ(0, fp_poke(at(self->ma, one), 6));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	/* one out, one in */
	EXPECT_EQ(h[0], fp_recv_one(extra));
	EXPECT_EQ(0, fp_send_one(self->a, id, 0, one));
	EXPECT_EQ(-ENOBUFS, fp_send_one(self->a, id, 1, h[0]));
	for (n = 0; (ret = fp_recv(extra, BLOCKS, self->e, 0)) > 0; n += ret)
		;
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_EQ(info.max_inbox, n);
	EXPECT_EQ(2, fp_client_held(extra));
	/* and a client that dies with a full inbox leaves nothing behind */
	for (n = 0; n < info.max_inbox; n += 64)
		ASSERT_EQ(0, fp_send(self->a, id, FIXEDPOOL_SEND_SHARE, h, 64,
				     NULL));
	ASSERT_EQ(0, fp_free(self->a, h, 1, NULL));
	EXPECT_EQ(2, fp_held(self->a));
	close(extra);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(-ESTALE, fp_free(self->a, h, 1, NULL));
}

/* The receiver dies with blocks in the inbox: they are free, and zero. */
TEST_F(send, receiver_dies)
{
	int extra = fp_join(self->a, 0);
	__u32 id = fp_client_id(extra);
	unsigned int i;

	ASSERT_EQ(0, fp_take(self->a, 100, self->h));
	for (i = 0; i < 100; i++)
		memset(at(self->ma, self->h[i]), 0xaa, 4096);
	ASSERT_EQ(0, fp_send(self->a, id, 0, self->h, 100, NULL));
	ASSERT_EQ(30, fp_recv(extra, 30, self->e, 0));
	close(extra);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-ESTALE, fp_free(self->a, self->h + i, 1, NULL));
	ASSERT_EQ(0, fp_take(self->b, BLOCKS, self->h));
	for (i = 0; i < BLOCKS; i++)
		ASSERT_TRUE(fp_all_bytes(at(self->mb, self->h[i]), 0, 4096));
}

/* The array of SEND and of RECV ends where nothing is mapped. */
TEST_F(send, bad_arrays)
{
	char *end = fp_guarded_page();
	const __u32 n = 130;
	__u32 good, done;
	unsigned int i;
	int ret;

	ASSERT_NE(NULL, end);
	for (good = 0; good <= n; good += good < 4 || good > 60 ? 1 : 13) {
		__u64 *array = (void *)(end - good * sizeof(*array));
		struct fixedpool_recv_entry *to =
			(void *)(end - good * sizeof(*to));
		__u32 sent, got;

		ASSERT_EQ(0, fp_take(self->a, n, self->h));
		memcpy(array, self->h, good * sizeof(*array));
		ret = fp_send(self->a, self->idb, 0, array, n, &sent);
		ASSERT_EQ(good == n ? 0 : -EFAULT, ret);
		ASSERT_GE(good, sent);
		ASSERT_EQ(n - sent, fp_client_held(self->a));
		ASSERT_EQ(0, fp_unbalanced(self->a));
		if (sent < n) {
			ASSERT_EQ(0, fp_send(self->a, self->idb, 0,
					     self->h + sent, n - sent, &done));
		}

		/* all in the inbox; as much as fits comes out */
		ret = fp_recv_args(self->b, 0, n, to, 0, &got);
		ASSERT_EQ(good == n ? 0 : -EFAULT, ret);
		ASSERT_EQ(good, got);
		ASSERT_EQ(good, fp_client_held(self->b));
		ASSERT_EQ(0, fp_unbalanced(self->a));
		for (i = 0; i < got; i++)
			ASSERT_EQ(self->h[i], to[i].handle);
		/* what was not delivered is there still, in order */
		if (good < n) {
			ASSERT_EQ(n - good, fp_recv(self->b, BLOCKS, self->e,
						    0));
		}
		for (i = good; i < n; i++)
			ASSERT_EQ(self->h[i], self->e[i - good].handle);
		ASSERT_EQ(0, fp_free(self->b, self->h, n, NULL));
	}
}

/* Quotas: what is in the inbox is nobody's yet. */
TEST_F(send, quota)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 16);
	int a, b;
	__u64 h[8];

	args.quota = 4;
	args.flags = variant->flags;
	a = fp_new_pool(&args);
	b = fp_join(a, 0);
	ASSERT_EQ(0, fp_take(a, 4, h));
	EXPECT_EQ(-EDQUOT, fp_alloc(a, 0, 1, h + 4, NULL));
	ASSERT_EQ(0, fp_send(a, fp_client_id(b), 0, h, 2, NULL));
	ASSERT_EQ(0, fp_take(a, 2, h + 4));
	ASSERT_EQ(0, fp_send(a, fp_client_id(b), 0, h + 2, 2, NULL));
	ASSERT_EQ(0, fp_send(a, fp_client_id(b), 0, h + 4, 2, NULL));
	EXPECT_EQ(4, fp_recv(b, 8, self->e, 0));
	EXPECT_EQ(h[0], self->e[0].handle);
	EXPECT_EQ(-EDQUOT, fp_recv(b, 8, self->e, 0));
	EXPECT_EQ(-EDQUOT, fp_recv(b, 8, self->e, FP_SEC));
	ASSERT_EQ(0, fp_free(b, h, 1, NULL));
	EXPECT_EQ(1, fp_recv(b, 8, self->e, 0));
	EXPECT_EQ(h[4], self->e[0].handle);
	/* shares count like any hold */
	ASSERT_EQ(0, fp_take(a, 1, h));
	ASSERT_EQ(0, fp_send_one(a, fp_client_id(b), 1, h[0]));
	EXPECT_EQ(-EDQUOT, fp_recv(b, 8, self->e, 0));
	EXPECT_EQ(0, fp_free_all(b, NULL));
	EXPECT_EQ(2, fp_recv(b, 8, self->e, 0));
	EXPECT_EQ(2, fp_client_held(b));
	EXPECT_EQ(0, fp_unbalanced(a));
	close(a);
	close(b);
}

TEST_HARNESS_MAIN
