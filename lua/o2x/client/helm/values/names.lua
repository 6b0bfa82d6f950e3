---Replaces names in texts where they are whole names: `urbanos` matches in `http://urbanos-tax-gateway`, not in
---`urbanosphere`. All names are replaced in one pass, the longest first, so that a replacement is never replaced again.

local M = {}

local function is_boundary(text, at) return not text:sub(at, at):find "[%w\x80-\xff]" end

local function match_at(text, at, candidates)
  for _, candidate in ipairs(candidates) do
    local last = at + #candidate.old - 1
    if text:sub(at, last) == candidate.old and is_boundary(text, at - 1) and is_boundary(text, last + 1) then
      return candidate, last
    end
  end
end

---The names to replace, longest first. Names in `keep` stay even if they contain a name to replace.
---@param pairs_list { [1]: string, [2]: string }[] old and new
---@param keep string[]?
---@return table[]
function M.candidates(pairs_list, keep)
  local list, seen = {}, {}
  local function add(old, new)
    if type(old) ~= "string" or old == "" or type(new) ~= "string" then error("names must be non-empty strings", 3) end
    if not seen[old] then list[#list + 1] = { old = old, new = new } end
    seen[old] = true
  end
  for _, pair in ipairs(pairs_list) do
    add(pair[1], pair[2])
  end
  for _, name in ipairs(keep or {}) do
    add(name, name)
  end
  table.sort(list, function(a, b) return #a.old > #b.old or (#a.old == #b.old and a.old < b.old) end)
  return list
end

--- Replaces all candidates in a text.
---@param text string
---@param candidates table[] of M.candidates
---@return string
function M.replace(text, candidates)
  local out, from, at = {}, 1, 1
  while at <= #text do
    local found, last = match_at(text, at, candidates)
    if found then
      out[#out + 1] = text:sub(from, at - 1) .. found.new
      at, from = last + 1, last + 1
    else
      at = at + 1
    end
  end
  return table.concat(out) .. text:sub(from)
end

---The position of a remaining old name in any case, also as a part of a word, but not inside a new name.
---@param text string
---@param candidates table[]
---@return integer[] bytes
function M.mentions(text, candidates)
  local masked = text
  for _, candidate in ipairs(candidates) do
    masked = M.replace(masked, { { old = candidate.new, new = ("\0"):rep(#candidate.new) } })
  end
  masked = masked:lower()
  local found = {}
  for _, candidate in ipairs(candidates) do
    local at = 1
    while candidate.old ~= candidate.new do
      local first, last = masked:find(candidate.old:lower(), at, true)
      if not first then break end
      found[#found + 1] = first
      at = last + 1
    end
  end
  table.sort(found)
  return found
end

return M
