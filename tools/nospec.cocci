// SPDX-License-Identifier: GPL-2.0
//
// Where a user's index may come to: arrays are subscripted by those alone who
// clamp it under speculation, and by those whose index is their own. Whoever is
// new here takes the clamped way, or is added with a reason.
//
// tools/lint nospec runs it.

virtual report

@initialize:python@
@@
# These clamp, or index by what fp_chunk_place() has clamped: so many times.
clamps = {"fp_chunk_place": 1, "fp_chunk_block": 1, "fp_chunk_note": 1,
	  "fp_chunk_zero": 1, "fp_chunk_unpin": 1, "fp_revoke": 1,
	  "fp_pool_chunk": 1, "fp_pool_page": 1, "fp_op_find": 1,
	  "fp_block_leave_run": 2, "fp_client_tags": 1}
own = {
	# blocks off the free lists, or the bits of a leaf
	"fp_block_give_run", "fp_block_end_mask", "fp_client_give_run",
	"fp_client_end_bits", "fp_client_alloc_one", "fp_pool_put_back",
	# blocks that the caller is alone with
	"fp_block_pass_run", "fp_inbox_pass",
	# all of them, one after the other
	"fp_pool_add_chunk", "fp_pool_destroy", "fp_chunk_alloc_pages",
	"fp_chunk_free_pages",
}
clamped = set()

@clamp@
position p;
@@
(
 array_index_nospec@p(...)
|
 fp_chunk_place@p(...)
)

@script:python@
p << clamp.p;
@@
clamped.add((p[0].current_element, p[0].line))

@use@
struct fp_block *block;
struct fp_note *note;
struct fp_chunk *chunk;
struct fp_pool *pool;
identifier ops = fp_ops;
expression e;
position p;
@@
(
 block@p[e]
|
 block@p + e
|
 block@p += e
|
 note@p[e]
|
 note@p + e
|
 note@p += e
|
 chunk->blocks@p[e]
|
 chunk->blocks@p + e
|
 chunk->notes@p[e]
|
 chunk->notes@p + e
|
 chunk->pages@p[e]
|
 pool->chunks@p[e]
|
 ops@p[e]
|
 e@p - chunk->base
)

@script:python@
p << use.p;
@@
at = p[0]
if at.current_element not in own:
	if at.current_element not in clamps:
		why = "subscripts, and is not known to"
	elif sum(name == at.current_element for name, line in clamped) < \
	     clamps[at.current_element]:
		why = "does not clamp the index each time"
	else:
		why = None
	if why:
		print("%s:%s: %s %s" % (at.file, at.line, at.current_element, why))
