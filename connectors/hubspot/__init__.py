"""HubSpot contacts and lists, over the CRM API v3 and the communication preferences v4."""

from connectors.hubspot.destination import Hubspot
from connectors.hubspot.settings import HubspotSettings

__all__ = ["Hubspot", "HubspotSettings"]
