-- The rules of luacheck (make lint). Line lengths are in characters.
std = "lua54"
max_line_length = 120
max_comment_line_length = 120
max_string_line_length = 120
-- A function need not use all parameters that functions of its kind get.
unused_args = false
-- A value that is only closed at the end of its block has a name that begins with "_".
ignore = { "211/_.*" }

-- The globals of scripts (lua/o2x/script/dsl.lua).
local SCRIPT = {
  "step", "check", "parallel", "fail", "invalid", "log", "output", "sleep", "timeout", "wait_until",
}
files["runbooks"] = { read_globals = SCRIPT }
files["stdlib"] = { read_globals = SCRIPT }
files["tests/support/toy"] = { read_globals = SCRIPT }
files["tests"] = { std = "+busted" }
