/* SPDX-License-Identifier: GPL-2.0 */
#include "fp_registry.h"
