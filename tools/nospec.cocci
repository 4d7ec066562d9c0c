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
# These clamp, or index by what fp_chunk_place() has clamped.
clamps = {"fp_chunk_place", "fp_chunk_block", "fp_chunk_note", "fp_chunk_zero",
	  "fp_chunk_unpin", "fp_revoke", "fp_pool_chunk", "fp_pool_page",
	  "fp_op_find", "fp_block_end_run", "fp_block_leave_run"}
own = {
	# blocks off the free lists, or the bits of a leaf
	"fp_block_give_run", "fp_block_end_mask", "fp_client_give_run",
	"fp_client_end_bits", "fp_client_alloc_one", "fp_pool_put_back",
	# blocks that the caller is alone with
	"fp_block_pass_run", "fp_inbox_pass", "fp_client_tags",
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
clamped.add(p[0].current_element)

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
	elif at.current_element not in clamped:
		why = "does not clamp the index"
	else:
		why = None
	if why:
		print("%s:%s: %s %s" % (at.file, at.line, at.current_element, why))
