"""The array type of the pure rooms, and helpers for structs of arrays."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
T = TypeVar("T")


def take(struct: T, index: Any) -> T:
    """The struct of arrays with only the homes of ``index`` (first axis); what is None stays so."""
    values = {f.name: getattr(struct, f.name) for f in fields(struct)}  # type: ignore[arg-type]
    return type(struct)(**{name: _taken(value, index) for name, value in values.items()})


def _taken(value: Any, index: Any) -> Any:
    if value is None:
        return None
    return take(value, index) if is_dataclass(value) else value[index]


def choose(new: Array, a: Any, b: Any) -> Any:
    """Struct of arrays: ``a`` where ``new`` (home,) says so, else ``b``."""
    picked = {}
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        picked[f.name] = np.where(new if x.ndim == 1 else new[:, None], x, y)
    return type(a)(**picked)


def put(everyone: T, index: Any, some: T) -> T:
    """The struct of arrays of all homes with the homes of ``index`` replaced."""
    values = {name: value.copy() for name, value in vars(everyone).items()}
    for name, value in values.items():
        value[index] = getattr(some, name)
    return type(everyone)(**values)


def stack(struct: Any) -> Array:
    """The (home,) fields as one matrix (home, field), (home, n) ones as (home, n, field); C-ordered, in field order."""
    return np.ascontiguousarray(np.stack([np.asarray(getattr(struct, f.name), float) for f in fields(struct)], axis=-1))


def means(values: Array, length: int) -> Array:
    """Means over every ``length`` of (home, n * length), (home, n); NaN where one of them is.

    As a product with a vector, which takes a twentieth of what ``mean`` does over so few.
    """
    return values.reshape(len(values), values.shape[1] // length, length) @ np.full(length, 1.0 / length)
