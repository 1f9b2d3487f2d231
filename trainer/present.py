"""What regimes are made of, at the candle itself: taught beside the heads, as the features do not all say it.

No feature is a move over 15 or 20 candles in ATRs; a window of rows holds it. A model that has learned to read it out
exactly foresees the regime, and the setups, better. What reads it out is dropped after training.
"""

import numpy as np
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.contracts import Candles
from trainer.labels.regimes import RegimeInputs
from trainer.labels.technicals import Technicals, before
from trainer.model import Answer, Natron

MOVES = (10, 12, 14, 15, 16, 17, 18, 20)  # candles; the regime in 5 is of 20, of which the oldest 5 are left behind
SIZE = len(MOVES) + 2
RATIO_SCALE, TREND_MIDDLE, TREND_SCALE = 3.0, 24.0, 1 / 12  # bring both to a spread of about 1
EXTREME = 4.0  # values beyond it say no more
BEND = 0.1  # of the Huber loss: small errors count by their square, as large ones must not drown them

Present = NDArray[np.float32]


def present_values(candles: Candles) -> Present:
    """(N, SIZE) moves over ``MOVES`` in units of ATR14, log of ATR14 over the usual range, ADX14; NaN where unknown."""
    x = Technicals.of(candles)
    inputs = RegimeInputs.of(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        moves = [(x.close - before(x.close, by)) / (x.atr14 * by**0.5) for by in MOVES]
        ratio, trend = RATIO_SCALE * np.log(inputs.volatility), TREND_SCALE * (inputs.trend - TREND_MIDDLE)
    values = np.stack([*moves, ratio, trend], 1)
    values[np.isinf(values)] = np.nan
    clipped: Present = values.clip(-EXTREME, EXTREME).astype(np.float32)
    return clipped


class Taught(nn.Module):
    """A model, and what reads the present out of its embedding while it is trained.

    Parameters
    ----------
    reads
        Whether there is such a thing.
    """

    def __init__(self, model: Natron, reads: bool) -> None:
        super().__init__()
        self.model = model
        self.present = nn.Linear(model.width, SIZE) if reads else None
        if self.present is not None:
            nn.init.zeros_(self.present.weight)
            nn.init.zeros_(self.present.bias)

    def forward(self, rows: Tensor) -> tuple[Answer, Tensor]:
        """Answer at (B, T, F) rows, and (B, T, SIZE) of the present, or (B, T, 0)."""
        answer: Answer = self.model(rows)
        return answer, answer.embedding[..., :0] if self.present is None else self.present(answer.embedding)


def present_loss(read: Tensor, present: Tensor, whole: Tensor) -> Tensor:
    """Huber loss of (B, T, SIZE) summed over the known values, over how many the whole batch has."""
    known = ~present.isnan()
    found = nnf.smooth_l1_loss(read[known].float(), present[known], beta=BEND, reduction="sum")
    return found / (~whole.isnan()).sum().clamp(min=1).to(found.device)
