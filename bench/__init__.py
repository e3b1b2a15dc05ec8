"""Timings of the line: what a pass costs in CPU, wall time and memory, beside bare reading of the same bytes."""
