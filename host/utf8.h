/*
** utf8.h: reading UTF-8.
*/
#ifndef O2X_UTF8_H
#define O2X_UTF8_H

#include <stddef.h>

/*
** The length of the UTF-8 character at s (1 to 4), of which left bytes are there; 0 when it is
** none: overlong, a surrogate, cut short.
*/
size_t utf8_length(const char *s, size_t left);

#endif
