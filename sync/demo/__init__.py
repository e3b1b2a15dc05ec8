"""The demo practice: three invented clinics, made anew for the day on which its folder is written."""

from sync.demo.folder import write_practice
from sync.demo.truth import DemoTruth

__all__ = ["DemoTruth", "write_practice"]
