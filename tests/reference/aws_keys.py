"""The keys and the region that botocore finds, for each case of a JSON list on standard input:
[{"env": {...}}, ...] -> [{"id": ..., "token": ..., "region": ...} or {"refused": "reason"}, ...]"""

import json
import os
import sys

import botocore.credentials
import botocore.session
import botocore.tokens

own = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}


def find(env):
    os.environ.clear()
    os.environ.update(own)
    os.environ.update(env)
    # They are computed once, when the modules are loaded.
    logins = os.path.join(env["HOME"], ".aws", "sso", "cache")
    botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = logins
    botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = logins
    session = botocore.session.Session()
    region = session.get_config_variable("region")
    session.get_scoped_config()
    keys = session.get_credentials()
    if keys is None:
        return {"refused": "no credentials"}
    frozen = keys.get_frozen_credentials()
    return {"id": frozen.access_key, "secret": frozen.secret_key, "token": frozen.token, "region": region}


def answer(case):
    try:
        return find(case["env"])
    except Exception as problem:
        return {"refused": type(problem).__name__ + ": " + str(problem).split("\n")[0]}


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
