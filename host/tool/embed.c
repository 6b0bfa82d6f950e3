/*
** embed.c: compiles Lua files and writes them as one C file. A build tool, not part of the program.
** embed ROOT FILE...     ROOT/o2x/effect.lua becomes module "o2x.effect"; ROOT/o2x/lab/init.lua
** "o2x.lab"
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

struct module {
	char name[256];
	const char *file;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

static void name_of(struct module *module, const char *root)
{
	const char *path = strstr(module->file, root) + strlen(root) + 1;
	snprintf(module->name, sizeof module->name, "%s", path);
	char *end = strrchr(module->name, '.');
	if (end)
		*end = '\0';
	end = strrchr(module->name, '/');
	if (end && strcmp(end, "/init") == 0)
		*end = '\0';
	for (char *at = module->name; *at; at++)
		if (*at == '/')
			*at = '.';
}

static int write_bytes(lua_State *L, const void *bytes, size_t size, void *total)
{
	const unsigned char *at = bytes;
	(void)L;
	for (size_t i = 0; i < size; i++)
		printf("%u,%s", at[i], (*(size_t *)total)++ % 32 == 31 ? "\n" : "");
	return 0;
}

int main(int argc, char **argv)
{
	int count = argc - 2;
	struct module *modules = calloc((size_t)(count > 0 ? count : 1), sizeof *modules);
	size_t *sizes = calloc((size_t)(count > 0 ? count : 1), sizeof *sizes);
	lua_State *L = luaL_newstate();
	if (argc < 2 || !modules || !sizes || !L)
		return 2;
	for (int i = 0; i < count; i++) {
		modules[i].file = argv[i + 2];
		name_of(&modules[i], argv[1]);
	}
	qsort(modules, (size_t)count, sizeof *modules, compare);
	printf("#include \"embedded.h\"\n\n");
	for (int i = 0; i < count; i++) {
		if (luaL_loadfilex(L, modules[i].file, "t") != LUA_OK) {
			fprintf(stderr, "%s\n", lua_tostring(L, -1));
			return 1;
		}
		printf("static const unsigned char m%d[] = {\n", i);
		lua_dump(L, write_bytes, &sizes[i], 0);
		printf("};\n\n");
		lua_pop(L, 1);
	}
	printf("const struct embedded embedded_modules[] = {\n");
	for (int i = 0; i < count; i++)
		printf("\t{ \"%s\", m%d, %zu },\n", modules[i].name, i, sizes[i]);
	printf("};\nconst size_t embedded_count = %d;\n", count);
	lua_close(L);
	free(modules);
	free(sizes);
	return 0;
}
