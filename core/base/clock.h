/* Time. Wall time (unix milliseconds) is for what is written down or compared with a sender's clock; monotonic time for waiting. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_boot_ms(void); /* monotonic, and the time that the machine slept counts too */

enum { CLOCK_TEXT_SIZE = 32 };
/* 2026-01-31T12:00:00.000Z */
void clock_format(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);
/* The same backwards: exactly that form, where the milliseconds may be missing, and the days are those of the calendar. */
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
