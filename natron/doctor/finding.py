"""A finding: what was looked at, how it stands, and the mend where it is not well."""

import enum
from dataclasses import dataclass


class Health(enum.StrEnum):
    """How something stands. Only ERROR makes ``natron doctor`` exit with 1."""

    OK = "ok"
    ABSENT = "absent"  # not there, and not needed by everybody
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One look at one thing."""

    about: str
    health: Health
    found: str
    mend: str = ""
