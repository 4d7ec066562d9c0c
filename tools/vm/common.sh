# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of tools/ share: where things are, how to complain, how to
# build something into the cache so that a killed run leaves no half of it.

set -Eeuo pipefail
# A script that ends because of set -e must not do so without a word.
trap 'say "gave up at ${BASH_SOURCE[0]##*/}:$LINENO (${BASH_COMMAND:0:60})"' ERR

fp_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fp_cache=${XDG_CACHE_HOME:-$HOME/.cache}/fixedpool
fp_me=${0##*/}

# The kernels that are supported, by series; "newest" is the last one.
fp_series=(6.1 6.12)

say() {
	printf '%s: %s\n' "$fp_me" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# 6.1, 6.12 or newest => the series; anything else ends the program.
series_of() {
	local s

	case $1 in
	newest) echo "${fp_series[-1]}"; return ;;
	esac
	for s in "${fp_series[@]}"; do
		[ "$s" != "$1" ] || { echo "$s"; return; }
	done
	die "no kernel '$1' (have: ${fp_series[*]} newest)"
}

# kernel_vars ARGUMENT...: what tools/vm/kernel says of a kernel, as variables.
# Not by eval alone, which is content with nothing.
kernel_vars() {
	local said

	said=$("$fp_root/tools/vm/kernel" "$@") || exit
	eval "$said"
}

# lock FILE: held until the shell that asked for it ends. Programs which outlive
# that shell must not inherit it, hence the close-on-exec subshell idiom:
# callers run "( lock FILE; ... )".
lock() {
	mkdir -p "${1%/*}"
	exec {fp_lock_fd}>"$1"
	flock -n "$fp_lock_fd" || {
		say "waiting for another run (${1##*/})"
		flock "$fp_lock_fd"
	}
}

# once DIR COMMAND...: unless DIR is there, run COMMAND with an empty directory
# beside it as its last argument, and name that DIR if it succeeds.
once() (
	local dir=$1 tmp rc=0
	shift

	# A command substitution, which many calls come from, is without it.
	set -e
	[ ! -d "$dir" ] || exit 0
	lock "$dir.lock"
	[ ! -d "$dir" ] || exit 0
	tmp=$(mktemp -d "$dir.tmp.XXXXXX")
	# Expanded now on purpose: the name is gone when the trap runs.
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	trap 'exit 130' INT TERM
	chmod 755 "$tmp"
	"$@" "$tmp"
	# Under an "if" or "||" it came here all the same.
	rc=$?
	[ $rc -eq 0 ] || exit $rc
	mv -T "$tmp" "$dir"
)
