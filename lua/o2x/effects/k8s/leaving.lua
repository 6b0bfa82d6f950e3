--- Objects on their way out: deleted, and still there as long as a finalizer holds them. Nobody can stop a deletion;
--- the object goes as soon as nothing holds it any more.

local errors = require "o2x.base.error"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.k8s.support"
local task = require "o2x.base.task"

local M = {}

local SECONDS <const> = 30 -- a controller lets go at once; what takes longer waits for somebody
local FIRST_PAUSE <const>, LONGEST_PAUSE <const> = 0.05, 1

local function raise(target, meta, hint)
  local words = { "kubectl", "get", target.kind, target.name, target.namespace and "--namespace=" .. target.namespace }
  errors.raise {
    kind = "conflict",
    module = "k8s",
    code = "being_deleted",
    message = ("%s is being deleted since %s, and held by %s"):format(
      support.title(target),
      meta.deletionTimestamp,
      table.concat(meta.finalizers or {}, ", ")
    ),
    hint = hint:format(shell.command(words) .. " -o yaml"),
  }
end

--- Refuses to write an object that is on its way out.
---@param target table
---@param before table? as it was read
function M.refuse(target, before)
  local meta = before and before.metadata or {}
  if not meta.deletionTimestamp then return end
  raise(target, meta, "when it is gone, it can be made again; %s shows what holds it")
end

local function wait(ctx, target, uid)
  local deadline, pause = task.now() + SECONDS, FIRST_PAUSE
  while true do
    local found = ctx:retry(support.get, ctx, target)
    local meta = found and found.metadata
    if not meta or meta.uid ~= uid then return end
    if task.now() >= deadline then raise(target, meta, "let go what holds it, then go on; %s shows it") end
    ctx:waiting(("%s: held by %s"):format(support.title(target), table.concat(meta.finalizers or {}, ", ")))
    task.sleep(pause)
    pause = math.min(pause * 1.5, LONGEST_PAUSE)
  end
end

--- Deletes the very object that was read, and waits until it is gone.
---@param ctx table
---@param k8s table client
---@param target table
---@param metadata table? as it was read
function M.delete(ctx, k8s, target, metadata)
  local only = support.only_as_read(target, metadata)
  local is_held = select(2, support.guarded(k8s.delete, k8s, support.kind_of(target), target.name, only))
  if is_held and metadata then wait(ctx, target, metadata.uid) end
end

return M
