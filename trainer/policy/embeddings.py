"""What a policy reads of a candle: the encoder's embedding, computed once."""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.chunks import CONTEXT, LabelledSeries, span_batches
from trainer.model import Natron
from trainer.splits import Span
from trainer.supervised import SCORING_LENGTH


def embed(model: Natron, series: LabelledSeries, span: Span) -> NDArray[np.float32]:
    """(len(span), d) embedding at each candle of a span."""
    model.eval()
    out = np.empty((len(span), model.width), np.float32)
    device = model.centre.device
    with torch.no_grad():
        for start, batch in span_batches(series, span, SCORING_LENGTH):
            count = min(SCORING_LENGTH - CONTEXT, span.stop - start)
            found = model(batch.rows.to(device)).embedding[0, CONTEXT : CONTEXT + count]
            out[start - span.start : start - span.start + count] = found.float().cpu().numpy()
    return out
