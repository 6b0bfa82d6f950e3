/*
** complain.h: the host's own last words on standard error, where no Lua can print them any more.
*/
#ifndef O2X_COMPLAIN_H
#define O2X_COMPLAIN_H

/*
** Writes a line as printf does, with every live secret masked and no control characters but line
** breaks and tabs. Not for a signal handler.
*/
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

#endif
