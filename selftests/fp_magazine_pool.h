/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pool for each test of the library's magazines, shared or isolated, with a
 * second client, and what has to be true of it at the end.
 */
#ifndef FP_MAGAZINE_POOL_H
#define FP_MAGAZINE_POOL_H

#include "fp_magazine.h"

FIXTURE(magazine) {
	struct fixedpool *pool;
	int fd, other;
	char *p[MAX_BLOCKS];
	int pools;
};

FIXTURE_VARIANT(magazine) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(magazine, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(magazine, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

FIXTURE_SETUP(magazine)
{
	struct fixedpool_config config = config_of(variant->flags);

	self->pools = fp_pools();
	self->pool = fixedpool_create(&config);
	ASSERT_NE(NULL, self->pool);
	self->fd = fixedpool_fd(self->pool);
	self->other = fp_join(self->fd, 0);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(magazine)
{
	EXPECT_LE(0, fixedpool_give_back(self->pool));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->other);
	fixedpool_close(self->pool);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

#endif /* FP_MAGAZINE_POOL_H */
