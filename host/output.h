/*
** output.h: the descriptors 0 to 2, on which a program may rely.
*/
#ifndef O2X_OUTPUT_H
#define O2X_OUTPUT_H

#include <stdbool.h>

/*
** Opens those of the descriptors 0 to 2 that the parent has closed. Otherwise the next file that
** is opened gets the number, and what is meant for the terminal is written into it. An input that
** was closed is empty; an output that was closed refuses what is written. -> false with errno
*/
bool output_open_standard(void);

#endif
