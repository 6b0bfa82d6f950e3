--- Where keys of AWS come from: files below HOME and variables, for tests/reference/aws_spec.lua. "URL" stands for the
--- loopback server's, "HOME" for the folder. Both o2x and botocore must find the same keys, or both refuse.

local M = {}

local PAIR <const> = "aws_access_key_id = %s\naws_secret_access_key = secret-of-%s\n"

local function pair(id) return PAIR:format(id, id) end

local KEYS <const> = { AWS_ACCESS_KEY_ID = "AKIAENV", AWS_SECRET_ACCESS_KEY = "secret-of-AKIAENV" }

local function with(map, more)
  local all = {}
  for _, from in ipairs { map, more } do
    for name, value in pairs(from) do
      all[name] = value
    end
  end
  return all
end

local BASE <const> = "[base]\n" .. pair "AKIABASE"
local SESSION <const> =
  "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-central-1\n"
local LOGIN <const> = SESSION
  .. "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Admin\nregion = eu-west-3\n"

local function token(expires, text)
  return ('{"accessToken": "%s", "expiresAt": "%s", "region": "eu-central-1"}'):format(text or "login-token", expires)
end

-- What a program prints.
local PRINTED <const> = '{"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "secret-of-AKIAPROC"}'

--- A case: env, config (~/.aws/config), credentials (~/.aws/credentials), files (name below HOME → text), login (name
--- of an SSO session or its start URL → text of its token's file); differs: why o2x is another than botocore on
--- purpose.
---@type { [1]: string, env: table?, config: string?, credentials: string?, files: table?, login: table?,
---  differs: string? }[]
M.LIST = {
  -- ---- keys that are written down ----
  { "keys of the environment", env = KEYS },
  { "keys of the environment with a token", env = with(KEYS, { AWS_SESSION_TOKEN = "tok-env" }) },
  { "keys of the environment with the old name of a token", env = with(KEYS, { AWS_SECURITY_TOKEN = "tok-env" }) },
  { "an access key without its secret", env = { AWS_ACCESS_KEY_ID = "AKIAENV" } },
  { "a secret without its access key", env = { AWS_SECRET_ACCESS_KEY = "x" } },
  {
    "empty variables",
    env = { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" },
    credentials = "[default]\n" .. pair "AKIADEF",
  },
  { "nothing at all" },
  { "the default profile", credentials = "[default]\n" .. pair "AKIADEF" },
  { "the default profile of the config file", config = "[default]\nregion = eu-north-1\n" .. pair "AKIACFG" },
  { "[profile default]", config = "[profile default]\nregion = eu-north-1\n" .. pair "AKIACFG" },
  { "keys of the environment before a profile", env = KEYS, credentials = "[default]\n" .. pair "AKIADEF" },
  {
    "keys of the environment and the region of AWS_PROFILE",
    env = with(KEYS, { AWS_PROFILE = "dev" }),
    config = "[profile dev]\nregion = eu-west-3\n",
  },
  { "a profile by AWS_PROFILE", env = { AWS_PROFILE = "base" }, credentials = BASE },
  { "a profile by AWS_DEFAULT_PROFILE", env = { AWS_DEFAULT_PROFILE = "base" }, credentials = BASE },
  { "both variables, alike", env = { AWS_DEFAULT_PROFILE = "base", AWS_PROFILE = "base" }, credentials = BASE },
  {
    "both variables, different",
    env = { AWS_DEFAULT_PROFILE = "base", AWS_PROFILE = "other" },
    credentials = BASE .. "[other]\n" .. pair "AKIAOTHER",
    differs = "tools differ in which one counts: o2x asks",
  },
  { "a profile that is not there", env = { AWS_PROFILE = "nosuch" }, credentials = BASE },
  { "a profile that is not there, with keys of the environment", env = with(KEYS, { AWS_PROFILE = "nosuch" }) },
  { "a profile in another case", env = { AWS_PROFILE = "Base" }, credentials = BASE },
  {
    "options in another case",
    credentials = "[default]\nAWS_Access_Key_ID = AKIADEF\nAws_Secret_Access_Key = secret-of-AKIADEF\n",
  },
  {
    "both files, credentials win",
    config = "[default]\nregion = eu-north-1\n" .. pair "AKIACFG",
    credentials = "[default]\n" .. pair "AKIADEF",
  },
  {
    "the region of one file and the keys of the other",
    env = { AWS_PROFILE = "base" },
    config = "[profile base]\nregion = sa-east-1\n",
    credentials = BASE,
  },
  { "a profile's token", credentials = "[default]\n" .. pair "AKIADEF" .. "aws_session_token = tok-file\n" },
  { "a profile without a secret", credentials = "[default]\naws_access_key_id = AKIADEF\n" },
  { "a section that is no profile", env = { AWS_PROFILE = "dev" }, config = "[dev]\n" .. pair "AKIACFG" },
  {
    "other files by variables",
    env = { AWS_CONFIG_FILE = "HOME/other/config", AWS_SHARED_CREDENTIALS_FILE = "HOME/other/credentials" },
    files = {
      ["other/config"] = "[default]\nregion = eu-south-1\n",
      ["other/credentials"] = "[default]\n" .. pair "AKIAELSE",
    },
  },
  {
    "other files that are not there",
    env = { AWS_CONFIG_FILE = "HOME/nosuch", AWS_SHARED_CREDENTIALS_FILE = "HOME/nosuch" },
  },

  -- ---- the region ----
  { "AWS_DEFAULT_REGION", env = with(KEYS, { AWS_DEFAULT_REGION = "ap-south-1" }) },
  {
    "AWS_REGION",
    env = with(KEYS, { AWS_REGION = "ap-south-1" }),
    differs = "botocore does not know AWS_REGION; version 2 of aws does, and it counts first",
  },
  {
    "AWS_DEFAULT_REGION before the profile's",
    env = with(KEYS, { AWS_DEFAULT_REGION = "ap-south-1" }),
    config = "[default]\nregion = eu-north-1\n",
  },

  -- ---- how the files are read ----
  { "comments", credentials = "# one\n[default]\n; two\n  # three\n" .. pair "AKIADEF" },
  { "a comment behind a value is part of it", config = "[default]\nregion = eu-west-1 # Ireland\n", env = KEYS },
  { "a comment behind a section", credentials = "[default] # mine\n" .. pair "AKIADEF" },
  { "colons", credentials = "[default]\naws_access_key_id: AKIADEF\naws_secret_access_key: secret-of-AKIADEF\n" },
  { "no blanks", credentials = "[default]\naws_access_key_id=AKIADEF\naws_secret_access_key=secret=of/+AKIADEF==\n" },
  { "lines of Windows", credentials = ("[default]\n" .. pair "AKIADEF"):gsub("\n", "\r\n") },
  {
    "no final newline",
    credentials = "[default]\naws_access_key_id = AKIADEF\naws_secret_access_key = secret-of-AKIADEF",
  },
  {
    "blanks around values",
    credentials = "[default]\naws_access_key_id   =   AKIADEF  \naws_secret_access_key =\tsecret-of-AKIADEF\t \n",
  },
  {
    "a block of options",
    config = "[default]\ns3 =\n  max_concurrent_requests = 20\n  addressing_style = path\nregion = eu-north-1\n",
    env = KEYS,
  },
  { "a block with a line that is none", config = "[default]\ns3 =\n  nonsense\n", env = KEYS },
  { "a section twice", credentials = "[default]\n" .. pair "AKIADEF" .. "[default]\n" .. pair "AKIATWO" },
  { "an option twice", credentials = "[default]\n" .. pair "AKIADEF" .. "aws_access_key_id = AKIATWO\n" },
  { "no section", credentials = pair "AKIADEF" },
  { "a line that is nothing", credentials = "[default]\nnonsense\n" .. pair "AKIADEF" },
  { "a value without a name", credentials = "[default]\n= nonsense\n" .. pair "AKIADEF" },
  { "a byte order mark", credentials = "\u{FEFF}[default]\n" .. pair "AKIADEF" },
  {
    "[DEFAULT] is shared by all",
    env = { AWS_PROFILE = "a" },
    credentials = "[DEFAULT]\n" .. pair "AKIASHARED" .. "[a]\nregion = eu-north-1\n",
  },
  {
    "a name in quotes",
    env = { AWS_PROFILE = "my dev" },
    config = '[profile "my dev"]\nregion = eu-west-3\n' .. pair "AKIACFG",
  },
  {
    "a name with blanks, without quotes",
    env = { AWS_PROFILE = "my dev" },
    config = "[profile my dev]\n" .. pair "AKIACFG",
  },
  {
    "more blanks before a name",
    env = { AWS_PROFILE = "dev" },
    config = "[profile    dev]\nregion = eu-west-3\n" .. pair "AKIACFG",
  },
  { "an indented section", env = { AWS_PROFILE = "dev" }, config = "  [profile dev]\n" .. pair "AKIACFG" },
  { "an indented line continues a value", env = KEYS, config = "[default]\nregion = eu-\n  west-1\n" },
  { "an empty file", env = KEYS, config = "" },
  { "an empty value", env = KEYS, config = "[default]\nregion =\noutput = json\n" },

  -- ---- roles ----
  {
    "a role by another profile",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\nregion = eu-west-3\n",
    credentials = BASE,
  },
  {
    "a role with everything",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n"
      .. "external_id = a b/c\nrole_session_name = night\nduration_seconds = 7200\n"
      .. "region = eu-west-3\n",
    credentials = BASE,
  },
  {
    "a role by a role",
    env = { AWS_PROFILE = "two" },
    config = "[profile two]\nrole_arn = arn:aws:iam::1:role/two\nsource_profile = one\nregion = eu-west-3\n"
      .. "[profile one]\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = base\nregion = us-west-2\n",
    credentials = BASE,
  },
  {
    "roles in a circle",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n",
  },
  {
    "a role by itself",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = a\n"
      .. pair "AKIASELF",
  },
  {
    "a role by itself, without keys",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\nsource_profile = a\n",
  },
  {
    "a role by a profile that is not there",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\nsource_profile = nosuch\n",
  },
  {
    "a role by a profile without keys",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nregion = eu-west-3\n",
  },
  { "a role by nobody", env = { AWS_PROFILE = "a" }, config = "[profile a]\nrole_arn = arn:a\n" },
  {
    "a role by two",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\nsource_profile = base\ncredential_source = Environment\n",
    credentials = BASE,
  },
  {
    "a role by the environment",
    env = with(KEYS, { AWS_PROFILE = "a" }),
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = Environment\n",
  },
  {
    "a role by the environment, which has none",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\ncredential_source = Environment\n",
  },
  {
    "a role by the container",
    env = { AWS_PROFILE = "a", AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = EcsContainer\n",
  },
  {
    "a role by the instance",
    env = { AWS_PROFILE = "a", AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\n"
      .. "credential_source = Ec2InstanceMetadata\n",
  },
  {
    "a role by a source in another case",
    env = { AWS_PROFILE = "a", AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:a\ncredential_source = ec2instancemetadata\n",
  },
  {
    "a role by something else",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\ncredential_source = Moon\n",
  },
  {
    "a role that is refused",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:denied\nsource_profile = base\n",
    credentials = BASE,
  },
  {
    "a role that asks for a code",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = base\n"
      .. "mfa_serial = arn:mfa\n",
    credentials = BASE,
  },
  {
    "keys and a role in one profile",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = base\n"
      .. pair "AKIAOWN",
    credentials = BASE,
  },

  -- ---- web identities ----
  {
    "a service account's token",
    env = {
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token",
      AWS_ROLE_ARN = "arn:aws:iam::1:role/irsa",
      AWS_DEFAULT_REGION = "eu-west-3",
    },
    files = { token = "eyJhbGciOi.eyJzdWIi.c2ln" },
  },
  {
    "a service account's token with a session's name",
    env = {
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token",
      AWS_ROLE_ARN = "arn:aws:iam::1:role/irsa",
      AWS_ROLE_SESSION_NAME = "job",
      AWS_DEFAULT_REGION = "eu-west-3",
    },
    files = { token = "eyJhbGciOi.eyJzdWIi.c2ln" },
  },
  {
    "a service account's token without a role",
    env = { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token", AWS_DEFAULT_REGION = "eu-west-3" },
    files = { token = "x.y.z" },
  },
  {
    "a service account's token that is not there",
    env = { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token", AWS_ROLE_ARN = "arn:r", AWS_DEFAULT_REGION = "eu-west-3" },
  },
  {
    "a service account's token before the default profile",
    env = {
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token",
      AWS_ROLE_ARN = "arn:aws:iam::1:role/irsa",
      AWS_DEFAULT_REGION = "eu-west-3",
    },
    files = { token = "x.y.z" },
    credentials = "[default]\n" .. pair "AKIADEF",
  },
  {
    "a service account's token after keys of the environment",
    env = with(KEYS, { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token", AWS_ROLE_ARN = "arn:r" }),
    files = { token = "x.y.z" },
  },
  {
    "a token in a profile",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/a\n"
      .. "web_identity_token_file = HOME/token\nrole_session_name = job\n",
    files = { token = "x.y.z" },
  },
  {
    "a token in the profile that a role comes from",
    env = { AWS_PROFILE = "b" },
    config = "[profile b]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = a\n"
      .. "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nweb_identity_token_file = HOME/token\n"
      .. "role_session_name = job\n",
    files = { token = "x.y.z" },
  },

  {
    "a service account's token with a line end",
    env = {
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token",
      AWS_ROLE_ARN = "arn:aws:iam::1:role/irsa",
      AWS_DEFAULT_REGION = "eu-west-3",
    },
    files = { token = "x.y.z\n" },
    differs = "botocore sends the line end, and STS refuses it",
  },

  -- ---- logins ----
  { "a login", env = { AWS_PROFILE = "dev" }, config = LOGIN, login = { corp = token "2099-01-01T00:00:00Z" } },
  {
    "a login of the first form",
    env = { AWS_PROFILE = "dev" },
    config = "[profile dev]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-central-1\n"
      .. "sso_account_id = 1\nsso_role_name = R\nregion = eu-west-3\n",
    login = { ["https://old.awsapps.com/start"] = token "2099-01-01T00:00:00UTC" },
  },
  {
    "a login that has expired",
    env = { AWS_PROFILE = "dev" },
    config = LOGIN,
    login = { corp = token "2020-01-01T00:00:00Z" },
  },
  {
    "a login of the first form that has expired",
    env = { AWS_PROFILE = "dev" },
    config = "[profile dev]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-central-1\n"
      .. "sso_account_id = 1\nsso_role_name = R\n",
    login = { ["https://old.awsapps.com/start"] = token "2020-01-01T00:00:00UTC" },
  },
  { "nobody has logged in", env = { AWS_PROFILE = "dev" }, config = LOGIN },
  {
    "a login that was revoked",
    env = { AWS_PROFILE = "dev" },
    config = LOGIN,
    login = { corp = token("2099-01-01T00:00:00Z", "revoked-token") },
  },
  {
    "a session that is not there",
    env = { AWS_PROFILE = "dev" },
    config = "[profile dev]\nsso_session = nosuch\nsso_account_id = 1\nsso_role_name = R\n",
  },
  {
    "a login without a role",
    env = { AWS_PROFILE = "dev" },
    config = SESSION .. "[profile dev]\nsso_session = corp\nsso_account_id = 1\n",
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a login before keys of the same profile",
    env = { AWS_PROFILE = "dev" },
    config = LOGIN .. pair "AKIACFG",
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a role by a login",
    env = { AWS_PROFILE = "ops" },
    config = LOGIN .. "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = dev\n",
    login = { corp = token "2099-01-01T00:00:00Z" },
  },

  -- ---- containers and machines ----
  { "an agent", env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x" } },
  {
    "an agent with a token",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x", AWS_CONTAINER_AUTHORIZATION_TOKEN = "Basic abc" },
  },
  {
    "an agent with a token in a file",
    env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "HOME/pod",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "other",
    },
    files = { pod = "pod-identity-token" },
  },
  {
    "an agent with a token in a file with a line end",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "HOME/pod" },
    files = { pod = "pod-identity-token\n" },
    differs = "botocore takes no token with a line end",
  },
  { "an agent elsewhere", env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://198.51.100.7/x" } },
  { "an agent that refuses", env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/refused" } },
  { "an agent that is busy once", env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/busy" } },
  {
    "an agent after a profile",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x" },
    credentials = "[default]\n" .. pair "AKIADEF",
  },
  {
    "an agent before a machine",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x", AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
  },
  { "a machine", env = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" } },
  {
    "a machine whose profile has only a region",
    env = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
    config = "[default]\nregion = eu-west-3\n",
  },
  {
    "a machine that may not be asked",
    env = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds", AWS_EC2_METADATA_DISABLED = "TRUE" },
  },

  -- ---- programs ----
  {
    "a program",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = {
      ["keys.json"] = PRINTED:sub(1, -2)
        .. ', "SessionToken": "tok\\/proc", "Expiration": "2099-01-01T00:00:00+00:00"}',
    },
  },
  {
    "a program with words in quotes",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat 'HOME/my keys.json'\n",
    files = { ["my keys.json"] = PRINTED },
  },
  {
    "a program that fails",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\ncredential_process = /bin/cat HOME/nosuch\n",
  },
  {
    "a program of another version",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = '{"Version": 2, "AccessKeyId": "A", "SecretAccessKey": "s-of-A"}' },
  },
  {
    "a program without a secret",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = '{"Version": 1, "AccessKeyId": "A"}' },
  },
  {
    "a program that is not listed",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\ncredential_process = /bin/echo '" .. PRINTED .. "'\n",
    differs = "only programs that aws.credential_processes lists run",
  },
  {
    "keys before a program",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/false\n",
    credentials = "[a]\n" .. pair "AKIAFILE",
  },
  {
    "a program before keys of the config file",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n" .. pair "AKIACFG",
    files = { ["keys.json"] = PRINTED },
  },
  {
    "a login of aws login",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\nlogin_session = arn:aws:iam::1:user/u\n",
  },

  -- ---- files elsewhere, and odd ones ----
  {
    "[profile x] in the file of credentials",
    env = { AWS_PROFILE = "x" },
    credentials = "[profile x]\n" .. pair "AKIAX",
  },
  {
    "[default] before [profile default]",
    config = "[default]\nregion = eu-north-1\n" .. pair "AKIAONE" .. "[profile default]\n" .. pair "AKIATWO",
  },
  {
    "[profile default] before [default]",
    differs = "botocore takes the last; AWS says that [profile default] counts",
    config = "[profile default]\n" .. pair "AKIATWO" .. "[default]\nregion = eu-north-1\n" .. pair "AKIAONE",
  },
  { "a tab after profile", env = { AWS_PROFILE = "x" }, config = "[profile\tx]\n" .. pair "AKIAX" },
  { "a profile with a colon", env = { AWS_PROFILE = "a:b" }, config = "[profile a:b]\n" .. pair "AKIAX" },
  { "a profile with a slash", env = { AWS_PROFILE = "org/dev" }, config = "[profile org/dev]\n" .. pair "AKIAX" },
  {
    "an empty profile variable",
    env = { AWS_PROFILE = "" },
    credentials = "[default]\n" .. pair "AKIADEF",
    differs = "botocore looks for a profile without a name; an empty variable is as good as none",
  },
  { "a profile of blanks around", env = { AWS_PROFILE = " base " }, credentials = BASE },
  { "AWS_PROFILE=default without files", env = { AWS_PROFILE = "default" } },
  {
    "keys in quotes",
    credentials = '[default]\naws_access_key_id = "AKIADEF"\naws_secret_access_key = "x"\n',
  },
  {
    "a percent sign in a secret",
    credentials = "[default]\naws_access_key_id = AKIADEF\naws_secret_access_key = a%b%(c)s/$x${HOME}\n",
  },
  {
    "a hash and a semicolon in a secret",
    credentials = "[default]\naws_access_key_id = AKIADEF\naws_secret_access_key = a#b;c ;d #e\n",
  },
  { "an empty token in the environment", env = with(KEYS, { AWS_SESSION_TOKEN = "", AWS_SECURITY_TOKEN = "old" }) },
  {
    "both tokens",
    env = with(KEYS, { AWS_SESSION_TOKEN = "new", AWS_SECURITY_TOKEN = "old" }),
    differs = "botocore alone prefers the old name",
  },
  {
    "both tokens in a file",
    credentials = "[default]\n" .. pair "AKIADEF" .. "aws_session_token = new\naws_security_token = old\n",
  },
  { "an empty token in a file", credentials = "[default]\n" .. pair "AKIADEF" .. "aws_session_token =\n" },
  {
    "an expiration in the environment that is past",
    env = with(KEYS, { AWS_CREDENTIAL_EXPIRATION = "2020-01-01T00:00:00Z" }),
  },
  {
    "an expiration in the environment",
    env = with(KEYS, { AWS_CREDENTIAL_EXPIRATION = "2099-01-01T00:00:00Z", AWS_SESSION_TOKEN = "t" }),
  },
  {
    "blanks around keys of the environment",
    env = { AWS_ACCESS_KEY_ID = " AKIAENV ", AWS_SECRET_ACCESS_KEY = "x" },
  },
  {
    "keys of the environment with an unreadable profile",
    env = with(KEYS, { AWS_PROFILE = "a" }),
    config = "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = nosuch\n",
  },
  { "keys of the environment, a broken file", env = KEYS, config = "nonsense\n" },
  { "keys of the environment, no HOME file, a broken credentials file", env = KEYS, credentials = "nonsense\n" },

  -- ---- more roles ----
  {
    "a role by a program",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = p\n"
      .. "[profile p]\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = PRINTED },
  },
  {
    "a role by a role by the instance",
    env = { AWS_PROFILE = "two", AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
    config = "[profile two]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/two\nsource_profile = one\n"
      .. "[profile one]\nrole_arn = arn:aws:iam::1:role/one\ncredential_source = Ec2InstanceMetadata\n",
  },
  {
    "a role by three roles",
    env = { AWS_PROFILE = "three" },
    config = "[profile three]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/three\nsource_profile = two\n"
      .. "[profile two]\nrole_arn = arn:aws:iam::1:role/two\nsource_profile = one\n"
      .. "[profile one]\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = base\n",
    credentials = BASE,
  },
  {
    "a role of the default profile",
    config = "[default]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/d\nsource_profile = base\n",
    credentials = BASE,
  },
  {
    "a role with keys of the environment beside it",
    env = with(KEYS, { AWS_PROFILE = "ops" }),
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n",
    credentials = BASE,
  },
  {
    "a role in the file of credentials",
    env = { AWS_PROFILE = "ops" },
    credentials = BASE .. "[ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n",
  },
  {
    "a role by default",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = default\n",
    credentials = "[default]\n" .. pair "AKIADEF",
  },
  {
    "an empty role",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn =\nsource_profile = base\n" .. pair "AKIAOPS",
    credentials = BASE,
  },
  {
    "a source_profile without a role",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nregion = eu-west-3\nsource_profile = base\n",
    credentials = BASE,
  },
  {
    "a role without a region",
    differs = "botocore wants a region; o2x has us-east-1",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n",
    credentials = BASE,
  },
  {
    "a role, and a region that only the source has",
    differs = "botocore wants a region; o2x has us-east-1",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n"
      .. "[profile base]\nregion = sa-east-1\n",
    credentials = BASE,
  },
  {
    "an agent's role by a relative address",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nrole_arn = arn:a\ncredential_source = EcsContainer\n",
  },
  {
    "a role by a session's name with odd characters",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n"
      .. "role_session_name = jo@x=y,z.-_\nexternal_id = a:b/c=+@\n",
    credentials = BASE,
  },
  {
    "a role and a program in one profile",
    env = { AWS_PROFILE = "ops" },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\nsource_profile = base\n"
      .. "credential_process = /bin/cat HOME/keys.json\n",
    credentials = BASE,
    files = { ["keys.json"] = PRINTED },
  },
  {
    "a role of a profile and a token's file of the environment",
    env = { AWS_PROFILE = "ops", AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token" },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\n",
    files = { token = "x.y.z" },
  },
  {
    "a token's file of a profile and a role of the environment",
    env = { AWS_PROFILE = "ops", AWS_ROLE_ARN = "arn:aws:iam::1:role/env" },
    config = "[profile ops]\nregion = eu-west-3\nweb_identity_token_file = HOME/token\n",
    files = { token = "x.y.z" },
  },
  {
    "both of both",
    env = {
      AWS_PROFILE = "ops",
      AWS_ROLE_ARN = "arn:aws:iam::1:role/env",
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/other",
    },
    config = "[profile ops]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/ops\n"
      .. "web_identity_token_file = HOME/token\n",
    files = { token = "x.y.z", other = "a.b.c" },
  },
  {
    "a service account's token beside a profile with keys",
    env = {
      AWS_PROFILE = "base",
      AWS_ROLE_ARN = "arn:aws:iam::1:role/env",
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token",
      AWS_DEFAULT_REGION = "eu-west-3",
    },
    credentials = BASE,
    files = { token = "x.y.z" },
  },
  {
    "a service account's token and no region",
    env = { AWS_ROLE_ARN = "arn:aws:iam::1:role/env", AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token" },
    files = { token = "x.y.z" },
  },
  {
    "an empty variable of a token's file",
    env = { AWS_ROLE_ARN = "", AWS_WEB_IDENTITY_TOKEN_FILE = "" },
    credentials = "[default]\n" .. pair "AKIADEF",
  },
  {
    "a role that is refused to a service account",
    env = {
      AWS_ROLE_ARN = "arn:denied",
      AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token",
      AWS_DEFAULT_REGION = "eu-west-3",
    },
    files = { token = "x.y.z" },
    credentials = "[default]\n" .. pair "AKIADEF",
  },

  -- ---- more logins ----
  {
    "a login with the time zone in digits",
    env = { AWS_PROFILE = "dev" },
    config = LOGIN,
    login = { corp = token "2099-01-01T00:00:00+00:00" },
  },
  {
    "a login with scopes",
    env = { AWS_PROFILE = "dev" },
    config = LOGIN:gsub("(sso_region[^\n]*\n)", "%1sso_registration_scopes = sso:account:access\n", 1),
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a session's section behind the profile",
    env = { AWS_PROFILE = "dev" },
    config = "[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\nregion = eu-west-3\n"
      .. SESSION,
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a session with blanks in its name",
    env = { AWS_PROFILE = "dev" },
    config = '[sso-session "my corp"]\nsso_start_url = https://c.awsapps.com/start\nsso_region = eu-central-1\n'
      .. "[profile dev]\nsso_session = my corp\nsso_account_id = 1\nsso_role_name = R\nregion = eu-west-3\n",
    login = { ["my corp"] = token "2099-01-01T00:00:00Z" },
  },
  {
    "a session in the file of credentials",
    env = { AWS_PROFILE = "dev" },
    config = "[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\nregion = eu-west-3\n",
    credentials = SESSION,
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a login of the default profile",
    config = SESSION .. "[default]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\nregion = eu-west-3\n",
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a session alone in a profile with keys",
    env = { AWS_PROFILE = "dev" },
    config = SESSION .. "[profile dev]\nsso_session = corp\nregion = eu-west-3\n" .. pair "AKIACFG",
  },
  {
    "a login whose role has blanks and an umlaut",
    env = { AWS_PROFILE = "dev" },
    config = SESSION
      .. "[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R \u{fc}&x\n"
      .. "region = eu-west-3\n",
    login = { corp = token "2099-01-01T00:00:00Z" },
  },
  {
    "a login that is damaged",
    env = { AWS_PROFILE = "dev" },
    config = LOGIN,
    login = { corp = "{" },
  },

  -- ---- more programs, containers, machines ----
  {
    "a program whose keys have expired",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = PRINTED:sub(1, -2) .. ', "Expiration": "2020-01-01T00:00:00Z"}' },
  },
  {
    "a program with an account and nulls",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = PRINTED:sub(1, -2) .. ', "AccountId": "1", "SessionToken": null, "Expiration": null}' },
  },
  {
    "a program that prints other things after",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = "  \n" .. PRINTED .. "\n\n" },
  },
  {
    "a program's version as a text",
    env = { AWS_PROFILE = "a" },
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = (PRINTED:gsub('"Version": 1', '"Version": "1"')) },
  },
  {
    "a program with keys of the environment beside it",
    env = with(KEYS, { AWS_PROFILE = "a" }),
    config = "[profile a]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = PRINTED },
  },
  {
    "a program of the default profile before the instance",
    env = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
    config = "[default]\nregion = eu-west-3\ncredential_process = /bin/cat HOME/keys.json\n",
    files = { ["keys.json"] = PRINTED },
  },
  {
    "a machine with a slash behind its address",
    env = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds/" },
  },
  {
    "a machine beside a profile that is named and has no keys",
    env = { AWS_PROFILE = "r", AWS_EC2_METADATA_SERVICE_ENDPOINT = "URL/imds" },
    config = "[profile r]\nregion = eu-west-3\n",
  },
  {
    "an agent with a token with a line end",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x", AWS_CONTAINER_AUTHORIZATION_TOKEN = "a\nb" },
  },
  {
    "an agent with an empty token's file",
    differs = "botocore asks without a token",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "HOME/pod" },
    files = { pod = "" },
  },
  {
    "an agent with a token's file that is not there",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "HOME/pod" },
  },
  { "an agent with a query", env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent/x?id=a%20b&c=d" } },
  { "an agent by name of this machine", env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://nosuch.example/x" } },
}

return M
