"""The usual transformer: full attention over a window of 96 rows, run anew for every candle. Base size."""

import tempfile
from pathlib import Path

import onnxruntime as ort
import torch
from torch import Tensor, nn

from feature_service.feature_set import FEATURE_SET
from inference_worker.bundle import HEADS
from shared.contracts import WINDOW

WIDTH, FEED_FORWARD, LAYERS, ATTENTION_HEADS = 256, 1024, 6, 8


class PlainEncoder(nn.Module):
    """torch's own encoder layers, pre-norm, mean pooling, one head a task."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            WIDTH, ATTENTION_HEADS, FEED_FORWARD, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.embed = nn.Linear(FEATURE_SET.size, WIDTH)
        self.position = nn.Parameter(torch.zeros(WINDOW, WIDTH))
        self.encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.heads = nn.Linear(WIDTH, sum(1 if len(classes) == 2 else len(classes) for classes in HEADS.values()))

    def forward(self, rows: Tensor) -> Tensor:
        """Logits (B, heads) of windows (B, 96, F)."""
        logits: Tensor = self.heads(self.encoder(self.embed(rows) + self.position).mean(1))
        return logits


def window_session(threads: int) -> ort.InferenceSession:
    """Export the plain encoder; input ``rows`` (B, 96, F)."""
    model = PlainEncoder().eval()
    example = torch.zeros(2, WINDOW, FEATURE_SET.size)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plain.onnx")
        torch.onnx.export(
            model, (example,), file, dynamo=False, opset_version=17,
            input_names=["rows"], output_names=["logits"], dynamic_axes={"rows": {0: "B"}},
        )  # fmt: skip
        graph = file.read_bytes()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
