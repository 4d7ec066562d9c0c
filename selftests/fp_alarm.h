/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who asks for more rounds gives them more time: the harness's limits, which
 * are alarms, grow with FP_ROUNDS.
 */
#ifndef FP_ALARM_H
#define FP_ALARM_H

#include <unistd.h>

#include "fp_util.h"

static inline unsigned int fp_alarm(unsigned int seconds)
{
	long rounds = fp_scale("FP_ROUNDS", 1);

	return alarm(rounds > 1 ? seconds * rounds : seconds);
}

#define alarm(_seconds) fp_alarm(_seconds)

#endif /* FP_ALARM_H */
