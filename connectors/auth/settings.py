"""How a connector proves who it is: the settings of each kind of authentication."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from connectors.http.origin import BaseUrl
from connectors.settings import SecretRef, Strict

Printable = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=512)]
Scope = Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$", max_length=512)]
"""One scope (RFC 6749, 3.3: printable ASCII without blank, quote and backslash)."""


class SmartBackend(Strict):
    """SMART Backend Services: a signed assertion for each token (hl7.org/fhir/smart-app-launch/backend-services.html).

    `key` is a private JWK, ES384 or RS384, as `keys generate` writes it, or PEM; `kid` names one that does not name
    itself. `token_url` is asked of the server where it is left out. Scopes may be written in either version; the server's own is used.
    """

    kind: Literal["smart-backend"]
    client_id: Printable
    key: SecretRef
    kid: Printable | None = None
    scopes: tuple[Scope, ...] = Field(min_length=1)
    token_url: BaseUrl | None = None


class ClientSecret(Strict):
    """OAuth client credentials with a secret, sent as HTTP Basic (RFC 6749, 2.3.1 and 4.4)."""

    kind: Literal["client-secret"]
    client_id: Printable
    secret: SecretRef
    scopes: tuple[Scope, ...] = ()
    token_url: BaseUrl | None = None


class Bearer(Strict):
    """A token that someone handed out for good."""

    kind: Literal["bearer"]
    token: SecretRef


class Basic(Strict):
    """User name and password (RFC 7617)."""

    kind: Literal["basic"]
    user: Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=512)]
    password: SecretRef


AnyAuth = SmartBackend | ClientSecret | Bearer | Basic
_KINDS: Final[Mapping[str, type[AnyAuth]]] = {
    "smart-backend": SmartBackend,
    "client-secret": ClientSecret,
    "bearer": Bearer,
    "basic": Basic,
}


def _by_kind(value: Any, info: ValidationInfo) -> Any:
    """Reads by `kind`; pydantic's own discriminated union would put the kind into the path of every error."""
    if not isinstance(value, Mapping):
        return value
    model = _KINDS.get(str(value.get("kind")))
    if model is None:
        raise PydanticCustomError("kind", "kind is one of {known}", {"known": ", ".join(_KINDS)})
    return model.model_validate(value, context=info.context)


AuthSettings = Annotated[AnyAuth, BeforeValidator(_by_kind)]
"""The key `auth:`; `kind` says which."""
