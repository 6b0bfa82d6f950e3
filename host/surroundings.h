/*
** surroundings.h: what a program gets from the one that starts it, put right before it begins.
*/
#ifndef O2X_SURROUNDINGS_H
#define O2X_SURROUNDINGS_H

/*
** Opens the descriptors 0 to 2 where they are closed, takes back inherited changes of signals and of
** the owner's rights (umask), and allows as many open files as are needed and permitted. -> NULL, or
** what cannot be put right
*/
const char *surroundings_prepare(void);

#endif
