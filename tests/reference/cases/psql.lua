--- Environments for tests/reference/psql_spec.lua. A case: name; the environment; files of the home. {port}, {password}
--- and {home} are filled in. differs: why o2x says something else; either: why both may be right.

return {
  { "host, port, user and password", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}" } },
  { "a name for the host", { PGHOST = "localhost", PGPASSWORD = "{password}" } },
  {
    "hostaddr beside a name that does not exist",
    { PGHOST = "no.such.host.invalid", PGHOSTADDR = "127.0.0.1", PGPASSWORD = "{password}" },
  },
  { "hostaddr alone", { PGHOST = "", PGHOSTADDR = "127.0.0.1", PGPASSWORD = "{password}" } },
  { "a wrong hostaddr", { PGHOST = "localhost", PGHOSTADDR = "localhost", PGPASSWORD = "{password}" } },
  { "a wrong password", { PGHOST = "127.0.0.1", PGPASSWORD = "wrong" } },
  { "no password", { PGHOST = "127.0.0.1" } },
  { "another role", { PGHOST = "127.0.0.1", PGUSER = "nobody", PGPASSWORD = "{password}" } },
  { "a closed port", { PGHOST = "127.0.0.1", PGPORT = "1", PGPASSWORD = "{password}" } },
  { "a port that is none", { PGHOST = "127.0.0.1", PGPORT = "x", PGPASSWORD = "{password}" } },
  { "two hosts, the first closed", { PGHOST = "127.0.0.1,127.0.0.1", PGPORT = "1,{port}", PGPASSWORD = "{password}" } },
  { "two hosts with one port", { PGHOST = "127.0.0.1,localhost", PGPASSWORD = "{password}" } },
  {
    "three hosts with two ports",
    { PGHOST = "127.0.0.1,localhost,localhost", PGPORT = "1,{port}", PGPASSWORD = "{password}" },
  },
  {
    "a password file by PGPASSFILE",
    { PGHOST = "127.0.0.1", PGPASSFILE = "{home}/pass" },
    { pass = "127.0.0.1:{port}:*:admin:{password}\n" },
  },
  { "~/.pgpass", { PGHOST = "127.0.0.1" }, { [".pgpass"] = "*:*:*:admin:{password}\n" } },
  { "~/.pgpass for a name", { PGHOST = "localhost" }, { [".pgpass"] = "localhost:*:*:*:{password}\n" } },
  { "~/.pgpass for another host", { PGHOST = "127.0.0.1" }, { [".pgpass"] = "db.example.com:*:*:*:{password}\n" } },
  { "~/.pgpass for another database", { PGHOST = "127.0.0.1" }, { [".pgpass"] = "*:*:other:*:{password}\n" } },
  {
    "~/.pgpass with escapes and comments",
    { PGHOST = "127.0.0.1" },
    { [".pgpass"] = "# x\n\\*:1:a:b:c\n*:*:postgres:admin:{password}\n" },
  },
  {
    "~/.pgpass that others can read",
    { PGHOST = "127.0.0.1" },
    { [".pgpass"] = "*:*:*:*:{password}\n" },
    mode = "644",
  },
  { "PGPASSFILE that is not there", { PGHOST = "127.0.0.1", PGPASSFILE = "{home}/none" } },
  {
    "PGPASSFILE before ~/.pgpass",
    { PGHOST = "127.0.0.1", PGPASSFILE = "{home}/none" },
    { [".pgpass"] = "*:*:*:*:{password}\n" },
  },
  {
    "PGPASSWORD before ~/.pgpass",
    { PGHOST = "127.0.0.1", PGPASSWORD = "wrong" },
    { [".pgpass"] = "*:*:*:*:{password}\n" },
  },
  {
    "a service of PGSERVICEFILE",
    { PGSERVICE = "lab", PGSERVICEFILE = "{home}/services" },
    { services = "[lab]\nhost=127.0.0.1\npassword={password}\n" },
  },
  {
    "a service of ~/.pg_service.conf",
    { PGSERVICE = "lab" },
    { [".pg_service.conf"] = "[other]\nhost=x\n[lab]\n# y\nhost=127.0.0.1\nport={port}\npassword={password}\n" },
  },
  {
    "a service of PGSYSCONFDIR",
    { PGSERVICE = "lab", PGSYSCONFDIR = "{home}/etc" },
    { ["etc/pg_service.conf"] = "[lab]\nhost=127.0.0.1\npassword={password}\n" },
  },
  {
    "a service before the variables",
    { PGSERVICE = "lab", PGHOST = "no.such.host.invalid" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\npassword={password}\n" },
  },
  {
    "variables beside a service",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\n" },
  },
  {
    "a service with a wrong port",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\nport=1\n" },
  },
  {
    "a service that is not there",
    { PGSERVICE = "none", PGHOST = "127.0.0.1", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\n" },
  },
  {
    "a service file that is not there",
    { PGSERVICE = "lab", PGSERVICEFILE = "{home}/none", PGHOST = "127.0.0.1", PGPASSWORD = "{password}" },
  },
  {
    "a service file without PGSERVICE",
    { PGSERVICEFILE = "{home}/none", PGHOST = "127.0.0.1", PGPASSWORD = "{password}" },
  },
  {
    "a service line that is no setting",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nhost 127.0.0.1\n" },
  },
  {
    "a service with a password file",
    { PGSERVICE = "lab" },
    { [".pg_service.conf"] = "[lab]\nhost=127.0.0.1\npassfile={home}/p\n", p = "*:*:*:*:{password}\n" },
  },
  { "TLS that the server has not", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMODE = "require" } },
  { "an sslmode that is none", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMODE = "secure" } },
  { "sslmode=prefer", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMODE = "prefer" } },
  {
    "channel binding that is required without TLS",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCHANNELBINDING = "require" },
  },
  { "channel binding that is none", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCHANNELBINDING = "perhaps" } },
  {
    "a server that can be written",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGTARGETSESSIONATTRS = "read-write" },
  },
  {
    "a standby, which this is not",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGTARGETSESSIONATTRS = "standby" },
  },
  {
    "session attributes that are none",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGTARGETSESSIONATTRS = "best" },
  },
  { "GSSAPI that is required", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGGSSENCMODE = "require" } },
  { "GSSAPI switched off", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGGSSENCMODE = "disable" } },
  {
    "a range of TLS versions that is none",
    {
      PGHOST = "127.0.0.1",
      PGPASSWORD = "{password}",
      PGSSLMINPROTOCOLVERSION = "TLSv1.3",
      PGSSLMAXPROTOCOLVERSION = "TLSv1.2",
    },
  },
  {
    "a lowest TLS version that is none",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGSSLMINPROTOCOLVERSION = "SSLv9" },
  },
  { "a time limit", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCONNECT_TIMEOUT = "1" } },
  { "a time limit of 0", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCONNECT_TIMEOUT = "0" } },
  { "a time limit that is none", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCONNECT_TIMEOUT = "soon" } },
  {
    "PGDATABASE, PGAPPNAME, PGTZ, PGDATESTYLE, PGGEQO",
    {
      PGHOST = "127.0.0.1",
      PGPASSWORD = "{password}",
      PGDATABASE = "none",
      PGAPPNAME = "x",
      PGTZ = "Asia/Tokyo",
      PGDATESTYLE = "German",
      PGGEQO = "off",
    },
  },
  { "a wrong client encoding", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGCLIENTENCODING = "LATIN1" } },
  { "a Unix socket that is not there", { PGHOST = "{home}/run", PGPASSWORD = "{password}" } },
  { "a URI for the host", { PGHOST = "postgresql://127.0.0.1", PGPASSWORD = "{password}" } },
  {
    "PGOPTIONS that the server refuses",
    { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGOPTIONS = "-c no_such=1" },
    differs = "o2x warns of PGOPTIONS and goes on",
  },
  { "PGREQUIREPEER over TCP", { PGHOST = "127.0.0.1", PGPASSWORD = "{password}", PGREQUIREPEER = "nobody" } },
}
