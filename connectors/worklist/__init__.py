"""Worklists for the front desk: whom to call, why, and what came of it, as one workbook a site."""

from connectors.worklist.destination import Worklist
from connectors.worklist.settings import WorklistSettings

__all__ = ["Worklist", "WorklistSettings"]
