/*
** yaml_scalar.h: what a plain scalar means. Lua says which words are more than texts (a table: word
** → boolean, null or float); what a number is, is said here, as Helm and kubectl read YAML 1.1
** (sigs.k8s.io/yaml): 0777 is octal, 1_000 and 1e3 are numbers, there are no base-60 numbers, and
** dates stay texts.
*/
#ifndef O2X_YAML_SCALAR_H
#define O2X_YAML_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

enum { LONGEST_WORD = 8 }; /* bytes; longer texts are not looked for in the table */

/* RANGE: an integer beyond 64 bits; its value is the nearest float, or the text where Helm's is. */
enum yaml_type { TYPE_STRING, TYPE_NULL, TYPE_BOOL, TYPE_INT, TYPE_FLOAT, TYPE_RANGE };

extern const char *const yaml_type_names[];

/*
** Pushes the value of a plain scalar. The text ends with a NUL, which is not counted. `words` is the
** index of the table of words. [-0, +1, m]
*/
enum yaml_type yaml_push_plain(lua_State *L, const char *text, size_t length, int words);

/*
** Would a plain scalar be read as something else than its text: by Helm, or by a parser that knows
** dates, base-60 numbers or the keys << and =? The text is the string at an index. [-0, +0, m]
*/
bool yaml_ambiguous(lua_State *L, int index, int words);

#endif
