"""Private keys for signed assertions: read from a JWK, or made new (RFC 7517; SMART wants RS384 and ES384)."""

from typing import Any, Final, Literal, NamedTuple

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, RSAKey

from connectors.base import Misconfigured

Algorithm = Literal["ES384", "RS384"]
_CURVE: Final = "P-384"
_RSA_BITS: Final = 3072
_LEAST_RSA_BITS: Final = 2048
_PEM: Final = "-----BEGIN "
_ADVICE: Final = "make one with: prm-sync keys generate"


class SigningKey(NamedTuple):
    """A private key, parsed, with the id under which its public half is registered."""

    key: ECKey | RSAKey
    kid: str
    algorithm: Algorithm

    def signed(self, claims: dict[str, Any]) -> str:
        """The claims as a JWT (RFC 7519)."""
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def read_key(text: str, setting: str, registered: str | None = None) -> SigningKey:
    """Reads a private JWK, a set that holds one, or PEM; raises Misconfigured (credentials) without any of its content.

    `registered` is the kid of a key that does not bring its own, as none in PEM does.
    """
    try:
        found = _pem(text, setting) if _PEM in text else _jwk(orjson.loads(text), setting)
    except orjson.JSONDecodeError:
        raise _unfit(setting, "is neither a JWK (JSON) nor PEM; " + _ADVICE) from None
    kid = registered or found.get("kid")
    if not isinstance(kid, str) or not kid:
        raise _unfit(setting, "has no kid; write the one under which the public key is registered beside it, as kid:")
    key = _imported(found, setting)
    algorithm: Algorithm = "ES384" if isinstance(key, ECKey) else "RS384"
    if found.get("alg", algorithm) != algorithm:
        raise _unfit(setting, f"is of this kind for {algorithm} only, but its alg says otherwise")
    return SigningKey(key, kid, algorithm)


def _jwk(found: Any, setting: str) -> dict[str, Any]:
    if isinstance(found, dict) and isinstance(found.get("keys"), list):
        private = [each for each in found["keys"] if isinstance(each, dict) and "d" in each]
        if len(private) != 1:
            raise _unfit(setting, f"holds {len(private)} private keys; leave the one to sign with")
        found = private[0]
    if not isinstance(found, dict):
        raise _unfit(setting, "is no JWK; " + _ADVICE)
    return found


def _pem(text: str, setting: str) -> dict[str, Any]:
    """The numbers of a key in PEM (RFC 7468), PKCS #8 or of its own kind; one under a password cannot be read."""
    for kind in (ECKey, RSAKey):
        try:
            return dict(kind.import_key(text).as_dict(private=True)) | {"kid": None}
        except (JoseError, ValueError, TypeError):
            continue
    raise _unfit(setting, "is no private EC or RSA key in PEM without a password; " + _ADVICE)


def _imported(found: dict[str, Any], setting: str) -> ECKey | RSAKey:
    """Only what describes the key itself is handed on: `use` and `key_ops` of exported keys are often wrong."""
    kind = found.get("kty")
    if kind not in ("EC", "RSA") or "d" not in found:
        raise _unfit(setting, "is no private EC or RSA key; " + _ADVICE)
    if kind == "EC" and found.get("crv") != _CURVE:
        raise _unfit(setting, f"is on another curve than {_CURVE}; " + _ADVICE)
    numbers: dict[str, str | list[str]] = {name: found[name] for name in _NUMBERS if name in found}
    try:
        key: ECKey | RSAKey = ECKey.import_key(numbers) if kind == "EC" else RSAKey.import_key(numbers)
        if isinstance(key, RSAKey) and key.private_key is not None and key.private_key.key_size < _LEAST_RSA_BITS:
            raise _unfit(setting, f"has fewer than {_LEAST_RSA_BITS} bits; " + _ADVICE)
    except (JoseError, ValueError, TypeError):
        raise _unfit(setting, "is damaged; " + _ADVICE) from None
    return key


_NUMBERS: Final = ("kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi")


def _unfit(setting: str, why: str) -> Misconfigured:
    return Misconfigured(setting, f"the key {why}", credentials=True)


def generate(algorithm: Algorithm) -> tuple[bytes, bytes]:
    """Makes a key: the private JWK, and the public JWKS for whoever registers the client. The kid is its thumbprint."""
    parameters: KeyParameters = {"use": "sig", "alg": algorithm}
    key: ECKey | RSAKey
    if algorithm == "ES384":
        key = ECKey.generate_key(_CURVE, parameters, private=True, auto_kid=True)
    else:
        key = RSAKey.generate_key(_RSA_BITS, parameters, private=True, auto_kid=True)
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return (
        orjson.dumps(key.as_dict(private=True), option=option),
        orjson.dumps({"keys": [key.as_dict(private=False)]}, option=option),
    )
