/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/cpumask.h> */
#ifndef SHIM_LINUX_CPUMASK_H
#define SHIM_LINUX_CPUMASK_H

#include <linux/bitmap.h>
#include <linux/compiler.h>

#define num_possible_cpus()	shim_nr_cpus
#define for_each_possible_cpu(cpu) \
	for ((cpu) = 0; (cpu) < (int)shim_nr_cpus; (cpu)++)

#endif /* SHIM_LINUX_CPUMASK_H */
