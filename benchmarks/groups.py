"""What ``natron bench`` can run: groups, and the bench modules of each."""

from collections.abc import Sequence
from importlib import import_module

from benchmarks.measurement import Measurement
from shared.errors import InputError

GROUPS: dict[str, tuple[str, ...]] = {
    "candles": ("exports",),
    "features": ("features", "first_row", "feature_service"),
    "inference": ("inference",),
    "latency": ("latency",),
    "bridge": ("bridge", "bridge_fan_out", "expert_advisor"),
    "burst": ("burst",),
    "replay": ("replay",),
    "failover": ("failover", "promotions"),
    "scaling": ("scaling",),
    "memory": ("day_memory", "replay_memory", "series_memory", "feature_memory"),
    "broker": ("broker",),
    "gateway": ("gateway", "page"),
    "training": ("training",),
}


def check_groups(names: Sequence[str]) -> list[str]:
    """Groups to run: those named, or all.

    Raises
    ------
    InputError
        No such group.
    """
    for name in names:
        if name not in GROUPS:
            raise InputError("group", name, f"must be one of {', '.join(GROUPS)}", "see natron bench --list")
    return list(names) or list(GROUPS)


def run_group(name: str) -> list[Measurement]:
    """Run the benches of a group, one after the other."""
    rows: list[Measurement] = []
    for module in GROUPS[name]:
        rows += import_module(f"benchmarks.{module}").run()
    return rows


def describe_group(name: str) -> str:
    """First lines of the group's modules."""
    return " ".join((import_module(f"benchmarks.{module}").__doc__ or "").partition("\n")[0] for module in GROUPS[name])
