"""Eight float64 side by side, as one value inside a kernel.

A sum in a plain loop is not vectorised without fastmath, and fastmath lets each machine add in an order of
its own. Eight lanes written out fix the order: the same bits whatever the width of the machine's registers,
at the speed of the widest. The type exists inside compiled kernels only.
"""

# mypy: disable-error-code="attr-defined,import-untyped,misc,no-untyped-call"
# numba's and llvmlite's inner parts carry no types

import operator
from collections.abc import Callable
from typing import Any, Protocol, cast

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.core.datamodel import models, register_default
from numba.core.typing.templates import ConcreteTemplate, infer_global
from numba.extending import intrinsic, lower_builtin
from numpy import float64
from numpy.typing import NDArray

LANES = 8

Column = NDArray[float64]  # (T,) contiguous, ascending in time


class Lanes(Protocol):
    """What a type checker needs to know of eight lanes."""

    def __add__(self, other: "Lanes", /) -> "Lanes": ...
    def __sub__(self, other: "Lanes", /) -> "Lanes": ...
    def __mul__(self, other: "Lanes", /) -> "Lanes": ...
    def __abs__(self) -> "Lanes": ...


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="lanes")


_LANES = _LanesType()
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_INT32 = ir.IntType(32)


@register_default(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, _VECTOR)


def _binary(function: Callable[..., Any], instruction: str) -> None:
    template = type(f"Lanes_{function.__name__}", (ConcreteTemplate,), {"cases": [_LANES(_LANES, _LANES)]})
    infer_global(function)(template)

    def lower(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)

    lower_builtin(function, _LANES, _LANES)(lower)


_binary(operator.add, "fadd")
_binary(operator.iadd, "fadd")
_binary(operator.sub, "fsub")
_binary(operator.mul, "fmul")


@infer_global(abs)
class _LanesAbs(ConcreteTemplate):
    cases = [_LANES(_LANES)]  # noqa: RUF012 - numba's own protocol


@lower_builtin(abs, _LANES)
def _lower_abs(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    shape = ir.FunctionType(_VECTOR, [_VECTOR])
    return builder.call(get_or_insert_function(builder.module, shape, f"llvm.fabs.v{LANES}f64"), args)


def _pick(builder: Any, order: str, left: Any, right: Any) -> Any:
    return builder.select(builder.fcmp_ordered(order, left, right), left, right)


def _fold(builder: Any, vector: Any, join: Callable[[Any, Any], Any]) -> Any:
    """Join upper half and lower half until one lane is left."""
    width = LANES
    while width > 1:
        width //= 2
        pick = ir.VectorType(_INT32, width)
        lower = builder.shuffle_vector(vector, vector, ir.Constant(pick, list(range(width))))
        upper = builder.shuffle_vector(vector, vector, ir.Constant(pick, list(range(width, 2 * width))))
        vector = join(lower, upper)
    return builder.extract_element(vector, ir.Constant(_INT32, 0))


def _load(_typing: Any, column: Any, _at: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), _VECTOR.as_pointer())
        return builder.load(place, align=8)

    return _LANES(column, types.intp), codegen


def _splat(_typing: Any, _value: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        empty = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(empty, args[0], ir.Constant(_INT32, 0))
        return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES))

    return _LANES(types.float64), codegen


def _larger(_typing: Any, _left: Any, _right: Any) -> Any:
    return _LANES(_LANES, _LANES), lambda _context, builder, _signature, args: _pick(builder, ">", *args)


def _smaller(_typing: Any, _left: Any, _right: Any) -> Any:
    return _LANES(_LANES, _LANES), lambda _context, builder, _signature, args: _pick(builder, "<", *args)


def _less(_typing: Any, _left: Any, _right: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        yes, no = ir.Constant(_VECTOR, [1.0] * LANES), ir.Constant(_VECTOR, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered("<", *args), yes, no)

    return _LANES(_LANES, _LANES), codegen


def _quotient(_typing: Any, _left: Any, _right: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        nothing = ir.Constant(_VECTOR, [0.0] * LANES)
        something = builder.fcmp_unordered("!=", args[1], nothing)
        return builder.select(something, builder.fdiv(*args), nothing)

    return _LANES(_LANES, _LANES), codegen


def _total(_typing: Any, _lanes: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _fold(builder, args[0], builder.fadd)

    return types.float64(_LANES), codegen


def _largest(_typing: Any, _lanes: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _fold(builder, args[0], lambda left, right: _pick(builder, ">", left, right))

    return types.float64(_LANES), codegen


def _smallest(_typing: Any, _lanes: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _fold(builder, args[0], lambda left, right: _pick(builder, "<", left, right))

    return types.float64(_LANES), codegen


load = cast("Callable[[Column, int], Lanes]", intrinsic(_load))
"""``column[at : at + 8]``. Nothing checks the bounds."""
splat = cast("Callable[[float], Lanes]", intrinsic(_splat))
"""The same number in every lane."""
larger = cast("Callable[[Lanes, Lanes], Lanes]", intrinsic(_larger))
"""Lane by lane, the larger of two."""
smaller = cast("Callable[[Lanes, Lanes], Lanes]", intrinsic(_smaller))
"""Lane by lane, the smaller of two."""
less = cast("Callable[[Lanes, Lanes], Lanes]", intrinsic(_less))
"""Lane by lane, 1 where the first is below the second, else 0."""
quotient = cast("Callable[[Lanes, Lanes], Lanes]", intrinsic(_quotient))
"""Lane by lane, the first over the second; 0 where the second is 0."""
total = cast("Callable[[Lanes], float]", intrinsic(_total))
"""Sum of the eight lanes, halves first."""
largest = cast("Callable[[Lanes], float]", intrinsic(_largest))
"""Largest of the eight lanes."""
smallest = cast("Callable[[Lanes], float]", intrinsic(_smallest))
"""Smallest of the eight lanes."""
