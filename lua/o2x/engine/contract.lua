--- The effect contract: what an effect type must provide. It is checked when the type is registered, so that a type
--- that could not be resumed never writes. docs/effects.md explains it, and lists the types from their own fields.
---
---@class o2x.effect_type
---@field kind string "pg.row": unique, the system first
---@field class "read"|"idempotent"|"probed"|"transactional"|"unprovable" what makes an interrupted write known
---@field key fun(target: any): string names the target: canonical and unique within the kind
---@field read fun(ctx: table, target: any): any the current value, nil if there is nothing
---@field write fun(ctx: table, target: any, desired: any, before: any, id: string, taken: boolean?): any, any
---  writes the desired value; returns info for the journal and, if it knows, the value that it left. taken: `before` is
---  from outside the run, and the operator allowed to overwrite it (--take-over)
---@field write_all (fun(ctx: table, list: { target: any, desired: any, before: any, id: string }[]): any[])? writes
---  several, all or none, and returns what it left of each; what it raises is found out again one by one
---@field probe (fun(ctx: table, target: any, desired: any, id: string): "done"|"absent")? class probed: did this write
---  happen?
---@field marker (fun(ctx: table, target: any, id: string): boolean)? class transactional: was this write committed?
---@field equal (fun(current: any, desired: any): boolean)? default: deep equality
---@field show (fun(target: any, before: any, after: any): table)? title and lines; default: a deep diff
---@field parent (fun(target: any): string, any)? kind and target of what it lives in: if a plan creates that, this
---  target does not exist yet and the system is not asked
---@field initial (fun(ctx: table, target: any, parent: any): any)? the value that a target has by itself as soon as a
---  plan has made its parent, whose value is given; default: nothing
---@field predict (fun(ctx: table, target: any, desired: any, before: any): any)? the value that a plan shows as
---  written
---@field ahead (fun(ctx: table, target: any, current: any): any)? in a plan, the current value with what earlier
---  effects of the plan on other targets would have changed in it (ctx:written_ahead); default: the current value
---@field record (fun(target: any): any)? the target as the journal keeps it, plain data; default: the target
---@field whole (fun(target: any): string)? what the target is a part of, where parts may overlap: what is unfinished in
---  one part is settled before another is written; default: the key
---@field image (fun(value: any, desired: any): any)? the part of a value that undo restores and that
---  is compared; default: the value
---@field reference (fun(ctx: table, target: any, before: any): table?)? by which the system itself returns the
---  before-image: a version, a revision; or what undo needs beside it
---@field interim (fun(ctx: table, target: any, past: table, now: any): boolean)? is `now` a state that this write
---  leaves when it is interrupted, or that the system reaches by itself? Then it is no conflict. past: before, desired,
---  id. After a write that went through it does not count
---@field secrets "opaque"|"stored"|nil may the desired value hold secrets? Without it, the gate refuses one. opaque: as
---  secrets only; stored: in clear text too, because the system is a store of secrets
---@field info (fun(ctx: table, target: any, after: any): any)? the info of a write whose answer was lost; required if
---  write returns info
---@field list (fun(ctx: table): o2x.listed[])? what of this type the tenant has, within its grants. What no plan of the
---  tenant's runbook looks at is left over (o2x audit); so a type lists only what belongs to such a plan
---@field names (fun(ctx: table, orphan: fun(name: string): string?): o2x.named[])? the names of this type on the whole
---  platform (ctx.scope.places); orphan tells whether a name is that of a tenant without a file, so that only there
---  more need be read
---@field review (fun(ctx: table, around: o2x.around): o2x.reviewed[], string?)? what of this type the tenant has
---  otherwise than it should be, though no target of a plan shows it (o2x audit); and what could not be judged, and why
---@field guard string of a type that writes, for people: what keeps a write from overwriting what somebody else has
---  changed since it was compared; or "none: " and why, and what is read back. A refusal is that of base/guard.lua
---@field fills boolean? the server fills in what nobody knew before: a run shows what was written, not what was wanted
---@field by_hand fun(ctx: table, target: any, desired: any, before: any): (string|{ comment: string, line: string })[]
---  of a type that writes: the lines of a shell that do what write does, for people; made by base/shell.lua. `before`
---  is value.unknown when the system does not answer. It asks nothing of a system
---@field assume (fun(ctx: table, target: any, desired: any): any)? what a checklist goes on with after a write where
---  the system does not answer; values that a command of by_hand sets are those of ctx:known_later,
---  or of ctx:stand_in, where scripts make other texts of them
---@field along (fun(ctx: table, target: any): table[], fun(rows: table[][]))? statements by which a target is read
---  along with something else, and what takes the rows of each: the next read of that very target then has them
---@field look (fun(ctx: table, target: any): string[])? the lines of a shell that show a person what read reads
---@field undo o2x.undo how a write goes back
---@field rights table<string, string[]>? what its reads and writes need: system → rights (policy/rights/)
---@field rehearsal o2x.brought? how what is there comes into the lab of a rehearsal; default: it is written there

---@class o2x.around what a review may ask beside the tenant's own
---@field company fun(what: string, own: string, fn: fun(ctx: table, database: string): any): table<string, any> what fn
---  reads of databases of other tenants: catalogues, no rows
---@field strays fun(what: string, fn: fun(ctx: table, database: string): any): table<string, any> what fn reads of
---  databases that are no tenant's: whose they say they are
---@field everywhere fun(what: string, fn: fun(ctx: table): any): any what fn reads in the places where names of all
---  tenants are (ctx.scope.places); once for all audits
---@field wanted fun(key: string): any what the plan wants of this type's target; true: it only looked at it; nil: it
---  did not

---@class o2x.reviewed
---@field way string how it differs, as in o2x.finding
---@field key string
---@field title string? for people; default: the key
---@field lines string[]? the difference, for people
---@field is any
---@field should any
---@field mend string? the command that mends it
---@field hint string?
---@field claims { kind: string, name: string }? what looks like another tenant's by its name, and is this one's: it is
---  not left over of a tenant without a file
---@field first boolean? all else that an audit finds only follows from it
---@field instead boolean? what the plan says of this type only follows from it
---@field rank integer? index of the ranks of engine/audit.lua; default: that of the type

---@class o2x.named
---@field name string by which the platform knows whose it is
---@field title string?
---@field remove string?

---@class o2x.listed
---@field target any
---@field title string? for people; default: the key
---@field remove string? the command of the system's own client that removes it

---@class o2x.undo
---@field before string for people: what the before-image is
---@field how string for people: how a write is undone; "not possible" of a type that is `never`, "not needed: …" of one
---  that is `needless`
---@field cannot string? for people: what cannot be undone
---@field lost (fun(target: any, before: any, desired: any): string?)? what a change overwrites for good
---@field gone (string|fun(target: any): string?)? what a removal takes for good, so that no undo brings it back
---@field traces (string|fun(target: any, back: o2x.back): string?)? what stays in the system when it has gone back
---@field never boolean? nothing that this type writes goes back
---@field needless boolean? nothing has to go back, because no data change
---@field rights table<string, string[]>? what taking back a target that the run made needs, beside the type's own
---@field contents boolean? what is in a target (types that have it as their parent) goes with a new one
---@field restore (fun(ctx: table, past: o2x.past): o2x.back?, string?)? what o2x undo writes; or nil, and why it cannot
---  go back; both if a part of it cannot. Default: the before-image

---@class o2x.back
---@field target any
---@field desired any nil: the target is removed
---@field foreign string? what somebody else changed, where the image does not show it
---@field moved boolean? the target is elsewhere, by another effect of the run: it is not compared
---@field by_tags boolean? the references to secrets in `desired` will do: they are compared, and not written

---@class o2x.brought how a rehearsal brings what is there into its lab (rehearsal/)
---@field nothing boolean? nothing of it has to be brought: it is in the platform tree, which is copied
---@field none string? it is not brought: why
---@field objects (fun(ctx: table, target: any, value: any): table[])? the objects of the cluster that it consists of,
---  as the cluster has them; nothing else of it is brought
---@field all (fun(ctx: table): any[])? targets that are looked at, even if no plan came to them; default: those that
---  `list` gives
---@field take (fun(ctx: table, target: any, value: any): any, any)? target and value that are brought, of what was read
---@field put (fun(ctx: table, target: any, value: any, planned: any): { target: any, desired: any }[]?, string?)? what
---  is written in the lab so that it has the value, or why nothing; planned: what the plan would make of it

---@class o2x.past what the journal says of an effect
---@field target any
---@field before any the before-image; secrets are references
---@field reference table? by which the system gives it back
---@field desired any
---@field after any what the write left
---@field info any of write
---@field now any the current value, as the type reads it
---@field kinds table<string, boolean> the kinds of all effects of the run

local diff = require "o2x.base.diff"
local value = require "o2x.base.value"

local M = {}

-- class → what it demands beside kind, key and read, what would contradict it, and how an interrupted write is known
local CLASSES = {
  read = { demands = {}, forbids = { "write", "probe", "marker", "undo", "by_hand", "guard" } },
  idempotent = {
    demands = { "write", "undo", "by_hand", "guard" },
    forbids = { "probe", "marker" },
    known = "read and compare; write again what is missing",
  },
  probed = {
    demands = { "write", "probe", "undo", "by_hand", "guard" },
    forbids = { "marker" },
    known = "ask the system",
  },
  transactional = {
    demands = { "write", "marker", "undo", "by_hand", "guard" },
    forbids = { "probe" },
    known = "read its marker, committed in the same transaction",
  },
  unprovable = {
    demands = { "write", "undo", "by_hand", "guard" },
    forbids = { "probe", "marker" },
    known = "the operator decides",
  },
}

local FUNCTIONS = {
  "key",
  "read",
  "write",
  "write_all",
  "probe",
  "marker",
  "equal",
  "show",
  "parent",
  "initial",
  "predict",
  "ahead",
  "record",
  "whole",
  "image",
  "reference",
  "interim",
  "info",
  "list",
  "names",
  "review",
  "by_hand",
  "assume",
  "along",
  "look",
}

local FIELDS = {
  kind = "string",
  class = "string",
  guard = "string",
  undo = "table",
  secrets = "string",
  rehearsal = "table",
  fills = "boolean",
  rights = "table",
}
for _, name in ipairs(FUNCTIONS) do
  FIELDS[name] = "function"
end

local SECRETS = { none = true, opaque = true, stored = true }

local OF_UNDO = {
  before = "string",
  how = "string",
  cannot = "string",
  never = "boolean",
  needless = "boolean",
  contents = "boolean",
  restore = "function",
  gone = { string = true, ["function"] = true },
  traces = { string = true, ["function"] = true },
  lost = "function",
  rights = "table",
}

local function is_of(item, wanted) return type(wanted) == "table" and wanted[type(item)] or type(item) == wanted end

local OF_REHEARSAL = { nothing = "boolean", none = "string" }
for _, name in ipairs { "objects", "all", "take", "put" } do
  OF_REHEARSAL[name] = "function"
end

local function check_rehearsal(must, rehearsal)
  for name, item in pairs(rehearsal or {}) do
    must(OF_REHEARSAL[name], ("rehearsal.%s is not a field"):format(tostring(name)))
    must(
      type(item) == OF_REHEARSAL[name],
      ("rehearsal.%s must be a %s"):format(name, OF_REHEARSAL[name]:gsub("string", "text"))
    )
  end
end

-- What people read and what o2x undo does must be the same.
local function check_undo(must, undo)
  if undo == nil then return end
  for _, name in ipairs { "before", "how" } do
    must(undo[name] ~= nil, ("undo.%s must be a text"):format(name))
  end
  for name, item in pairs(undo) do
    must(OF_UNDO[name], ("undo.%s is not a field"):format(tostring(name)))
    local wanted = type(OF_UNDO[name]) == "string" and OF_UNDO[name]:gsub("string", "text") or "text or a function"
    must(is_of(item, OF_UNDO[name]), ("undo.%s must be a %s"):format(name, wanted))
  end
  for field, text in pairs { never = "not possible", needless = "not needed" } do
    local says = undo.how:sub(1, #text) == text
    must(says == (undo[field] or false), ("undo.%s and undo.how disagree about %q"):format(field, text))
    must(not (undo[field] and undo.restore), ("undo.restore and undo.%s exclude each other"):format(field))
  end
  must(not undo.never or undo.cannot, "undo.never requires undo.cannot")
end

-- One line for people; "none" says why, too.
local function check_guard(must, guard)
  if guard == nil then return end
  local is_line = type(guard) == "string" and guard:find "%S" and not guard:find "[\r\n|]"
  must(is_line, "guard must be one line of text")
  must(not guard:find "^none" or guard:find "^none: %S", 'guard must say why there is none: "none: …"')
end

local SYSTEMS <const> = { kubernetes = true, vault = true, redis = true, postgresql = true, broker = true }

local function check_rights(must, rights)
  for system, list in pairs(rights or {}) do
    must(SYSTEMS[system], ("rights.%s is no system"):format(tostring(system)))
    must(type(list) == "table", ("rights.%s must be a list of texts"):format(system))
  end
end

--- Checks an effect type.
---@param module table what a file of lua/o2x/effects returns
---@param effect_type o2x.effect_type
function M.check(module, effect_type)
  local function must(condition, what)
    if condition then return end
    error(("effect type %s of o2x.%s: %s"):format(tostring(effect_type.kind), module.name, what), 0)
  end
  must(type(effect_type.kind) == "string", "kind must be a string")
  local class = CLASSES[effect_type.class]
  must(class, "class must be read, idempotent, probed, transactional or unprovable")
  for _, name in ipairs { "key", "read", table.unpack(class.demands) } do
    must(effect_type[name], ("class %s requires %s"):format(effect_type.class, name))
  end
  for _, name in ipairs(class.forbids) do
    must(effect_type[name] == nil, ("class %s does not allow %s"):format(effect_type.class, name))
  end
  for name, item in pairs(effect_type) do
    must(FIELDS[name], ("%s is not a field of an effect type"):format(tostring(name)))
    must(type(item) == "function" or FIELDS[name] ~= "function", name .. " must be a function")
  end
  must(SECRETS[effect_type.secrets or "none"], "secrets must be opaque, stored or absent")
  check_guard(must, effect_type.guard)
  check_undo(must, effect_type.undo)
  check_rehearsal(must, effect_type.rehearsal)
  check_rights(must, effect_type.rights)
  check_rights(must, effect_type.undo and effect_type.undo.rights)
  must(effect_type.class == "read" or module.declares, "its module must declare an effect")
end

--- How a run finds out whether an interrupted write of a class took place, as a text.
---@param class string
---@return string
function M.known(class) return CLASSES[class].known or "writes nothing" end

-- ---- a type's functions and their defaults ----

--- A change as people read it.
---@param effect_type o2x.effect_type
---@param target any
---@param before any
---@param after any
---@return { title: string, lines: string[] }
function M.describe(effect_type, target, before, after)
  local shown = effect_type.show and effect_type.show(target, before, after) or { lines = diff.lines(before, after) }
  local lines = {}
  for i, line in ipairs(shown.lines or {}) do
    lines[i] = value.text(line)
  end
  return { title = value.text(shown.title or effect_type.key(target)), lines = lines }
end

--- Does the current value equal the desired one, as the type defines it?
---@param effect_type o2x.effect_type
---@param current any
---@param desired any
---@return boolean
function M.equal(effect_type, current, desired)
  if current == nil or desired == nil then return current == desired end
  if effect_type.equal then return effect_type.equal(current, desired) end
  return value.equal(current, desired)
end

--- The part of a value that the journal keeps: what undo restores, and what shows a change from outside the run.
---@param effect_type o2x.effect_type
---@param current any
---@param desired any
---@param key string for the error about a value that cannot be recorded
---@param planned boolean? for a plan: what is made by chance is unknown
---@return any
function M.image(effect_type, current, desired, key, planned)
  if current ~= nil and not value.is_unknown(current) and effect_type.image then
    current = effect_type.image(current, desired)
  end
  return value.plain(current, key, planned)
end

--- The outcome of a write.
---@param before any
---@param after any
---@return "created"|"deleted"|"changed"
function M.outcome(before, after)
  if before == nil then return "created" end
  return after == nil and "deleted" or "changed"
end

--- What of a change no undo brings back; nil if all of it goes back.
---@param effect_type o2x.effect_type
---@param target any
---@param before any
---@param desired any
---@return string?
function M.irreversible(effect_type, target, before, desired)
  local undo = effect_type.undo
  if undo.never then return undo.cannot end
  if before == nil then return nil end
  if desired ~= nil then return undo.lost and undo.lost(target, before, desired) or nil end
  if type(undo.gone) == "function" then return undo.gone(target) end
  return undo.gone
end

return M
