--- S3 for runbooks: archives of the tenant, below its own prefix of the bucket. Each archive has its note next to it,
--- KEY.json.

local archive = require "o2x.client.pg.archive"
local archive_file = require "o2x.effects.archive.file"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local guard = require "o2x.base.guard"
local scope = require "o2x.base.scope"
local shell = require "o2x.base.shell"
local units = require "o2x.base.units"
local value = require "o2x.base.value"

local function client(ctx) return ctx:client "aws.s3" end

-- "s3://bucket/TIDLT-100008/backups/x.dump", within the grants.
local function split(ctx, url)
  local bucket, key = tostring(url):match("^s3://([%l%d][%l%d.-]+)/(.+)$")
  if not bucket or key:find("[%c]") or key:find("//", 1, true) or key:find("/$") then
    errors.input(("%s is not an S3 object"):format(tostring(url)), "s3://BUCKET/KEY")
  end
  scope.path(ctx.scope.s3, bucket .. "/" .. key, "the S3 object")
  return { bucket = bucket, key = key, url = url }
end

local function note_key(key) return archive_file.note_path(key) end

-- ---- s3.object ----

local function refuse_existing(url)
  errors.raise {
    kind = "conflict",
    module = "s3",
    where = url,
    message = "the object already exists",
    hint = "choose another name: a backup never overwrites an object",
  }
end

-- What was read → its etag: a deletion is bound to it.
local etags = setmetatable({}, { __mode = "k" })

local function read_object(ctx, target)
  local found = client(ctx):head(target.bucket, target.key)
  if not found then return nil end
  if found.metadata["o2x-run"] ~= ctx.run_id then refuse_existing(target.url) end
  local there = { sha256 = found.metadata["o2x-sha256"], bytes = found.size }
  etags[there] = found.etag
  return there
end

-- Downloads the object and compares its hash.
local function read_back(ctx, target, desired)
  local path = target.path .. ".back"
  client(ctx):get_file(target.bucket, target.key, path)
  local found = archive.sha256(path)
  fs.remove(path)
  if found ~= desired.sha256 then
    errors.raise {
      kind = "failed",
      module = "s3",
      where = target.url,
      message = "the uploaded object differs from the archive",
    }
  end
end

local NEW <const> = { ["If-None-Match"] = "*" }

local function as_it_is(etag) return etag and { ["If-Match"] = etag } or nil end

-- Where there is a note already, it must be of an earlier attempt of this run. One that says the same is left.
local function put_note(ctx, target, note)
  local s3, key, hash = client(ctx), note_key(target.key), archive.sha256(note)
  local tags = { ["o2x-run"] = ctx.run_id, ["o2x-sha256"] = hash }
  local ok, err = pcall(s3.put_file, s3, target.bucket, key, note, hash, tags, NEW)
  if ok then return end
  if not guard.refused(err) then error(err, 0) end
  local found = s3:head(target.bucket, key)
  if found and found.metadata["o2x-run"] ~= ctx.run_id then refuse_existing(target.url .. ".json") end
  if found and found.metadata["o2x-sha256"] == hash then return end
  s3:put_file(target.bucket, key, note, hash, tags, found and as_it_is(found.etag) or NEW)
end

-- Another run's note stays.
local function delete_note(ctx, target)
  local s3, key = client(ctx), note_key(target.key)
  local found = s3:head(target.bucket, key)
  local run = found and found.metadata["o2x-run"]
  if found and (run == nil or run == ctx.run_id) then s3:delete(target.bucket, key, as_it_is(found.etag)) end
end

local function write_object(ctx, target, desired, before)
  local s3 = client(ctx)
  if desired == nil then
    delete_note(ctx, target) -- first: what is left when a run is cut short is an object, and is seen
    return s3:delete(target.bucket, target.key, as_it_is(before and etags[before]))
  end
  local tags = { ["o2x-run"] = ctx.run_id, ["o2x-sha256"] = desired.sha256, tenant = ctx.tenant.name }
  local note = archive_file.note_path(target.path)
  ctx:waiting(("uploading %s to %s"):format(units.bytes(desired.bytes), target.url))
  put_note(ctx, target, note)
  s3:put_file(target.bucket, target.key, target.path, desired.sha256, tags, NEW)
  ctx:waiting("reading " .. target.url .. " back")
  read_back(ctx, target, desired)
end

local function aws(...) return shell.command { "aws", "s3", ... } end

local object = {
  kind = "s3.object",
  rehearsal = { none = "its content is data" },
  class = "idempotent",
  guard = "If-None-Match of a new object, If-Match of one that is deleted, where the server has them; it is read back",
  undo = {
    before = "whether the object existed",
    how = "deletes a new object and its note",
    cannot = "a deleted object",
    gone = "the object",
    traces = "a bucket that keeps versions has those of the removed objects",
    restore = function(_, past)
      if past.before ~= nil then return nil, "the object was deleted" end
      return { target = past.target }
    end,
  },
  key = function(target) return target.url end,
  read = read_object,
  write = write_object,
  by_hand = function(_, target, desired)
    local note, url = archive_file.note_path(target.path or ""), target.url
    if desired == nil then return { aws("rm", archive_file.note_path(url)), aws("rm", url) } end
    local optional = aws("cp", note, archive_file.note_path(url))
    return {
      { comment = "its note, if it has one", line = ("[ ! -e %s ] || %s"):format(shell.quote(note), optional) },
      aws("cp", target.path, url),
    }
  end,
  show = function(target, _, after)
    local is_known = after and after.bytes and not value.is_unknown(after.bytes)
    local size = is_known and ", " .. units.bytes(after.bytes) or ""
    local line = after and "+ the archive and its note" .. size or "- the archive"
    return { title = target.url, lines = { line } }
  end,
}

-- ---- s3.copy: an object in this run's own folder ----

-- Refuses what is not as large as the object that the run has seen: somebody has replaced it meanwhile.
local function check_size(target, desired)
  local came = fs.stat(target.path).size
  if came == desired.bytes then return end
  fs.remove(target.path)
  errors.raise {
    kind = "conflict",
    module = "s3",
    where = target.url,
    message = ("the object was replaced while it was fetched: %d bytes came, not %d"):format(came, desired.bytes),
    hint = "look at it, and start the run again",
  }
end

local copy = {
  kind = "s3.copy",
  rehearsal = { none = "its content is data" },
  class = "idempotent",
  guard = "a file in the run's own folder: nobody else writes it, and what came is as large as what was seen",
  interim = function() return true end, -- a file of this run's own folder
  undo = { before = "whether the file existed", how = "removes the file" },
  key = function(target) return target.path end,
  read = function(_, target)
    local stat = fs.stat(target.path)
    return stat and { bytes = stat.size } or nil
  end,
  write = function(ctx, target, desired)
    local note = archive_file.note_path(target.path)
    fs.remove(note)
    if desired == nil then return fs.remove(target.path) end
    local s3 = client(ctx)
    ctx:waiting(("fetching %s, %s"):format(target.url, units.bytes(desired.bytes)))
    if s3:head(target.bucket, note_key(target.key)) then s3:get_file(target.bucket, note_key(target.key), note) end
    s3:get_file(target.bucket, target.key, target.path)
    check_size(target, desired)
  end,
  by_hand = function(_, target, desired)
    local note = archive_file.note_path(target.path)
    if desired == nil then return { shell.command { "rm", "-f", "--", target.path, note } } end
    local from = archive_file.note_path(target.url)
    return {
      shell.command { "mkdir", "-p", "--", fs.folder(target.path) },
      aws("cp", target.url, target.path),
      { comment = "its note, if it has one", line = ("! %s || %s"):format(aws("ls", from), aws("cp", from, note)) },
    }
  end,
  show = function(target, _, after)
    return { title = target.path, lines = { after and "+ a copy of " .. target.url or "- the copy" } }
  end,
}

local listing = {
  kind = "s3.list",
  class = "read",
  key = function(target) return target.prefix end,
  read = function(ctx, target)
    local bucket, prefix = target.prefix:match("^([^/]+)/(.*)$")
    return client(ctx):list(bucket, prefix)
  end,
}

local head = {
  kind = "s3.head",
  class = "read",
  key = function(target) return target.url end,
  read = function(ctx, target) return client(ctx):head(target.bucket, target.key) end,
}

local function own_path(ctx) return fs.join(ctx.config.state, ctx.run_id, "s3.dump") end

-- Fetches an object into this run's folder.
local function fetch(ctx, url)
  local target = split(ctx, url)
  local found = ctx:read("s3.head", target)
  if not found then
    errors.input("the object does not exist", "o2x run backup TENANT list=true lists the archives", url)
  end
  ctx:log("info", ("%s: %s, of %s"):format(url, units.bytes(found.size), found.modified or "an unknown time"))
  target.path = own_path(ctx)
  ctx:effect("s3.copy", target, { bytes = found.size })
  return target.path
end

local function upload(ctx, made, url)
  local target = split(ctx, url)
  target.path = made.path
  -- A plan has no archive yet, so it cannot know these.
  local wanted = { sha256 = made.sha256, bytes = made.bytes }
  if ctx.mode == "plan" and made.bytes == nil then wanted = { sha256 = value.unknown, bytes = value.unknown } end
  return (ctx:effect("s3.object", target, wanted))
end

-- The tenant's objects whose key has this ending, below every granted prefix.
local function list(ctx, ending)
  local found = {}
  for _, prefix in ipairs(ctx.scope.s3 or {}) do
    for _, one in ipairs(ctx:read("s3.list", { prefix = prefix })) do
      if one.key:sub(-#ending) == ending then
        found[#found + 1] = {
          url = ("s3://%s/%s"):format(prefix:match("^[^/]+"), one.key),
          size = one.size,
          modified = one.modified,
        }
      end
    end
  end
  return found
end

return {
  name = "s3",
  declares = "s3:write",
  types = { object, copy, listing, head },
  api = function(ctx)
    return {
      --- Refuses a URL that is not an object below the tenant's own prefix.
      ---@param url string "s3://BUCKET/KEY"
      check = function(url) split(ctx, url) end,

      --- Uploads an archive and its note, and reads the archive back. An object that exists already is a conflict.
      ---@param made { path: string, sha256: string, bytes: integer } from archive.dump_own
      ---@param url string
      upload = function(made, url) return upload(ctx, made, url) end,

      --- Fetches an archive, and its note if there is one, into the folder of this run.
      ---@param url string
      ---@return string path
      fetch = function(url) return fetch(ctx, url) end,

      --- Removes the fetched files.
      drop_own = function() ctx:effect("s3.copy", { path = own_path(ctx), url = "the fetched archive" }, nil) end,

      --- The tenant's own objects.
      ---@param ending string? of their keys
      ---@return { url: string, size: integer, modified: string }[] size: bytes
      list = function(ending) return list(ctx, ending) end,
    }
  end,
}
