// SPDX-License-Identifier: GPL-2.0
/*
 * SHA-256 of a file.
 *
 * The plain SHA256_* calls rather than EVP, which brings all of libcrypto, and
 * the resolver with it, into a static program.
 */
#define OPENSSL_API_COMPAT	0x10100000L

#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

_Static_assert(DIGEST_SIZE == SHA256_DIGEST_LENGTH, "SHA-256 is 32 bytes");

void digest_file(const char *path, uint8_t digest[DIGEST_SIZE])
{
	static uint8_t buffer[256 * 1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	SHA256_CTX context;
	ssize_t got;

	if (fd < 0)
		die("%s", path);
	SHA256_Init(&context);
	while ((got = read(fd, buffer, sizeof(buffer)))) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die("%s", path);
		SHA256_Update(&context, buffer, (size_t)got);
	}
	SHA256_Final(digest, &context);
	close(fd);
}

const char *digest_text(const uint8_t digest[DIGEST_SIZE],
			char text[2 * DIGEST_SIZE + 1])
{
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}
