"""The banded causal transformer, in two forms of one function.

``forward`` reads long chunks for training; ``step`` is what is exported: T new candles and their caches.
Block l sees the last W_l candles and the pooling the last 33 outputs, together 96 candles (``WINDOW``),
so both give the same answer wherever 96 rows are behind a candle.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.onnx import ops as onnx_ops

from inference_worker.bundle import HEADS
from shared.contracts import WINDOW

ATTENTION_WINDOWS = (8, 8, 12, 12, 14, 15)  # candles a block sees, its own included
POOL_WINDOW = 33  # block outputs the pooling sees: 1 + 7 + 7 + 11 + 11 + 13 + 14 + 32 = 96
ATTENTION_HEADS = 8
ROTARY_BASE = 100.0  # lags end at 32; the usual 10,000 would leave most angles unused
BLOCK = 32  # candles a block of the banded attention; at least POOL_WINDOW - 1

assert sum(width - 1 for width in ATTENTION_WINDOWS) + POOL_WINDOW == WINDOW
assert max(*ATTENTION_WINDOWS, POOL_WINDOW) <= BLOCK + 1


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


class Rotary(NamedTuple):
    """Cosines and sines of the angles at candles -32 .. T-1, counted from the call's first."""

    cos: Tensor  # (32 + T, width / heads / 2)
    sin: Tensor

    def turn(self, x: Tensor) -> Tensor:
        """Rotate (B, T, d) from candle 0 on, differentiably."""
        start = POOL_WINDOW - 1
        first, second = x.reshape(*x.shape[:2], ATTENTION_HEADS, 2, -1).unbind(-2)
        cos, sin = self.cos[start:, None], self.sin[start:, None]  # (T, 1, d / heads / 2)
        turned = torch.stack([first * cos - second * sin, first * sin + second * cos], -2)
        return turned.flatten(-3)  # (B, T, heads, 2, d / heads / 2) -> (B, T, d)

    def turn_exported(self, x: Tensor, back: int) -> Tensor:
        """Rotate (B, back + T, d), whose first candle stands at ``-back``: one node in the graph."""
        start = POOL_WINDOW - 1 - back
        cos = self.cos[start:].expand(x.shape[0], -1, -1)
        sin = self.sin[start:].expand(x.shape[0], -1, -1)
        turned: Tensor = onnx_ops.rotary_embedding(x, cos, sin, num_heads=ATTENTION_HEADS)
        return turned


class Block(nn.Module):
    """Pre-norm attention and feed-forward, both added to their input."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        d = preset.width
        self.attention_norm = nn.LayerNorm(d)
        self.query_key_value = nn.Linear(d, 3 * d, bias=False)
        self.mix = nn.Linear(d, d, bias=False)
        self.feed_norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, preset.feed_forward, bias=False)
        self.down = nn.Linear(preset.feed_forward, d, bias=False)

    def feed(self, x: Tensor) -> Tensor:
        """Add the feed-forward part: (B, T, d) -> (B, T, d)."""
        fed: Tensor = x + self.down(nnf.gelu(self.up(self.feed_norm(x))))
        return fed


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
    """

    centre: Tensor
    scale: Tensor
    temperature: Tensor
    frequency: Tensor

    def __init__(self, features: int, preset: Preset, clip: float = 6.0) -> None:
        super().__init__()
        self.clip = clip
        d = preset.width
        columns = head_columns()
        outputs = max(part.stop for part in columns.values())
        self.width, self.columns = d, columns
        self.register_buffer("centre", torch.zeros(features))  # median of the training split
        self.register_buffer("scale", torch.ones(features))  # 1 / interquartile range of the training split
        self.register_buffer("temperature", torch.ones(outputs))  # fitted on the validation split
        half = d // ATTENTION_HEADS // 2
        self.register_buffer("frequency", ROTARY_BASE ** (-torch.arange(half) / half), persistent=False)
        self.embed = nn.Linear(features, d)
        self.blocks = nn.ModuleList(Block(preset) for _ in ATTENTION_WINDOWS)
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

    def forward(self, rows: Tensor) -> Answer:
        """Answer at every candle of chunks (B, T, F); those with fewer than 95 rows before them see less."""
        length = rows.shape[1]
        rows = nnf.pad(rows, (0, 0, 0, -length % BLOCK))  # causal, so padding on the right changes nothing
        rotary = self._rotary(rows.shape[1], rows.device)
        x = self._embed(rows)  # (B, T', d)
        for block, window in zip(self._layers(), ATTENTION_WINDOWS, strict=True):
            query, key, value = block.query_key_value(block.attention_norm(x)).split(self.width, -1)
            x = x + block.mix(_banded(rotary.turn(query), rotary.turn(key), value, window))
            x = block.feed(x)
        y = self.out_norm(x)
        pooled = _banded(rotary.turn(self.pool_query(y)), rotary.turn(y), y, POOL_WINDOW)
        return self._answer(y, pooled, length)

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
        rotary = self._rotary(rows.shape[1], rows.device)
        seen = _Seen(rows, age)
        x = self._embed(rows)
        entries: list[Tensor] = []
        for block, window, cache in zip(self._layers(), ATTENTION_WINDOWS, caches, strict=False):
            mixed = block.query_key_value(block.attention_norm(x))
            query, entry = mixed.split([self.width, 2 * self.width], -1)
            entries.append(entry)
            key, value = torch.cat([cache, entry], 1).chunk(2, -1)  # (B, W - 1 + T, d) each
            turned = rotary.turn_exported(query, 0), rotary.turn_exported(key, window - 1)
            x = block.feed(x + block.mix(_attend(*turned, value, seen.mask(window))))
        y = self.out_norm(x)
        entries.append(y)
        pool = torch.cat([caches[-1], y], 1)  # (B, 32 + T, d)
        query, key = self.pool_query(y), pool
        turned = rotary.turn_exported(query, 0), rotary.turn_exported(key, POOL_WINDOW - 1)
        return self._answer(y, _attend(*turned, pool, seen.mask(POOL_WINDOW)), rows.shape[1]), entries

    def _layers(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def _embed(self, rows: Tensor) -> Tensor:
        scaled = torch.clamp((rows - self.centre) * self.scale, -self.clip, self.clip)
        embedded: Tensor = self.embed(scaled)
        return embedded

    def _rotary(self, length: int, device: torch.device) -> Rotary:
        position = torch.arange(length + POOL_WINDOW - 1, device=device) - (POOL_WINDOW - 1)
        angle = position[:, None].float() * self.frequency  # (32 + T, d / heads / 2)
        return Rotary(angle.cos(), angle.sin())

    def _answer(self, y: Tensor, pooled: Tensor, length: int) -> Answer:
        """Heads read the candle's own output and what the pooling gathered; (B, T', d) twice."""
        embedding = (y + self.pool_mix(pooled))[:, :length]
        out = self.heads(embedding) / self.temperature
        parts = {head: out[..., part] for head, part in self.columns.items()}
        logits = {head: part.squeeze(-1) if part.shape[-1] == 1 else part for head, part in parts.items()}
        return Answer(logits, embedding)


class _Seen:
    """Which keys each new candle sees: in its band, not ahead of it, and not an empty cache slot."""

    def __init__(self, rows: Tensor, age: Tensor) -> None:
        length, back = rows.shape[1], POOL_WINDOW - 1
        key = torch.arange(length + back, device=rows.device) - back  # -32 .. T-1
        self._lag = torch.arange(length, device=rows.device)[:, None] - key  # (T, 32 + T)
        filled = (key >= -age[:, None])[:, None, None, :]  # (B, 1, 1, 32 + T)
        self._open = (self._lag >= 0) & filled  # (B, 1, T, 32 + T)
        self._masks: dict[int, Tensor] = {}

    def mask(self, window: int) -> Tensor:
        """(B, 1, T, window - 1 + T), True where seen."""
        if window not in self._masks:
            start = POOL_WINDOW - window
            self._masks[window] = self._open[..., start:] & (self._lag < window)[:, start:]
        return self._masks[window]


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Attention of (B, T, d) over (B, S, d): ONNX's own operator, one node in the graph."""
    heads = ATTENTION_HEADS
    out: Tensor = onnx_ops.attention(query, key, value, mask, q_num_heads=heads, kv_num_heads=heads)[0]
    return out


def _banded(query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """Causal attention of (B, T, d) over the last ``window`` candles, in blocks: no T x T matrix."""
    B, T, d = query.shape
    blocks = T // BLOCK
    mask = _band_mask(blocks, window, query.device).expand(B, -1, ATTENTION_HEADS, -1, -1)
    out = nnf.scaled_dot_product_attention(
        _blocks(query).flatten(0, 1),  # (B * blocks, heads, BLOCK, d / heads)
        _with_previous(_blocks(key)).flatten(0, 1),  # (B * blocks, heads, 2 * BLOCK, d / heads)
        _with_previous(_blocks(value)).flatten(0, 1),
        attn_mask=mask.flatten(0, 1),
    )
    return out.transpose(1, 2).reshape(B, T, d)


def _blocks(x: Tensor) -> Tensor:
    """(B, T, d) -> (B, blocks, heads, BLOCK, d / heads)."""
    B, T, d = x.shape
    return x.reshape(B, T // BLOCK, BLOCK, ATTENTION_HEADS, d // ATTENTION_HEADS).transpose(2, 3)


def _with_previous(x: Tensor) -> Tensor:
    """Put the block before in front of each block: (..., BLOCK, d / heads) -> (..., 2 * BLOCK, d / heads)."""
    before = nnf.pad(x[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([before, x], 3)


def _band_mask(blocks: int, window: int, device: torch.device) -> Tensor:
    """(1, blocks, 1, BLOCK, 2 * BLOCK): in the band, and not in the emptiness before the first block."""
    key = torch.arange(2 * BLOCK, device=device) - BLOCK
    lag = torch.arange(BLOCK, device=device)[:, None] - key
    band = (lag >= 0) & (lag < window)
    exists = (key >= 0) | (torch.arange(blocks, device=device)[:, None] > 0)  # (blocks, 2 * BLOCK)
    return (band & exists[:, None, :])[None, :, None]
