/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What libFuzzer calls, and what it is to call.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* main() of fixedpoolctl, whose name is libFuzzer's own. */
int ctl_main(int argc, char **argv);

#endif /* FUZZ_FUZZ_H */
