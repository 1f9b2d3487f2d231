"""The banded causal transformer, in two forms of one function, and a bidirectional one to compare it with.

``forward`` reads long chunks for training; ``step`` is what is exported: T new candles and their caches.
Block l sees the last W_l candles and the pooling the last 33 outputs, together 96 candles (``WINDOW``),
so both give the same answer wherever 96 rows are behind a candle. With ``attention`` "full" every candle is
answered from its own window of 96 rows, each of which sees all others: 96 times the work, and no step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from inference_worker.bundle import HEADS
from shared.contracts import WINDOW
from shared.errors import TrainingError
from trainer.attention import (
    ATTENTION_HEADS,
    ATTENTION_WINDOWS,
    BLOCK,
    POOL_WINDOW,
    ROTARY_BASE,
    Rotary,
    Seen,
    attend_banded,
    attend_exported,
    attend_fully,
)
from trainer.clock import Clock

CONTEXT = WINDOW - 1  # rows before a candle's own that its answer looks at
WINDOWS_A_CALL = 512  # of full attention where nothing is learned: what a call may take of memory

Attention = Literal["banded", "full"]


@dataclass(frozen=True)
class Preset:
    """A size of the model."""

    width: int  # d, channels of a candle
    feed_forward: int  # hidden channels of a block's feed-forward part


PRESETS = {
    "tiny": Preset(64, 256),  # 0.3 M parameters: tests, demonstrations
    "small": Preset(128, 704),  # 1.5 M: the size that fits a repository
    "base": Preset(256, 1024),  # 4.8 M: the default for serving
}


class Answer(NamedTuple):
    """What the model says at every candle."""

    logits: dict[str, Tensor]  # head of ``HEADS`` -> (B, T) log-odds of its second class, or (B, T, classes)
    embedding: Tensor  # (B, T, d) what the heads read


def head_columns() -> dict[str, slice]:
    """Head -> its columns of the last layer: one for a binary head, else one a class."""
    columns, at = {}, 0
    for head, classes in HEADS.items():
        width = 1 if len(classes) == 2 else len(classes)
        columns[head] = slice(at, at + width)
        at += width
    return columns


class Block(nn.Module):
    """Pre-norm attention and feed-forward, both added to their input."""

    def __init__(self, preset: Preset, dropout: float) -> None:
        super().__init__()
        d = preset.width
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(d)
        self.query_key_value = nn.Linear(d, 3 * d, bias=False)
        self.mix = nn.Linear(d, d, bias=False)
        self.feed_norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, preset.feed_forward, bias=False)
        self.down = nn.Linear(preset.feed_forward, d, bias=False)

    def feed(self, x: Tensor) -> Tensor:
        """Add the feed-forward part: (B, T, d) -> (B, T, d)."""
        return x + self._drop(self.down(self._drop(nnf.gelu(self.up(self.feed_norm(x))))))

    def add_attended(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add what the attention gathered, both (B, T, d)."""
        return x + self._drop(self.mix(attended))

    def _drop(self, x: Tensor) -> Tensor:
        return nnf.dropout(x, self.dropout) if self.dropout and self.training else x


class Natron(nn.Module):
    """Raw feature rows to the logits of every head, at every candle.

    Parameters
    ----------
    features
        F, width of a row.
    preset
        Size.
    clip
        Scaled features beyond it, in interquartile ranges, say "extreme" and no more.
    attention
        "banded", or "full" to compare with.
    dropout
        Share of a block's contributions that are left out while training.
    names
        Of the features, from which the clock is read; None: there is no clock.
    """

    centre: Tensor
    scale: Tensor
    temperature: Tensor
    frequency: Tensor

    def __init__(
        self,
        features: int,
        preset: Preset,
        clip: float = 6.0,
        attention: Attention = "banded",
        dropout: float = 0.0,
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.clip, self.attention = clip, attention
        d = preset.width
        columns = head_columns()
        outputs = max(part.stop for part in columns.values())
        self.width, self.columns = d, columns
        self.register_buffer("centre", torch.zeros(features))  # median of the training split
        self.register_buffer("scale", torch.ones(features))  # 1 / interquartile range of the training split
        self.register_buffer("temperature", torch.ones(outputs))  # fitted on the validation split
        half = d // ATTENTION_HEADS // 2
        self.register_buffer("frequency", ROTARY_BASE ** (-torch.arange(half) / half), persistent=False)
        self.clock = Clock(names or [""] * features)
        self.embed = nn.Linear(features + self.clock.size, d)
        self.blocks = nn.ModuleList(Block(preset, dropout) for _ in ATTENTION_WINDOWS)
        self.out_norm = nn.LayerNorm(d)
        self.pool_query = nn.Linear(d, d, bias=False)
        self.pool_mix = nn.Linear(d, d, bias=False)
        self.heads = nn.Linear(d, outputs)
        self._initialise()

    def _initialise(self) -> None:
        for name, weight in self.named_parameters():
            if name.endswith(("mix.weight", "down.weight", "heads.weight")):
                nn.init.zeros_(weight)  # every block starts as the identity, every head at even odds
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    @property
    def parameter_count(self) -> int:
        """Trained numbers."""
        return sum(weight.numel() for weight in self.parameters())

    def check_streams(self) -> None:
        """Raise TrainingError where the model has no ``step``."""
        if self.attention == "full":
            rule, mend = "sees whole windows, so it has no step to export", "train with banded"
            raise TrainingError("model.attention", "full", rule, mend)

    def forward(self, rows: Tensor) -> Answer:
        """Answer at every candle of chunks (B, T, F).

        Candles with fewer than 95 rows before them see less; with full attention they have no answer, but what
        zeros would say.
        """
        length = rows.shape[1]
        x = self._embed(rows)  # (B, T, d)
        y, pooled = self._over_chunks(x) if self.attention == "banded" else self._over_windows(x)
        return self._answer(y, pooled, length)

    def _over_chunks(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Block outputs, and what the pooling gathers of them, of (B, T, d) embedded rows."""
        x = nnf.pad(x, (0, 0, 0, -x.shape[1] % BLOCK))  # causal, so padding on the right changes nothing
        rotary = Rotary.over(x.shape[1], self.frequency)
        for block, window in zip(self._layers(), ATTENTION_WINDOWS, strict=True):
            query, key, value = block.query_key_value(block.attention_norm(x)).split(self.width, -1)
            x = block.add_attended(x, attend_banded(rotary.turn(query), rotary.turn(key), value, window))
            x = block.feed(x)
        y = self.out_norm(x)
        return y, attend_banded(rotary.turn(self.pool_query(y)), rotary.turn(y), y, POOL_WINDOW)

    def _over_windows(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both of full attention: the last candle's output of each window, and what it gathers of the 96."""
        B, T, d = x.shape
        if T < WINDOW:
            return x.new_zeros(B, T, d), x.new_zeros(B, T, d)
        windows = x.unfold(1, WINDOW, 1).transpose(2, 3)  # (B, T - 95, 96, d), no copy
        size = WINDOWS_A_CALL if not torch.is_grad_enabled() else T
        parts = [self._window(part) for one in windows for part in one.split(size)]
        found = torch.cat(parts, 1).view(2, B, T - CONTEXT, d)
        y, pooled = nnf.pad(found, (0, 0, CONTEXT, 0)).unbind(0)
        return y, pooled

    def _window(self, x: Tensor) -> Tensor:
        """(2, K, d) of K windows (K, 96, d): the last candle's output, and what its query gathers."""
        rotary = Rotary.over(WINDOW, self.frequency)
        for block in self._layers():
            query, key, value = block.query_key_value(block.attention_norm(x)).split(self.width, -1)
            x = block.add_attended(x, attend_fully(rotary.turn(query), rotary.turn(key), value))
            x = block.feed(x)
        y = self.out_norm(x)
        query = rotary.turn(self.pool_query(y))[:, -1:]
        return torch.stack([y[:, -1], attend_fully(query, rotary.turn(y), y)[:, 0]])

    def step(self, rows: Tensor, age: Tensor, caches: list[Tensor]) -> tuple[Answer, list[Tensor]]:
        """Answer and cache entries of T new candles.

        Parameters
        ----------
        rows
            (B, T, F) raw feature rows.
        age
            (B,) int64, how many cached candles are valid: the newest ones.
        caches
            For each block (B, W_l - 1, 2 d), keys (unrotated) and values of the candles before; last, the
            pooling's (B, 32, d) block outputs. Oldest first.

        Returns
        -------
        tuple
            The answer, and for each cache the (B, T, width) entries of these candles.
        """
        self.check_streams()
        rotary = Rotary.over(rows.shape[1], self.frequency)
        seen = Seen(rows, age)
        x = self._embed(rows)
        entries: list[Tensor] = []
        for block, window, cache in zip(self._layers(), ATTENTION_WINDOWS, caches, strict=False):
            mixed = block.query_key_value(block.attention_norm(x))
            query, entry = mixed.split([self.width, 2 * self.width], -1)
            entries.append(entry)
            key, value = torch.cat([cache, entry], 1).chunk(2, -1)  # (B, W - 1 + T, d) each
            turned = rotary.turn_exported(query, 0), rotary.turn_exported(key, window - 1)
            x = block.feed(block.add_attended(x, attend_exported(*turned, value, seen.mask(window))))
        y = self.out_norm(x)
        entries.append(y)
        pool = torch.cat([caches[-1], y], 1)  # (B, 32 + T, d)
        query, key = self.pool_query(y), pool
        turned = rotary.turn_exported(query, 0), rotary.turn_exported(key, POOL_WINDOW - 1)
        return self._answer(y, attend_exported(*turned, pool, seen.mask(POOL_WINDOW)), rows.shape[1]), entries

    def _layers(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def _embed(self, rows: Tensor) -> Tensor:
        scaled = torch.clamp((rows - self.centre) * self.scale, -self.clip, self.clip)
        embedded: Tensor = self.embed(torch.cat([scaled, self.clock(rows)], -1) if self.clock.size else scaled)
        return embedded

    def _answer(self, y: Tensor, pooled: Tensor, length: int) -> Answer:
        """Heads read the candle's own output and what the pooling gathered; (B, T', d) twice."""
        embedding = (y + self.pool_mix(pooled))[:, :length]
        out = self.heads(embedding) / self.temperature
        parts = {head: out[..., part] for head, part in self.columns.items()}
        logits = {head: part.squeeze(-1) if part.shape[-1] == 1 else part for head, part in parts.items()}
        return Answer(logits, embedding)
