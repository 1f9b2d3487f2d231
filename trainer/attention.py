"""Attention in its forms: banded over long chunks, over caches as it is exported, and full over windows."""

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor
from torch.onnx import ops as onnx_ops

from shared.contracts import WINDOW

ATTENTION_WINDOWS = (8, 8, 12, 12, 14, 15)  # candles a block sees, its own included
POOL_WINDOW = 33  # block outputs the pooling sees: 1 + 7 + 7 + 11 + 11 + 13 + 14 + 32 = 96
ATTENTION_HEADS = 8
ROTARY_BASE = 100.0  # lags end at 32; the usual 10,000 would leave most angles unused
BLOCK = 32  # candles a block of the banded attention; at least POOL_WINDOW - 1
HIDDEN = -1e9  # added to the score of a key that is not seen: its weight is exactly 0 in float32

assert sum(width - 1 for width in ATTENTION_WINDOWS) + POOL_WINDOW == WINDOW
assert max(*ATTENTION_WINDOWS, POOL_WINDOW) <= BLOCK + 1


class Rotary(NamedTuple):
    """Cosines and sines of the angles at candles -32 .. T-1, counted from the call's first."""

    cos: Tensor  # (32 + T, width / heads / 2)
    sin: Tensor

    @classmethod
    def over(cls, length: int, frequency: Tensor) -> "Rotary":
        """Angles for ``length`` candles and the 32 before them; frequency (width / heads / 2,)."""
        position = torch.arange(length + POOL_WINDOW - 1, device=frequency.device) - (POOL_WINDOW - 1)
        angle = position[:, None].float() * frequency
        return cls(angle.cos(), angle.sin())

    def turn(self, x: Tensor) -> Tensor:
        """Rotate (B, T, d) from candle 0 on, differentiably."""
        start = POOL_WINDOW - 1
        first, second = x.reshape(*x.shape[:2], ATTENTION_HEADS, 2, x.shape[-1] // ATTENTION_HEADS // 2).unbind(-2)
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


class Seen:
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


def attend_exported(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Attention of (B, T, d) over (B, S, d): ONNX's own operator, one node in the graph."""
    heads = ATTENTION_HEADS
    out: Tensor = onnx_ops.attention(query, key, value, mask, q_num_heads=heads, kv_num_heads=heads)[0]
    return out


def attend_banded(query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """Causal attention of (B, T, d) over the last ``window`` candles, in blocks: no T x T matrix."""
    B, T, d = query.shape
    out = _attend(
        _blocks(query).flatten(0, 1),  # (B * blocks, heads, BLOCK, d / heads)
        _with_previous(_blocks(key)).flatten(0, 1),  # (B * blocks, heads, 2 * BLOCK, d / heads)
        _with_previous(_blocks(value)).flatten(0, 1),
        _band_mask(B, T // BLOCK, window, query.device),
    )
    return out.transpose(1, 2).reshape(B, T, d)


def attend_fully(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of (B, S, d) over all of (B, T, d), without any mask."""
    B, S, d = query.shape
    out = _attend(*(x.reshape(B, x.shape[1], ATTENTION_HEADS, -1).transpose(1, 2) for x in (query, key, value)))
    return out.transpose(1, 2).reshape(B, S, d)


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attend in float32 on a CPU: its bfloat16 kernel is four times slower going back than the rest saves."""
    if query.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            wide = torch.promote_types(query.dtype, torch.float32)
            query, key, value = query.to(wide), key.to(wide), value.to(wide)
            mask = None if mask is None else mask.to(wide)
            return nnf.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return nnf.scaled_dot_product_attention(query, key.to(query.dtype), value.to(query.dtype), attn_mask=mask)


def _blocks(x: Tensor) -> Tensor:
    """(B, T, d) -> (B, blocks, heads, BLOCK, d / heads)."""
    B, T, d = x.shape
    return x.reshape(B, T // BLOCK, BLOCK, ATTENTION_HEADS, d // ATTENTION_HEADS).transpose(2, 3)


def _with_previous(x: Tensor) -> Tensor:
    """Put the block before in front of each block: (..., BLOCK, d / heads) -> (..., 2 * BLOCK, d / heads)."""
    before = nnf.pad(x[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([before, x], 3)


@lru_cache(maxsize=64)  # a run has a few shapes, and each of its steps asks for seven masks
def _band_mask(batch: int, blocks: int, window: int, device: torch.device) -> Tensor:
    """(batch * blocks, 1, BLOCK, 2 * BLOCK), 0 where seen: in the band, and not in the emptiness before block 0."""
    key = torch.arange(2 * BLOCK, device=device) - BLOCK
    lag = torch.arange(BLOCK, device=device)[:, None] - key
    band = (lag >= 0) & (lag < window)
    exists = (key >= 0) | (torch.arange(blocks, device=device)[:, None] > 0)  # (blocks, 2 * BLOCK)
    seen = (band & exists[:, None, :])[:, None]  # (blocks, 1, BLOCK, 2 * BLOCK)
    return torch.zeros(seen.shape, device=device).masked_fill(~seen, HIDDEN).repeat(batch, 1, 1, 1)
