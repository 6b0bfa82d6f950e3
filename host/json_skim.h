/* json_skim.h: leaves members out of a JSON object without decoding it. */
#ifndef O2X_JSON_SKIM_H
#define O2X_JSON_SKIM_H

#include <stddef.h>

/*
** Copies a JSON object to out, which holds length bytes, without the members whose names are among
** the words of `without` (" a b "). The text has no blanks between its parts, as our encoder writes
** it. -> bytes of out; 0 if the text is of another form
*/
size_t json_skim(const char *text, size_t length, const char *without, char *out);

#endif
