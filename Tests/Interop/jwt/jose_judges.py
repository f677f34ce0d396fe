#!/usr/bin/env python3
"""Judges tokens with two JOSE libraries, each under the rules that RFC 8725 and RFC 9068 lay on whoever verifies access tokens.

Reads one JSON object from standard input and writes one to standard output:

  {"jwks": {...}, "issuer": "...", "audience": "...", "now": 1795167000, "leeway": 30, "tokens": {"name": "..."}}

  {"pyjwt": {"name": "accepted" or why not}, "joserfc": {...}}

The libraries check form, algorithm, key, signature and times. What they leave to their users is checked here, the same for both: the
allow-list of headers, `typ`, JSON without duplicates, the size, the types of the claims.
"""

import base64
import datetime
import json
import re
import sys
import uuid

import joserfc.errors
import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwt
import jwt.api_jwt

LONGEST = 8192
HEADERS_TO_IGNORE = re.compile(r"^(alg|typ|kid|note)$")
STRINGS = ("iss", "sub", "sid", "jti", "scope")
TIMES = ("exp", "iat")
REQUIRED = STRINGS + TIMES + ("aud", "roles")


class Refused(Exception):
    """The rules speak against the token."""


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Refused("duplicate member")
    return dict(pairs)


def part(text):
    """A JSON object in strict base64url."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise Refused("not base64url")
    try:
        value = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8"), object_pairs_hook=unique)
    except ValueError as error:
        raise Refused("not JSON") from error
    if not isinstance(value, dict):
        raise Refused("not an object")
    return value


def check_form(token):
    """What is looked at before the signature."""
    if len(token) > LONGEST:
        raise Refused("too large")
    parts = token.split(".")
    if len(parts) != 3 or not re.fullmatch(r"[A-Za-z0-9_-]+", parts[2]):
        raise Refused("not three parts")
    header, payload = part(parts[0]), part(parts[1])
    for name in header:
        if not HEADERS_TO_IGNORE.match(name):
            raise Refused(f"header {name}")
    if header.get("typ") != "at+jwt":
        raise Refused("typ")
    if not isinstance(header.get("kid"), str):
        raise Refused("kid")
    return header, payload


def check_claims(claims):
    """What is looked at after it."""
    for name in REQUIRED:
        if name not in claims:
            raise Refused(f"{name} missing")
    for name in STRINGS:
        if not isinstance(claims[name], str) or (name != "scope" and not claims[name]):
            raise Refused(name)
    for name in TIMES + (("nbf",) if "nbf" in claims else ()):
        if type(claims[name]) is not int or not 0 <= claims[name] < 2**63:  # pylint: disable=unidiomatic-typecheck
            raise Refused(name)
    if claims["iat"] > claims["exp"]:
        raise Refused("ends before it starts")
    try:
        uuid.UUID(claims["sub"])
    except ValueError as error:
        raise Refused("sub") from error
    if not isinstance(claims["roles"], list) or not all(isinstance(role, str) for role in claims["roles"]):
        raise Refused("roles")


class PyJWT:
    def __init__(self, request):
        self.keys = jwt.PyJWKSet.from_dict(request["jwks"])
        self.request = request
        instant = datetime.datetime.fromtimestamp(request["now"], datetime.timezone.utc)

        class Stopped(datetime.datetime):
            """The library goes by the machine's clock."""

            @classmethod
            def now(cls, tz=None):
                return instant.astimezone(tz)

        jwt.api_jwt.datetime = Stopped

    def claims(self, token, kid):
        return jwt.decode(
            token, self.keys[kid], algorithms=["RS256"], issuer=self.request["issuer"],
            audience=self.request["audience"], leeway=self.request["leeway"],
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]})


class Joserfc:
    def __init__(self, request):
        self.keys = joserfc.jwk.KeySet.import_key_set(request["jwks"])
        # It refuses every header that it does not know; RFC 7515, section 4 has unknown ones ignored.
        self.headers = joserfc.jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
        self.registry = joserfc.jwt.JWTClaimsRegistry(
            now=lambda: request["now"], leeway=request["leeway"],
            iss={"essential": True, "value": request["issuer"]}, aud={"essential": True, "value": request["audience"]},
            exp={"essential": True}, iat={"essential": True}, sub={"essential": True}, jti={"essential": True})

    def claims(self, token, kid):
        del kid  # the library takes it from the header
        decoded = joserfc.jwt.decode(token, self.keys, registry=self.headers)
        self.registry.validate(decoded.claims)
        return decoded.claims


def verdict(library, token):
    try:
        header, _ = check_form(token)
        check_claims(library.claims(token, header["kid"]))
        return "accepted"
    except Refused as error:
        return f"rule: {error}"
    except (jwt.PyJWTError, joserfc.errors.JoseError, KeyError, ValueError, TypeError) as error:
        return f"library: {type(error).__name__}"


def main():
    request = json.load(sys.stdin)
    libraries = {"pyjwt": PyJWT(request), "joserfc": Joserfc(request)}
    json.dump({
        name: {title: verdict(library, token) for title, token in request["tokens"].items()}
        for name, library in libraries.items()}, sys.stdout)


main()
