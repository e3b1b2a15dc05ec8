"""An authorization server with state, over real HTTP on loopback; it believes nothing that it has not checked.

with TokenServer() as tokens:
    key = tokens.register("prm", algorithm="ES384")          # the private JWK, as text
    fake.token_url, fake.accepts = tokens.token_url, tokens.accepts
    tokens.answers.append((400, b""))                        # the next request is answered so
    tokens.tick(240)                                         # the server's clock; its Date header follows

It is a small FHIR server as well, at `url`: discovery documents, and a Patient for whoever brings a good token.
"""

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from connectors.auth.signing_key import Algorithm, generate

Json = dict[str, Any]
AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


class Denied(Exception):
    """Why there is no token: the error code of RFC 6749, and what was wrong, for the test's eyes."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code, self.why = code, why


class TokenServer:
    """`lifetime` of tokens in seconds; `allowed` scopes (None: all); `answers` are given before anything is looked at.

    `asked` holds each request's fields, `denied` why each bad one was, `reads` the Authorization of each FHIR read.
    `documents` are what GET finds, by path below `url`; None is 404.
    """

    def __init__(self, *, at: datetime = AT, lifetime: int | str | None = 300) -> None:
        self.now, self.lifetime = at, lifetime
        self.allowed: frozenset[str] | None = None
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[Mapping[str, str]] = []
        self.denied: list[str] = []
        self.reads: list[str | None] = []
        self.paths: list[str] = []
        self.documents: dict[str, Json | bytes | None] = {}
        self.secrets: dict[str, str] = {}
        self._keys: dict[str, list[Json]] = {}
        self._seen: set[str] = set()
        self._tokens: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url, self.token_url = self.root + "/fhir", self.root + "/oauth2/token"
        self.advertise()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def advertise(self, **more: Any) -> None:
        """Writes smart-configuration; keys given as None are left out."""
        document = {"token_endpoint": self.token_url, "capabilities": ["client-confidential-asymmetric"]} | more
        self.documents["/.well-known/smart-configuration"] = {k: v for k, v in document.items() if v is not None}

    def advertise_of_old(self) -> None:
        """Names the token endpoint in the CapabilityStatement only."""
        uris = [{"url": "authorize", "valueUri": self.root}, {"url": "token", "valueUri": self.token_url}]
        security = {"extension": [{"url": _OAUTH_URIS, "extension": uris}]}
        self.documents["/.well-known/smart-configuration"] = None
        self.documents["/metadata"] = {"resourceType": "CapabilityStatement", "rest": [{"security": security}]}

    def register(self, client: str, algorithm: Algorithm = "ES384") -> str:
        """Registers a client's new public key beside its others; returns the private JWK."""
        own, public = generate(algorithm)
        self._keys.setdefault(client, []).extend(json.loads(public)["keys"])
        return own.decode()

    def unregister(self, client: str) -> None:
        self._keys.pop(client, None)

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def revoke(self) -> None:
        """No token that was granted is good any more."""
        with self._lock:
            self._tokens.clear()

    def accepts(self, header: str) -> bool:
        """True for `Bearer …` of a token that was granted and has not expired."""
        with self._lock:
            until = self._tokens.get(header.removeprefix("Bearer "))
        return until is not None and self.now < until

    def answer(self, form: Mapping[str, str], authorization: str | None) -> tuple[int, bytes]:
        """What the token endpoint answers."""
        with self._lock:
            self.asked.append(form)
            if self.answers:
                return self.answers.pop(0)
            try:
                scopes = self._scopes(form)
                self._client(form, authorization)
            except Denied as denied:
                self.denied.append(str(denied))
                return 400, json.dumps({"error": denied.code, "error_description": denied.why}).encode()
            return 200, json.dumps(self._grant(scopes)).encode()

    def _grant(self, scopes: Sequence[str]) -> Json:
        value = f"token-{len(self._tokens)}-{len(self.asked)}"
        seconds = float(self.lifetime) if self.lifetime is not None else 300.0
        self._tokens[value] = self.now + timedelta(seconds=seconds)
        token: Json = {"access_token": value, "token_type": "bearer", "scope": " ".join(scopes)}
        return token if self.lifetime is None else token | {"expires_in": self.lifetime}

    def _scopes(self, form: Mapping[str, str]) -> list[str]:
        if form.get("grant_type") != "client_credentials":
            raise Denied("unsupported_grant_type", "grant_type")
        asked = form.get("scope", "").split()
        granted = [scope for scope in asked if self.allowed is None or scope in self.allowed]
        if asked and not granted:
            raise Denied("invalid_scope", "none of the scopes is registered")
        return granted

    def _client(self, form: Mapping[str, str], authorization: str | None) -> None:
        if authorization is not None and authorization.startswith("Basic "):
            user, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            if self.secrets.get(unquote(user)) != unquote(secret):
                raise Denied("invalid_client", "secret")
            return
        if form.get("client_assertion_type") != _TYPE:
            raise Denied("invalid_request", "client_assertion_type")
        self._check(form.get("client_assertion", ""))

    def _check(self, assertion: str) -> None:
        """The checks of SMART's client-confidential-asymmetric, 'signature verification'."""
        keys = KeySet.import_key_set({"keys": [key for each in self._keys.values() for key in each]})
        try:
            token = jwt.decode(assertion, keys, algorithms=["ES384", "RS384"])
        except (JoseError, ValueError):
            raise Denied("invalid_client", "signature or kid") from None
        claims, kid = token.claims, token.header.get("kid")
        registered = {key["kid"]: client for client, all_ in self._keys.items() for key in all_}
        if kid not in registered or claims.get("iss") != registered[kid] or claims.get("sub") != registered[kid]:
            raise Denied("invalid_client", "iss, sub or kid")
        if claims.get("aud") != self.token_url:
            raise Denied("invalid_client", "aud")
        left = float(claims.get("exp", 0)) - self.now.timestamp()
        if not 0 < left <= 300:
            raise Denied("invalid_client", "exp")
        if "nbf" in claims and float(claims["nbf"]) > self.now.timestamp():
            raise Denied("invalid_client", "nbf")
        jti = claims.get("jti")
        if not isinstance(jti, str) or len(jti) < 16 or jti in self._seen:
            raise Denied("invalid_client", "jti")
        self._seen.add(jti)


def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            fields = parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
            server.paths.append(self.path)
            if self.path != "/oauth2/token":
                self._say(404, b"{}")
                return
            form = {name: values[0] for name, values in fields.items()}
            self._say(*server.answer(form, self.headers.get("Authorization")))

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].removeprefix("/fhir")
            server.paths.append(self.path)
            if path == "/Patient":
                header = self.headers.get("Authorization")
                server.reads.append(header)
                good = header is not None and server.accepts(header)
                self._say(200 if good else 401, b'{"resourceType":"Bundle","type":"searchset"}')
                return
            found = server.documents.get(path)
            if found is None:
                self._say(404, b"<html>not here</html>")
            else:
                self._say(200, found if isinstance(found, bytes) else json.dumps(found).encode())

        def _say(self, status: int, body: bytes) -> None:
            self.send_response_only(status)
            self.send_header("Date", format_datetime(server.now, usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler
