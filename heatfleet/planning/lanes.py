"""Sixteen floats at once in compiled code: whole vectors on any processor, whatever the compiler makes of a loop.

The compiler's own vectors cost it seconds, come with checks whether arrays overlap, and blend into memory where a
minimum is meant, which stalls the next read. An array is addressed by the place of its element in memory (C order).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

from heatfleet.thermal.arrays import Array

LANES = 16
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_FUSED = ("contract",)  # a product and a sum may be one instruction


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name="sixteen float32")


lanes = _Lanes()
Code = tuple[Any, Callable[..., Any]]


def aligned(*shape: int) -> Array:
    """Zeros that begin at a cache line: a vector across two of them is slow to write and to read back."""
    size = int(np.prod(shape))
    room = np.zeros(size + 2 * LANES, np.float32)  # the last vector may be read beyond the end
    first = (-room.ctypes.data // 4) % LANES
    return room[first : first + size].reshape(shape)


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Where the vector at ``args`` = array, element begins."""
    element = context.cast(builder, args[1], signature.args[1], types.intp)
    data = context.make_array(signature.args[0])(context, builder, args[0]).data
    return builder.bitcast(builder.gep(data, [element]), _VECTOR.as_pointer())


@intrinsic
def load(_typing: Any, array: Any, element: Any) -> Code:
    """The vector of ``array`` that begins at ``element``."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, args), align=4)

    return lanes(array, element), code


@intrinsic
def peek(_typing: Any, array: Any, element: Any) -> Code:
    """The one value of ``array`` at ``element``."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = context.cast(builder, args[1], signature.args[1], types.intp)
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load(builder.gep(data, [place]))

    return types.float32(array, element), code


@intrinsic
def store(_typing: Any, array: Any, element: Any, _value: Any) -> Code:
    """Write a vector to ``array`` from ``element`` on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature, args), align=4)
        return context.get_dummy_value()

    return types.void(array, element, lanes), code


@intrinsic
def same(_typing: Any, value: Any) -> Code:
    """A vector of one value."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one, any_, first = ir.IntType(32), ir.Constant(_VECTOR, ir.Undefined), [0] * LANES
        number = context.cast(builder, args[0], signature.args[0], types.float32)
        vector = builder.insert_element(any_, number, ir.Constant(one, 0))
        return builder.shuffle_vector(vector, any_, ir.Constant(ir.VectorType(one, LANES), first))

    return lanes(value), code


def _of_two(make: Callable[[Any, Any, Any], Any]) -> Code:
    """An operation on two vectors."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return make(builder, args[0], args[1])

    return lanes(lanes, lanes), code


@intrinsic
def after_first(_typing: Any, _a: Any, _b: Any) -> Code:
    """``a`` without its first lane, then the first of ``b``: what begins one element after ``a`` when ``b`` follows."""
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(1, LANES + 1)))
    return _of_two(lambda builder, a, b: builder.shuffle_vector(a, b, places))


@intrinsic
def plus(_typing: Any, _a: Any, _b: Any) -> Code:
    """a + b."""
    return _of_two(lambda builder, a, b: builder.fadd(a, b, flags=_FUSED))


@intrinsic
def minus(_typing: Any, _a: Any, _b: Any) -> Code:
    """a - b."""
    return _of_two(lambda builder, a, b: builder.fsub(a, b, flags=_FUSED))


@intrinsic
def times(_typing: Any, _a: Any, _b: Any) -> Code:
    """a · b."""
    return _of_two(lambda builder, a, b: builder.fmul(a, b, flags=_FUSED))


@intrinsic
def least(_typing: Any, _a: Any, _b: Any) -> Code:
    """The smaller of both, lane by lane."""
    return _of_two(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))


@intrinsic
def most(_typing: Any, _a: Any, _b: Any) -> Code:
    """The larger of both, lane by lane."""
    return _of_two(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@intrinsic
def total(_typing: Any, _a: Any) -> Code:
    """The sum of all lanes."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        vector, width, one = args[0], LANES, ir.IntType(32)
        while width > 1:
            width //= 2
            places = ir.Constant(ir.VectorType(one, LANES), [(i + width) % LANES for i in range(LANES)])
            vector = builder.fadd(vector, builder.shuffle_vector(vector, vector, places))
        return builder.extract_element(vector, ir.Constant(one, 0))

    return types.float32(lanes), code
