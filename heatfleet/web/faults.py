"""What went wrong on the way, as a page that says what to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from heatfleet.domain.errors import AccessLost, Conflict, HeatfleetError, OutsideWorldError, TryAgain
from heatfleet.flows.toolbox_connect import BegunAnew, OtherAccount, Taken
from heatfleet.web.words import N_

AT_SIGN_IN, AT_CHOICE, AT_PUMP = "sign_in", "choice", "pump"
"""Where a person goes on: signs in once more, chooses another heat pump, asks the same one again."""


@dataclass(frozen=True)
class Fault:
    """A heading, what happened, what to do; ``code`` goes to the partner, ``minutes`` is how long to wait."""

    code: str
    heading: str
    text: str
    advice: str
    goes_on: str = AT_SIGN_IN
    status: int = 400
    minutes: int = 0


_REFUSED = (
    N_("The manufacturer did not accept the sign-in"),
    N_("Nothing was connected."),
    N_("Check that you use the account of the manufacturer's own app, and the right password."),
)
_NOT_NOW = (
    N_("This manufacturer cannot be connected at the moment"),
    N_("The fault is on our side, not on yours."),
    N_("Tell %(partner)s about it, and try again later."),
)
_AWAY = (
    N_("The manufacturer does not answer at the moment"),
    N_("Nothing was connected."),
    N_("Try again in about %(minutes)s minutes. Your link stays valid."),
)
_SILENT = (
    N_("Your heat pump does not answer"),
    N_("The manufacturer knows it, but gets no values from it."),
    N_("Check that it is switched on and connected to the internet, and try again in a few minutes."),
)
_NOTHING_THERE = (
    N_("Nothing answers at this address"),
    N_("Nothing was connected."),
    N_("Check the address, and that the device is switched on and in the same network."),
)
_TEXTS: Mapping[str, tuple[str, str, str]] = {
    "already_connected": (
        N_("This heat pump is already connected"),
        N_("It belongs to a connection that %(partner)s knows. Nothing was changed."),
        N_("If you have another heat pump, choose that one. If you do not know of a connection, ask %(partner)s."),
    ),
    "begun_anew": (
        N_("This page is out of date"),
        N_("The sign-in was begun anew, perhaps in another window, or is over."),
        N_("Begin the sign-in once more; nothing is lost."),
    ),
    "other_account": (
        N_("This is another account"),
        N_("Your heat pump was connected with another account, or is no longer in this one. Nothing was changed."),
        N_(
            "Sign in with the account it was connected with. If you no longer have it, ask %(partner)s to remove the"
            " heat pump, and connect it anew."
        ),
    ),
    "no_device": (
        N_("There is no heat pump in this account."),
        N_("The sign-in worked, but the account shows us no heat pump."),
        N_("Check in the manufacturer's app that you see your heat pump there, or sign in with another account."),
    ),
    "access_denied": (
        N_("You did not allow the access"),
        N_("Nothing was connected."),
        N_("You can try again, or cancel."),
    ),
    "quota_exceeded": (
        N_("Too many questions at once"),
        N_("The manufacturer limits how often we may ask."),
        N_("Try again in about %(minutes)s minutes. Your link stays valid."),
    ),
    "restoring": (
        N_("Not quite yet"),
        N_("Your own settings are still being restored. Try again in a few minutes."),
        N_("This heat pump was connected before. As soon as it has its own settings back, it can be connected anew."),
    ),
    "sign_in_pending": (
        N_("The code has not been entered yet"),
        N_("Nothing was connected."),
        N_("Enter the code, then try again."),
    ),
    "subscription": (
        N_("The manufacturer asks for a paid subscription"),
        N_("Without it, the manufacturer lets nobody else read your heat pump."),
        N_("Ask the manufacturer what it costs, or ask %(partner)s."),
    ),
    "too_many_tries": (
        N_("Too many sign-ins that failed"),
        N_("So that nobody can guess passwords here, this link takes no more of them."),
        N_("Ask for a new link where you got this one."),
    ),
    "bad_address": _NOTHING_THERE,
    "forbidden_address": _NOTHING_THERE,
    "device_silent": _SILENT,
    "device_offline": _SILENT,
    "vendor_not_available": _NOT_NOW,
    "client_refused": _NOT_NOW,
    "key_missing": _NOT_NOW,
    "protocol_changed": _NOT_NOW,
}
_UNMENDABLE = frozenset(
    {"no_device", "too_many_tries", "restoring", "quota_exceeded", "key_missing", "protocol_changed", "client_refused"}
)
_WHERE = {"already_connected": AT_CHOICE, "restoring": AT_PUMP, "device_silent": AT_PUMP, "device_offline": AT_PUMP}


def fault_of(error: HeatfleetError) -> Fault:
    """The page of an error of the outside world, of a conflict, or of something that is not there."""
    code = _code(error)
    heading, text, advice = _TEXTS.get(code) or (_AWAY if isinstance(error, TryAgain) else _REFUSED)
    minutes = math.ceil(error.after_s / 60) if isinstance(error, TryAgain) else 0
    status = 409 if isinstance(error, Conflict) else 400
    return Fault(code, heading, text, advice, _WHERE.get(code, AT_SIGN_IN), status, max(minutes, 1))


def _code(error: HeatfleetError) -> str:
    if isinstance(error, OutsideWorldError):
        return error.code
    if isinstance(error, OtherAccount):
        return "other_account"
    if isinstance(error, Taken) or (isinstance(error, Conflict) and not isinstance(error, BegunAnew)):
        return "already_connected"
    return "begun_anew"


def is_answer_wrong(error: OutsideWorldError) -> bool:
    """Whether the person may mend it by filling in the form otherwise."""
    return error.code not in _UNMENDABLE or isinstance(error, AccessLost)
