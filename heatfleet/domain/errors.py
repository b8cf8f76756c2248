"""The one error tree.

``api`` maps it to problem+json once, ``worker`` maps it to retry or park once; nobody else catches broadly.
"""

from __future__ import annotations

from dataclasses import dataclass


class HeatfleetError(Exception):
    """Root of everything heatfleet raises on purpose."""


@dataclass(frozen=True)
class FieldError:
    """One wrong field: where it is (``("body", "price_zone")``), what is wrong, a machine-readable kind."""

    loc: tuple[str | int, ...]
    msg: str
    type: str = "value_error"


class Invalid(HeatfleetError):
    """The input breaks a rule; names each field."""

    def __init__(self, *errors: FieldError) -> None:
        assert errors, "Invalid needs at least one field error"
        self.errors = errors
        super().__init__("; ".join(f"{'.'.join(map(str, e.loc))}: {e.msg}" for e in errors))

    @classmethod
    def field(cls, name: str, msg: str, kind: str = "value_error", where: str = "body") -> Invalid:
        """One wrong field of the request body (or of ``where``)."""
        return cls(FieldError((where, name), msg, kind))


class NotFound(HeatfleetError):
    """No such thing, or none that the caller may know of."""


class Forbidden(HeatfleetError):
    """The caller knows the thing but its role does not allow this."""


class Conflict(HeatfleetError):
    """The request clashes with what is stored."""


class PreconditionFailed(HeatfleetError):
    """``If-Match`` named another version."""


class OutsideWorldError(HeatfleetError):
    """Something beyond our walls went wrong; ``code`` is stable and goes to ``lifecycle_error``."""

    code = "outside_world"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        self.detail = detail
        if code:
            self.code = code
        super().__init__(detail)


class TryAgain(OutsideWorldError):
    """A passing fault (429, 5xx, timeout, device offline): try again after ``after_s`` seconds."""

    code = "try_again"

    def __init__(self, detail: str, *, after_s: float, code: str | None = None) -> None:
        self.after_s = after_s
        super().__init__(detail, code=code)


class AccessLost(OutsideWorldError):
    """The grant is dead (revoked, expired refresh token, wrong password): the owner must sign in again."""

    code = "access_lost"


class Refused(OutsideWorldError):
    """The vendor understood and said no (unsupported, out of range, subscription needed): do not repeat."""

    code = "refused"


SUBSCRIPTION_NEEDED = "subscription_needed"
"""Code of a :class:`Refused` write: the maker wants to be paid first; somebody can mend it, so nothing is broken."""


class UnsafeSteering(HeatfleetError):
    """``domain/steering.py`` will not let this command out."""
