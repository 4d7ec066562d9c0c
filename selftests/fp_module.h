/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests that load and unload the module share.
 */
#ifndef FP_MODULE_H
#define FP_MODULE_H

#include <sys/syscall.h>
#include <sys/utsname.h>

#include "fp_util.h"

#define SYS_MODULE	"/sys/module/fixedpool"

static char module_path[512];

static inline const char *find_module(void)
{
	const char *given = getenv("FP_MODULE");
	const char *const dirs[] = {
		"/lib/modules/%s/updates/dkms", "/lib/modules/%s/updates",
		"/lib/modules/%s/extra", "/vm", "/lib",
	};
	struct utsname uts;
	char dir[256];
	unsigned int i;

	if (given) {
		snprintf(module_path, sizeof(module_path), "%s", given);
		return access(module_path, R_OK) ? NULL : module_path;
	}
	uname(&uts);
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(dir, sizeof(dir), dirs[i], uts.release);
#pragma GCC diagnostic pop
		snprintf(module_path, sizeof(module_path), "%s/fixedpool.ko",
			 dir);
		if (!access(module_path, R_OK))
			return module_path;
	}
	return NULL;
}

static inline int load(const char *params)
{
	int fd = open(module_path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static inline int unload(void)
{
	return syscall(SYS_delete_module, "fixedpool", O_NONBLOCK) ? -errno : 0;
}

static inline bool loaded(void)
{
	return !access(SYS_MODULE, F_OK);
}

#endif /* FP_MODULE_H */
