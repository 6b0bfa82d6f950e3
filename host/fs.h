/*
** fs.h: the functions of the fs module, documented where they are defined. fs.c reads and
** registers, fs_write.c writes, fs_tree.c creates and removes folders, fs_stamps.c and
** fs_walk.c list folders.
*/
#ifndef O2X_FS_H
#define O2X_FS_H

#include <lua.h>

/* Pushes what a write returns: true, or nil, message, code of the errno. [-0, +1|3, m] */
int fs_finish(lua_State *L, const char *path, int error);

int fs_write(lua_State *L);
int fs_append(lua_State *L);
int fs_chmod(lua_State *L);
int fs_symlink(lua_State *L);
int fs_rename(lua_State *L);
int fs_mkdir(lua_State *L);
int fs_mkdtemp(lua_State *L);
int fs_remove(lua_State *L);
int fs_remove_tree(lua_State *L);
int fs_stamps(lua_State *L);
int fs_walk(lua_State *L);
void fs_stamps_open(lua_State *L);

#endif
