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

/**
 * struct fp_was - how the module was loaded before the test
 * @params: with what
 * @there: whether it can be loaded at all
 * @slow: DEBUG_KOBJECT_RELEASE: seconds for each unloading
 */
struct fp_was {
	char params[512];
	bool there;
	bool slow;
};

/*
 * Loads the module without parameters. Return: 0 or a negative errno; @was says
 * whether there is one.
 */
static inline int load_plain(struct fp_was *was)
{
	char pools[256], bytes[32], max[32];
	__u64 start;
	int ret = 0;

	if (!find_module())
		return 0;
	/* a test that was ended by force may have left it unloaded */
	if (!loaded())
		ret = load("");
	if (ret)
		return ret;
	if (fp_read_file(FP_PARAMS "/pools", pools, sizeof(pools)) < 0 ||
	    fp_read_file(FP_PARAMS "/max_total_bytes", bytes,
			 sizeof(bytes)) <= 0 ||
	    fp_read_file(FP_PARAMS "/max_pools", max, sizeof(max)) <= 0)
		return -EIO;
	snprintf(was->params, sizeof(was->params),
		 "max_total_bytes=%s max_pools=%s pools=%s", bytes, max,
		 strcmp(pools, "(null)") ? pools : "");
	was->there = true;
	start = fp_now_ms();
	ret = unload();
	was->slow = fp_now_ms() - start > 800;
	return ret ? ret : load("");
}

/* ... and as it was again. Return: 0 or a negative errno. */
static inline int load_as_it_was(const struct fp_was *was)
{
	int ret = 0;

	if (!was->there)
		return 0;
	if (loaded())
		ret = unload();
	return ret ? ret : load(was->params);
}

#endif /* FP_MODULE_H */
