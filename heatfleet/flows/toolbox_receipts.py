"""What a vendor's answer to writes means: for the commands, for the levers, for what people are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from heatfleet.domain.errors import SUBSCRIPTION_NEEDED, OutsideWorldError
from heatfleet.domain.faults import consequence_of, rejection_status
from heatfleet.domain.statuses import Status
from heatfleet.domain.steering import BACK_OFF
from heatfleet.store import cues, pump_states
from heatfleet.store.baselines import Seen
from heatfleet.store.commands import Command, Outcome
from heatfleet.store.database import WriteTx
from heatfleet.vendors.kit.driver import Receipt


def is_rejected(command: Command, answer: Receipt | OutsideWorldError) -> bool:
    """Whether the vendor said no to this command."""
    if isinstance(answer, OutsideWorldError):
        return consequence_of(answer).steering is not None
    return not answer.accepted and (not answer.rejected or command.lever in answer.rejected)


def outcomes_of(written: Sequence[Command], answer: Receipt | OutsideWorldError) -> list[Outcome]:
    """The commands' new statuses, with the vendor's receipt."""
    if isinstance(answer, OutsideWorldError):
        receipt = {"accepted": False, "detail": answer.detail, "code": answer.code}
    else:
        receipt = {"accepted": answer.accepted, "detail": answer.detail, "reference": answer.vendor_reference}
    is_taken = isinstance(answer, Receipt) and answer.accepted
    usual = "accepted" if is_taken else "sent"
    return [Outcome(c.id, "rejected" if is_rejected(c, answer) else usual, receipt) for c in written]


def hands_off(command: Command) -> Seen:
    """The vendor said no: the lever is not tried again for a while; what is owed on it stays owed."""
    until = command.issued_at + BACK_OFF
    return Seen(command.heat_pump_id, command.lever, command.issued_at, "confirmed", None, until)


async def say_rejected(
    tx: WriteTx, rejected: Sequence[UUID], answers: Mapping[UUID, Receipt | OutsideWorldError], wall_now: datetime
) -> None:
    """Statuses of the pumps whose vendor said no; where it wants to be paid, the owner is told, until it takes one."""
    codes = {id_: getattr(answers[id_], "code", None) for id_ in rejected}  # a receipt has none
    for status in (Status.ERROR, Status.WARNING):
        ids = [id_ for id_, code in codes.items() if rejection_status(code) is status]
        await pump_states.save_rejected(tx, ids, status)
    await cues.raise_subscription(tx, [id_ for id_, code in codes.items() if code == SUBSCRIPTION_NEEDED], wall_now)
    taken = [id_ for id_, answer in answers.items() if isinstance(answer, Receipt) and answer.accepted]
    await cues.withdraw_subscription(tx, taken, wall_now)
