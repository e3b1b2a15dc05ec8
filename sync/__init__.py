"""The service: land, resolve, review, wish, push."""
