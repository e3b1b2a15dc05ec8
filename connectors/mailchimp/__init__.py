"""Mailchimp audiences, over the Marketing API 3.0."""

from connectors.mailchimp.destination import Mailchimp
from connectors.mailchimp.settings import MailchimpSettings

__all__ = ["Mailchimp", "MailchimpSettings"]
