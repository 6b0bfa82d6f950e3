--- Secrets: opaque values that can be passed on but not read. See host/secret.c.
return require "o2x.core.secret"
