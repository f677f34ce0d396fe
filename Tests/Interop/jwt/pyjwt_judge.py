#!/usr/bin/env python3
"""Verifies and makes tokens with PyJWT, as someone else's service would.

Reads one JSON object from standard input and writes one to standard output:

  {"jwks": {...}, "issuer": "...", "audience": "...", "tokens": {"name": "..."},
   "sign": {"pem": "...", "kid": "...", "claims": {...}}}

  {"verdicts": {"name": {"claims": {...}} or {"refused": "ExceptionName"}}, "signed": "..."}
"""

import json
import sys

import jwt

REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti"]


def verdict(token, keys, issuer, audience):
    """The claims of an acceptable token, or the name of the reason against it."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = keys[kid]
        claims = jwt.decode(
            token, key, algorithms=["RS256"], issuer=issuer, audience=audience, options={"require": REQUIRED}
        )
        return {"claims": claims}
    except (jwt.PyJWTError, KeyError) as error:
        return {"refused": type(error).__name__}


def main():
    request = json.load(sys.stdin)
    keys = jwt.PyJWKSet.from_dict(request["jwks"])
    answer = {
        "verdicts": {
            name: verdict(token, keys, request["issuer"], request["audience"])
            for name, token in request["tokens"].items()
        }
    }
    if "sign" in request:
        sign = request["sign"]
        answer["signed"] = jwt.encode(
            sign["claims"], sign["pem"], algorithm="RS256", headers={"typ": "at+jwt", "kid": sign["kid"]}
        )
    json.dump(answer, sys.stdout)


main()
