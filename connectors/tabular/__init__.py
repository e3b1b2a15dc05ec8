"""CSV and XLSX files in a folder."""

from connectors.tabular.settings import TabularSettings
from connectors.tabular.source import TabularSource

__all__ = ["TabularSettings", "TabularSource"]
