--- Keys from a program that a profile names (credential_process). A file of profiles could name any program, so only
--- those run that the configuration lists: aws.credential_processes.

local errors = require "o2x.base.error"
local keys = require "o2x.client.aws.credentials.keys"
local proc = require "o2x.base.proc"
local words_of = require "o2x.client.aws.credentials.words"

local M = {}

local TIMEOUT <const> = 60 -- seconds

local function argv_of(source)
  local argv = words_of(source.options.credential_process)
  local where = source.profiles:path(source.profile)
  if not argv or not argv[1] then
    errors.input(("credential_process of profile %s is no command"):format(source.profile), nil, where)
  end
  argv[1] = proc.find(argv[1])
  for _, allowed in ipairs(source.config.aws.credential_processes or {}) do
    if allowed == argv[1] then return argv end
  end
  errors.input(
    ("profile %s runs the program %s for its keys, which is not allowed"):format(source.profile, argv[1]),
    "if you trust it, list it under aws.credential_processes in o2x.yaml",
    where
  )
end

-- A program may use what is set for AWS's own tools.
local function environment(source)
  local env = {}
  for name, value in pairs(source.process_env) do
    if name:find "^AWS_" then env[name] = value end
  end
  return env
end

local function run(source, argv, what)
  local result = proc.run { argv = argv, env = environment(source), timeout = TIMEOUT }
  if result.code ~= 0 then
    local last = result.stderr:match "([^\n]+)%s*$" or "no reason given"
    keys.refuse(what, ("the program failed: %s"):format(last))
  end
  local document = keys.from_json(result.stdout, { "SecretAccessKey", "SessionToken" }, what)
  if document.Version ~= 1 then keys.refuse(what, "the answer's Version is not 1") end
  return keys.check({
    access_key = document.AccessKeyId,
    secret_key = document.SecretAccessKey,
    session_token = document.SessionToken,
    expires = document.Expiration,
  }, what)
end

--- The source of keys by a program; nil if the profile names none.
---@param source table the profile as credentials/init.lua sees it
---@return table? origin
function M.find(source)
  if not source.options.credential_process then return nil end
  local argv = argv_of(source)
  local what = ("credential_process %s of profile %s"):format(argv[1], source.profile)
  return { what = what, fetch = function() return run(source, argv, what) end }
end

return M
