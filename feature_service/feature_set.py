"""The catalogue as one thing with a name: what rows and bundles are signed with."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from feature_service.catalogue import CATALOGUE
from feature_service.feature import Feature

KERNEL_VERSION = 2
"""Raised whenever a kernel gives other bits while its catalogue entries stay as they are."""


@dataclass(frozen=True)
class FeatureSet:
    """Features in model order, and the version of their kernels."""

    features: tuple[Feature, ...]
    kernel_version: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in model order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def size(self) -> int:
        """F, the number of features."""
        return len(self.features)

    @cached_property
    def lookback(self) -> int:
        """Candles that a row is a function of, its own included; at most 512."""
        return max(feature.lookback for feature in self.features)

    @cached_property
    def hash(self) -> str:
        """64 hex digits: sha256 over what defines the features (not their sources) and the kernel version."""
        defining = [
            [
                entry.name,
                entry.family,
                entry.formula,
                entry.inputs,
                entry.unit,
                entry.low,
                entry.high,
                entry.lookback,
            ]
            for entry in self.features
        ]
        text = json.dumps([self.kernel_version, defining])
        return hashlib.sha256(text.encode()).hexdigest()


FEATURE_SET = FeatureSet(CATALOGUE, KERNEL_VERSION)
