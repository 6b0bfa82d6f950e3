/*
** gzip.c: unpacks gzip, with zlib. The caller bounds the result: a few bytes can unpack to gigabytes.
*/
#include "host.h"
#include "lazy.h"
#include "luabuffer.h"

#include <limits.h>
#include <stdint.h>

#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib's largest window; + 16: gzip's header, not zlib's own */
#define PIECE 16384

#define ZLIB(X) \
	X(inflateInit2_) \
	X(inflate) \
	X(inflateEnd)
LAZY(zlib, "libz.so.1", ZLIB)

#define UNPACKER_TYPE "o2x.gzip.unpacker"

/* Ends the stream when the calling function returns, by an error too. */
static int unpacker_gc(lua_State *L)
{
	z_stream *stream = luaL_checkudata(L, 1, UNPACKER_TYPE);
	if (stream->state)
		zlib.inflateEnd(stream);
	return 0;
}

static z_stream *unpacker_new(lua_State *L)
{
	z_stream *stream = host_newuserdata(L, sizeof *stream, UNPACKER_TYPE);
	lua_toclose(L, -1);
	if (zlib.inflateInit2_(stream, GZIP_WINDOW, ZLIB_VERSION, (int)sizeof *stream) != Z_OK)
		luaL_error(L, "zlib cannot start: %s", stream->msg ? stream->msg : "no memory");
	return stream;
}

/* -> NULL, or why the bytes cannot be unpacked */
static const char *unpack(lua_State *L, z_stream *stream, struct buffer *out, size_t most)
{
	static const char *const WHY_LARGE = "unpacks to more than is allowed";
	unsigned char piece[PIECE];
	int result = Z_OK;
	while (result != Z_STREAM_END) {
		stream->next_out = piece;
		stream->avail_out = PIECE;
		result = zlib.inflate(stream, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return stream->msg ? stream->msg : "ends too early";
		size_t got = PIECE - stream->avail_out;
		if (got > most - out->length)
			return WHY_LARGE;
		luabuffer_add(L, out, (const char *)piece, got);
	}
	return stream->avail_in ? "has bytes after its end" : NULL;
}

/***
 Unpacks gzip.
 @function core.gzip.unpack
 @param bytes string
 @param most integer bytes of the result at most
 @return string; or nil and why it cannot be unpacked
*/
static int gzip_unpack(lua_State *L)
{
	size_t length;
	const char *bytes = luaL_checklstring(L, 1, &length);
	size_t most = (size_t)host_checkrange(L, 2, 0, INT_MAX);
	const char *problem = zlib_load();
	if (problem)
		return luaL_error(L, "zlib cannot be loaded: %s", problem);
	luaL_argcheck(L, length <= UINT_MAX, 1, "too long");
	z_stream *stream = unpacker_new(L);
	struct buffer *out = luabuffer_new(L);
	stream->next_in = (z_const Bytef *)bytes;
	stream->avail_in = (uInt)length;
	problem = unpack(L, stream, out, most);
	if (problem) {
		lua_pushnil(L);
		lua_pushstring(L, problem);
		return 2;
	}
	lua_pushlstring(L, out->bytes, out->length);
	return 1;
}

static const luaL_Reg no_methods[] = { { NULL, NULL } };

static const luaL_Reg functions[] = {
	{ "unpack", gzip_unpack },
	{ NULL, NULL },
};

int luaopen_o2x_core_gzip(lua_State *L)
{
	host_newtype(L, UNPACKER_TYPE, no_methods, unpacker_gc);
	luaL_newlib(L, functions);
	return 1;
}
