"""What a source and a destination promise; every connector keeps these and nothing else.

A source offers passes (one file, or one whole search); a pass yields pages. The pipeline decides from the
pass's proof whether it may land, before the first page is read.
"""

from connectors.base.destination import (
    Capabilities,
    Destination,
    Erasing,
    Feedback,
    FeedbackPage,
    FieldMaking,
    Hooked,
    Telling,
)
from connectors.base.errors import Forged, Misconfigured, Refusal, Unavailable, Unerasable, Unsent, Untold
from connectors.base.lent import Budget, Json, Lent, Memo
from connectors.base.outcomes import Accepted, Change, Outcome, Refused, Retry, Submitted, SuppressCause
from connectors.base.passes import Export, Known, LinePass, Page, Pass, Proof, RawRow, SnapshotRule, Window, is_known
from connectors.base.source import Finding, Probing, Source, failure
from connectors.base.whole_files import FileDestination, FileEntry, ListDestination, ListEntry

__all__ = [
    "Accepted",
    "Budget",
    "Capabilities",
    "Change",
    "Destination",
    "Erasing",
    "Export",
    "Feedback",
    "FeedbackPage",
    "FieldMaking",
    "FileDestination",
    "FileEntry",
    "Finding",
    "Forged",
    "Hooked",
    "Json",
    "Known",
    "Lent",
    "LinePass",
    "ListDestination",
    "ListEntry",
    "Memo",
    "Misconfigured",
    "Outcome",
    "Page",
    "Pass",
    "Probing",
    "Proof",
    "RawRow",
    "Refusal",
    "Refused",
    "Retry",
    "SnapshotRule",
    "Source",
    "Submitted",
    "SuppressCause",
    "Telling",
    "Unavailable",
    "Unerasable",
    "Unsent",
    "Untold",
    "Window",
    "failure",
    "is_known",
]
