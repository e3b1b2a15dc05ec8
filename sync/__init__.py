"""The service: land, resolve, review, wish, push."""

__version__ = "0.1.0"
