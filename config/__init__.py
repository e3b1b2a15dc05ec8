"""What the operator wrote, read once and checked whole."""
