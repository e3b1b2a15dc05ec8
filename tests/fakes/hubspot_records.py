"""What a HubSpot account holds, and how its documents look."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.provider import Json


@dataclass
class FakeContact:
    """A record; `stopped` is an opt-out that only the communication preferences know of."""

    id: str
    properties: dict[str, str]
    changed: datetime
    stopped: bool = False

    def body(self, **more: Any) -> Json:
        stamp = self.changed.isoformat()
        return {
            "id": self.id,
            "properties": {**self.properties, "hs_object_id": self.id},
            "createdAt": stamp,
            "updatedAt": stamp,
            "archived": False,
            **more,
        }


@dataclass
class FakeList:
    id: str
    name: str
    kind: str = "MANUAL"
    members: set[str] = field(default_factory=set)

    def body(self) -> Json:
        return {
            "list": {
                "listId": self.id,
                "listVersion": 1,
                "name": self.name,
                "objectTypeId": "0-1",
                "processingStatus": "COMPLETE",
                "processingType": self.kind,
            }
        }


def prop(name: str, **more: Any) -> Json:
    return {
        "name": name, "label": name, "type": "string", "fieldType": "text", "description": "", "groupName": "contactinformation",
        "options": [], "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        **more,
    }  # fmt: skip


def error(category: str, message: str, errors: list[Json] | None = None) -> Json:
    return {
        "status": "error",
        "category": category,
        "message": message,
        "errors": errors or [],
        "context": {},
        "links": {},
    }


def meets(contact: FakeContact, filters: list[Json]) -> bool:
    tests = {
        "EQ": lambda held, each: held == each["value"],
        "HAS_PROPERTY": lambda held, _: held is not None,
        "GT": lambda held, each: float(held) > float(each["value"]),
        "GTE": lambda held, each: float(held) >= float(each["value"]),
    }
    changed = str(contact.changed.timestamp() * 1000)
    held = {**contact.properties, "hs_object_id": contact.id, "lastmodifieddate": changed}
    return all(tests[each["operator"]](held.get(each["propertyName"]), each) for each in filters)
