-- What luacheck holds o2x's Lua against (make lint). Line lengths count characters, and StyLua breaks what it can.
std = "lua54"
max_line_length = 120
max_comment_line_length = 120
max_string_line_length = 120
-- A parameter that a kind of function always gets need not be used by each.
unused_args = false
-- A value that is only closed at the end of its block.
ignore = { "211/_.*" }

-- The words of scripts (lua/o2x/script/dsl.lua).
local SCRIPT = {
  "step", "check", "parallel", "fail", "invalid", "log", "output", "sleep", "timeout", "wait_until",
}
files["runbooks"] = { read_globals = SCRIPT }
files["stdlib"] = { read_globals = SCRIPT }
files["tests/support/toy"] = { read_globals = SCRIPT }
files["tests"] = { std = "+busted" }
