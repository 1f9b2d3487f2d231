"""The usual service: candles in JSON over HTTP, pandas indicators, a torch window, JSON back. Run as a process."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.peers.pandas_features import pandas_features
from benchmarks.peers.plain_encoder import PlainEncoder
from shared.contracts import WINDOW

THREADS = 2


class Predictor(BaseHTTPRequestHandler):
    """POST of ``{"candles": [[o, h, l, c, v], ...]}`` gives ``{"logits": [...]}``."""

    protocol_version = "HTTP/1.1"
    model = PlainEncoder().eval()

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        table = pandas_features(pd.DataFrame(body["candles"], columns=list("ohlcv")))
        rows = np.nan_to_num(table.to_numpy(np.float32)[-WINDOW:], posinf=0, neginf=0)
        with torch.no_grad():
            logits = self.model(torch.from_numpy(rows)[None])[0].tolist()
        answer = json.dumps({"logits": logits}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as the bench opens."""

    request_queue_size = 256


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    server = Server(("127.0.0.1", 0), Predictor)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
