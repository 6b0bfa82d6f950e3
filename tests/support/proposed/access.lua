--- Rows of what is proposed, in the lab: credentials, and services that do not get healthy.

local assert = require "luassert"
local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local paste = require "tests.support.proposed.paste"

local TENANT <const> = "newclient"

local function uses_context(lab)
  local config = json.decode(fs.read(lab.env.KUBECONFIG))
  local name = config["current-context"]
  config["current-context"] = nil
  local env = { KUBECONFIG = lab.dir .. "/kubeconfig-without-context" }
  fs.write(env.KUBECONFIG, json.encode(config), { mode = 384 })
  local words = { "plan", "deploy", TENANT, "services=service-sso" }
  local refused = paste.refused(lab, words, "no current context", { env = env })
  local command = paste.commands(refused, "kubectl config use%-context NAME")
  paste.works(lab, (command:gsub("NAME", name)), { env = env })
  local again = lab:o2x(words, { env = env })
  assert.equal(0, again.code, again.stderr)
end

-- The keys are given as at the terminal.
local function configures_profile(lab)
  local home = fs.temp_folder "/tmp/o2x-proposed-"
  local _remove <close> = defer(function() fs.remove_tree(home) end)
  local env =
    { AWS_PROFILE = "ops", AWS_CONFIG_FILE = home .. "/config", AWS_SHARED_CREDENTIALS_FILE = home .. "/keys" }
  for _, name in ipairs { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN" } do
    env[name] = ""
  end
  local role = "role_arn = arn:aws:iam::123456789012:role/ops\nsource_profile = base\nregion = us-east-1\n"
  fs.write(env.AWS_CONFIG_FILE, "[profile ops]\n" .. role .. "[profile base]\nregion = us-east-1\n")
  local words = { "run", "backup", TENANT, "list=true" }
  local refused = paste.refused(lab, words, "source_profile base of profile ops has no keys", { env = env })
  local command = paste.commands(refused, "aws configure %-%-profile [%w-]+")
  local keys = ("%s\n%s\n\n\n"):format(lab.env.AWS_ACCESS_KEY_ID, lab.env.AWS_SECRET_ACCESS_KEY)
  paste.works(lab, command, { env = env, stdin = keys })
  local again = lab:o2x(words, { env = env })
  assert.is_nil(again.stderr:find("has no keys", 1, true), again.stderr)
end

local function deploys_again(lab)
  local words = { "run", "deploy", TENANT, "services=service-usage", "image=v9-broken", "timeout=2s" }
  words[#words + 1] = "--confirm=" .. TENANT
  local refused = paste.refused(lab, words, "fix the cause, then start again")
  local command = paste.commands(refused, "o2x run deploy [^\n]+")
  assert.matches("services=service-usage image=v9-broken", command, 1, true)
  paste.works(lab, (command:gsub("v9%-broken", "v2.6.0"))) -- the cause is fixed: there is no image v9-broken
end

local function describes_pod(lab)
  local name = TENANT .. "-service-usage"
  local function image(tag)
    local deployment = "deployment/" .. name
    lab:out("kubectl", "set", "image", deployment, "*=embrix/service-usage:" .. tag)
  end
  image "v9-broken"
  local refused = lab:o2x { "run", "smoke", TENANT }
  assert.are_not.equal(0, refused.code)
  local shown = paste.works(lab, (paste.commands(refused, "kubectl %-n default describe pod [%w-]+")))
  assert.matches("v9%-broken", shown.stdout)
  image "v2.6.0"
  lab:out("kubectl", "rollout", "status", "deployment/" .. name, "--timeout=60s")
end

return {
  ["lua/o2x/client/kubeconfig/init.lua: kubectl config"] = uses_context,
  ["lua/o2x/client/aws/credentials/init.lua: aws configure"] = configures_profile,
  ["stdlib/rollout.lua: o2x run deploy"] = deploys_again,
  ["stdlib/smoke.lua: kubectl describe"] = describes_pod,
}
