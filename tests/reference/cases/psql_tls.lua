--- Environments for tests/reference/psql_spec.lua and a server with TLS that wants a certificate of the roles client
--- and other. As tests/reference/cases/psql.lua, and {ca}, {cert}, {key} and {other} are PEM.

return {
  { "a server that proves who it is", { PGSSLROOTCERT = "{home}/ca.pem" } },
  { "its name", { PGHOST = "localhost", PGSSLROOTCERT = "{home}/ca.pem" } },
  {
    "its name beside its address",
    { PGHOST = "localhost", PGHOSTADDR = "127.0.0.1", PGSSLROOTCERT = "{home}/ca.pem" },
  },
  { "another name", { PGHOST = "db.invalid", PGHOSTADDR = "127.0.0.1", PGSSLROOTCERT = "{home}/ca.pem" } },
  {
    "another name, not verified",
    { PGHOST = "db.invalid", PGHOSTADDR = "127.0.0.1", PGSSLROOTCERT = "{home}/ca.pem", PGSSLMODE = "verify-ca" },
  },
  { "another authority", { PGSSLROOTCERT = "{home}/other.pem" } },
  { "an authority that is not there", { PGSSLROOTCERT = "{home}/none.pem" } },
  { "sslmode=require", { PGSSLMODE = "require" } },
  { "sslmode=require with another authority", { PGSSLMODE = "require", PGSSLROOTCERT = "{home}/other.pem" } },
  { "sslmode=disable", { PGSSLMODE = "disable" } },
  { "channel binding", { PGSSLROOTCERT = "{home}/ca.pem", PGCHANNELBINDING = "require" } },
  { "TLS 1.3", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLMINPROTOCOLVERSION = "TLSv1.3" } },
  { "TLS 1.2", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLMAXPROTOCOLVERSION = "TLSv1.2" } },
  { "no name in TLS's first message", { PGHOST = "localhost", PGSSLROOTCERT = "{home}/ca.pem", PGSSLSNI = "0" } },
  {
    "a list of revoked certificates that is damaged",
    { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCRL = "{home}/key.pem" },
  },
  { "a folder of revoked certificates", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCRLDIR = "{home}" } },
  { "a client without its certificate", { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client" } },
  {
    "a client's certificate",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/key.pem" },
  },
  {
    "a client's certificate for another role",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "other", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/key.pem" },
  },
  {
    "a certificate without its key",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/none" },
  },
  {
    "a key of another certificate",
    {
      PGSSLROOTCERT = "{home}/ca.pem",
      PGUSER = "client",
      PGSSLCERT = "{home}/cert.pem",
      PGSSLKEY = "{home}/other.key",
    },
  },
  {
    "a key that others can read",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/key.pem" },
    mode = "644",
  },
  {
    "a service with certificates",
    { PGSERVICE = "lab" },
    {
      [".pg_service.conf"] = "[lab]\nuser=client\nsslcert={home}/cert.pem\nsslkey={home}/key.pem\n"
        .. "sslrootcert={home}/ca.pem\n",
    },
  },
  {
    "PGREQUIREAUTH",
    { PGSSLROOTCERT = "{home}/ca.pem", PGREQUIREAUTH = "none" },
    either = "psql before 16 ignores it; o2x refuses",
  },
  { "PGREQUIRESSL", { PGSSLROOTCERT = "{home}/ca.pem", PGREQUIRESSL = "1" } },
  { "PGKRBSRVNAME", { PGSSLROOTCERT = "{home}/ca.pem", PGKRBSRVNAME = "pg" } },
  { "PGLOADBALANCEHOSTS", { PGSSLROOTCERT = "{home}/ca.pem", PGLOADBALANCEHOSTS = "random" } },
  { "~/.postgresql/root.crt", {}, { [".postgresql/root.crt"] = "{ca}" } },
  { "~/.postgresql/root.crt of another authority", {}, { [".postgresql/root.crt"] = "{other}" } },
  {
    "~/.postgresql/root.crt of another authority, sslmode=require",
    { PGSSLMODE = "require" },
    { [".postgresql/root.crt"] = "{other}" },
  },
  { "no authority anywhere", {} },
  {
    "a client's certificate in ~/.postgresql",
    { PGUSER = "client", PGSSLROOTCERT = "{home}/ca.pem" },
    { [".postgresql/postgresql.crt"] = "{cert}", [".postgresql/postgresql.key"] = "{key}" },
  },
  {
    "a client's certificate in ~/.postgresql without its key",
    { PGUSER = "client", PGSSLROOTCERT = "{home}/ca.pem" },
    { [".postgresql/postgresql.crt"] = "{cert}" },
  },
  { "an empty authority", { PGSSLROOTCERT = "{home}/empty.pem" }, { ["empty.pem"] = "" } },
  { "an authority that is none", { PGSSLROOTCERT = "{home}/x.pem" }, { ["x.pem"] = "hello\n" } },
  { "an authority that is a folder", { PGSSLROOTCERT = "{home}" } },
  { "two authorities in a file", { PGSSLROOTCERT = "{home}/two.pem" }, { ["two.pem"] = "{other}\n{ca}" } },
  { "the system's authorities", { PGSSLROOTCERT = "system" } },
  { "sslmode=verify-ca", { PGSSLMODE = "verify-ca", PGSSLROOTCERT = "{home}/ca.pem" } },
  { "sslmode=verify-full in capitals", { PGSSLMODE = "Verify-Full", PGSSLROOTCERT = "{home}/ca.pem" } },
  { "sslmode=prefer with another authority", { PGSSLMODE = "prefer", PGSSLROOTCERT = "{home}/other.pem" } },
  { "sslmode=allow", { PGSSLMODE = "allow" } },
  { "TLS 1.3 in small letters", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLMINPROTOCOLVERSION = "tlsv1.3" } },
  { "an empty lowest version", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLMINPROTOCOLVERSION = "" } },
  { "revoked certificates that are not there", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCRL = "{home}/none" } },
  {
    "a folder of revoked certificates that is not there",
    { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCRLDIR = "{home}/none" },
  },
  { "a certificate that is not there", { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCERT = "{home}/none" } },
  {
    "a key that is not there",
    { PGSSLROOTCERT = "{home}/ca.pem", PGUSER = "client", PGSSLCERT = "{home}/cert.pem", PGSSLKEY = "{home}/none" },
  },
  {
    "a certificate that is none",
    { PGSSLROOTCERT = "{home}/ca.pem", PGSSLCERT = "{home}/x.pem", PGSSLKEY = "{home}/key.pem" },
    { ["x.pem"] = "x" },
  },
  {
    "a service with sslmode",
    { PGSERVICE = "lab", PGSSLMODE = "disable", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nsslmode=verify-full\nsslrootcert={home}/ca.pem\n" },
  },
  {
    "a service with requiressl",
    { PGSERVICE = "lab", PGPASSWORD = "{password}" },
    { [".pg_service.conf"] = "[lab]\nsslrootcert={home}/ca.pem\nrequiressl=1\n" },
  },
  { "GSSAPI preferred", { PGSSLROOTCERT = "{home}/ca.pem", PGGSSENCMODE = "prefer" } },
}
