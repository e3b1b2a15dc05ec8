"""Edges: one module per outside system, alike on purpose."""
