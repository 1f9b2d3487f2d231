"""A market seen in a mirror: what rose falls by the same factor. A second history to learn from."""

from dataclasses import dataclass
from functools import cached_property

from shared.contracts import Candles, Rows
from trainer.labels.heads import Labels
from trainer.present import Present, present_values


@dataclass(frozen=True)
class Mirror:
    """A series' mirror image."""

    candles: Candles  # (N,)
    rows: Rows  # (N, F)
    labels: Labels  # head -> (N,), by the thresholds of the real candles

    @cached_property
    def present(self) -> Present:
        """(N, SIZE) values of ``present_values``, computed when first asked for."""
        return present_values(self.candles)


def mirror_candles(candles: Candles) -> Candles:
    """Turn every price into its inverse, in units that leave the first close where it is; (N,) to (N,).

    Returns change their sign and nothing else, so quotes of the other currency of a pair look like this. Features and
    labels are to be computed of it as of any other candles: few of them merely change their sign.
    """
    mirrored = candles.copy()
    unit = candles["c"][:1] ** 2
    for price, of in (("o", "o"), ("h", "l"), ("l", "h"), ("c", "c")):
        mirrored[price] = unit / candles[of]
    return mirrored
