"""What every runtime makes of a bundle's graph: something that computes named outputs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]
LONGEST = 256
"""Candles of one series in one call: rotary angles count from its first, and float32 angles get coarse."""

Feed = Mapping[str, NDArray[np.generic]]


class Graph(Protocol):
    """A graph that is loaded."""

    def run(self, outputs: Sequence[str], feed: Feed) -> Arrays:
        """Compute the named outputs; every array of ``feed`` is of B series, (B, ...)."""
        ...
