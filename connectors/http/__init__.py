"""The one HTTP client that every connector uses: what it is told, what it asks, what it answers."""

from connectors.http.answer import Limits
from connectors.http.client import Account, Authorize, HttpClient
from connectors.http.message import Params, Request, Response, Unsettled
from connectors.http.origin import BaseUrl, checked_base_url

__all__ = [
    "Account",
    "Authorize",
    "BaseUrl",
    "HttpClient",
    "Limits",
    "Params",
    "Request",
    "Response",
    "Unsettled",
    "checked_base_url",
]
