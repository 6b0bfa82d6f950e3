--- Each place of a tenant and each way in which somebody can get it wrong: by which seeds an audit is tried there, or
--- why the cell cannot occur. A seed is named by its `what`; "spec: …" names a test of its own.

local M = {}

--- The ways, in the order of the table.
M.WAYS = { "deleted", "edited", "extra", "renamed", "wrong owner", "expired" }

local function never(why) return { never = why } end

local NO_END <const> = never "has no end"
local NO_NAME_CHANGE <const> = never "Kubernetes changes no name"
local MODE <const> = never "git says whose a file is"

--- { place, deleted, edited, extra, renamed, wrong owner, expired }
M.CELLS = {
  {
    "registry",
    { "registry's rows deleted", "registry's profile deleted" },
    { "registry's row edited" },
    { "spec: finds what is left of a tenant without a file" },
    { "registry's row renamed" },
    { "spec: proposes nothing where the registry has the tenant's id" },
    NO_END,
  },
  {
    "database",
    { "spec: counts what was in a database that is gone" },
    { "connection limit edited", "setting of the database" },
    { "spec: finds what is left of a tenant without a file" },
    { "database renamed" },
    { "database owned by another" },
    NO_END,
  },
  {
    "tables and what is in a schema",
    { "table dropped", "column dropped", "index dropped", "constraint dropped", "trigger dropped" },
    { "column's type edited", "column's default edited", "column may be empty", "function edited" },
    { "table extra", "column extra", "view extra", "function extra", "schema extra" },
    { "table renamed", "column renamed" },
    { "table owned by another", "schema owned by another" },
    NO_END,
  },
  {
    "migrations",
    { "migration's row deleted" },
    { "migration's checksum edited" },
    { "migration extra" },
    never "its script's name is its name",
    never "owns nothing",
    NO_END,
  },
  {
    "rows",
    { "row deleted", "administrator deleted" },
    { "row edited", "value of a property edited" },
    { "integration extra" },
    { "integration renamed" },
    { "row of another tenant" },
    NO_END,
  },
  {
    "role of the services",
    never "the server keeps a role that has privileges",
    { "password of the services' role changed" },
    { "services' role member of a role that reads all" },
    never "a plan refuses: there is no such role",
    never "nobody owns a role",
    { "services' role may not log in, has expired, has no connections, may make databases" },
  },
  {
    "privileges",
    { "privilege revoked", "privilege on a table revoked", "privilege on a schema revoked" },
    { "privilege on a table given" },
    { "privilege on a table for everybody", "privilege on the database for everybody" },
    never "have no names",
    { "privilege on the database for a stranger" },
    never "PostgreSQL ends none by itself",
  },
  {
    "secrets in Vault",
    { "secret deleted" },
    { "secret edited" },
    { "secret extra" },
    { "secret renamed" },
    { "secret of another tenant's id" },
    { "secret's newest version deleted" },
  },
  {
    "values files",
    { "values file deleted" },
    { "values file edited" },
    { "values file extra" },
    { "values file renamed" },
    MODE,
    NO_END,
  },
  {
    "other files",
    { "monitoring file deleted", "alerts file deleted", "handoff document deleted" },
    { "ingress file edited", "inventory entry edited" },
    never "in a folder of all tenants, a file of another name is nobody's",
    { "alerts file renamed", "inventory entry renamed" },
    MODE,
    NO_END,
  },
  {
    "releases",
    { "release uninstalled" },
    { "release's values edited" },
    { "release extra" },
    never "helm renames none",
    never "its namespace is the tenant's",
    NO_END,
  },
  {
    "objects of releases",
    { "deployment deleted", "service deleted" },
    { "image edited", "service's selector edited", "deployment scaled to nothing", "deployment paused" },
    { "environment extra", "deployment extra" },
    NO_NAME_CHANGE,
    { "service account edited" },
    NO_END,
  },
  {
    "objects of o2x",
    { "service monitor deleted", "dashboard deleted" },
    { "ingress edited", "volume claim's label removed" },
    { "object extra", "key of a config map extra", "annotation of the ingress extra" },
    NO_NAME_CHANGE,
    { "alert rules owned by another" },
    { "spec: finds what the cluster is deleting" },
  },
  {
    "objects of people",
    never "no file says that they should be there",
    { "cron job of another tenant" },
    { "two autoscalers of one deployment", "autoscaler of nothing" },
    NO_NAME_CHANGE,
    { "ingress without the label", "network policy without the label", "service without the label" },
    NO_END,
  },
  {
    "certificate",
    never "its controller makes it again",
    never "its controller signs it again",
    never "no other name leads to a Secret that an ingress uses",
    NO_NAME_CHANGE,
    never "its issuer is an annotation of the ingress",
    { "certificate expired" },
  },
  {
    "DNS",
    { "record deleted" },
    { "record's TTL edited" },
    { "record extra" },
    { "record renamed" },
    { "record edited" },
    NO_END,
  },
  {
    "queues",
    { "queue deleted" },
    never "has no fields that a run sets",
    { "queue extra" },
    { "queue renamed" },
    never "its name says whose it is",
    NO_END,
  },
}

--- The table as Markdown: the number of seeds, or why there are none.
---@return string[] lines
function M.markdown()
  local lines = { "| place | " .. table.concat(M.WAYS, " | ") .. " |", "|---" .. ("|---"):rep(#M.WAYS) .. "|" }
  for _, row in ipairs(M.CELLS) do
    local cells = { row[1] }
    for i in ipairs(M.WAYS) do
      local cell = row[i + 1]
      cells[#cells + 1] = cell.never or ("✓ %d"):format(#cell)
    end
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  return lines
end

return M
