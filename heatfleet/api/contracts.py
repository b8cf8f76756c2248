"""Energy contracts of a user: what the owner's electricity costs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from babel.numbers import list_currencies
from msgspec import UNSET, Meta, Struct, UnsetType

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import Decimal, Flag, Instant, ShortText
from heatfleet.api.operation import INCLUDE_DELETED, PAGE, Doc, answer, if_match, nothing, operation
from heatfleet.api.parse import Query, read_fields, read_json
from heatfleet.api.users import USERS, page_of_user
from heatfleet.auth.permissions import Right
from heatfleet.domain.errors import FieldError, Invalid, NotFound
from heatfleet.domain.tariff import PRICES_MAX
from heatfleet.flows import contracts as flow
from heatfleet.store import contracts
from heatfleet.store.contracts import EnergyContract

CONTRACTS = f"{USERS}/{{user_id:uuid}}/energy-contracts"
ONE = f"{CONTRACTS}/{{contract_id:uuid}}"
_TAG = "Energy Contracts"
_CURRENCIES = list_currencies()


class EnergyPriceInput(Struct, kw_only=True):
    """A price per kWh and from when it holds."""

    price: Decimal
    timestamp: Instant


class EnergyContractInput(Struct, kw_only=True):
    """An energy contract; `energy_contract_type` is required when creating."""

    energy_contract_type: Literal["spot_hourly", "monthly", "yearly"]
    energy_prices: (
        Annotated[
            list[EnergyPriceInput],
            Meta(max_length=PRICES_MAX, description="Per kWh, in order of time; a single one holds always."),
        ]
        | UnsetType
    ) = UNSET
    currency_energy_price: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")] | UnsetType | None = UNSET
    energy_price_includes_external_components: Flag = UNSET
    building_id: Annotated[UUID, Meta(description="None: all buildings.")] | UnsetType | None = UNSET
    meter_id: Annotated[str, Meta(max_length=19)] | UnsetType | None = UNSET
    supplier: ShortText | UnsetType | None = UNSET


class EnergyPriceOutput(Struct, kw_only=True):
    """A price per kWh and from when it holds."""

    price: float
    timestamp: datetime


class EnergyContractOutput(Struct, kw_only=True):
    """An energy contract of a user."""

    id: UUID
    energy_contract_type: Literal["spot_hourly", "monthly", "yearly"]
    energy_prices: list[EnergyPriceOutput] = []
    currency_energy_price: str | None = None
    energy_price_includes_external_components: Annotated[
        bool,
        Meta(description="True: energy_prices are what the owner pays. False: wholesale plus the zone's surcharge."),
    ] = False
    building_id: UUID | None = None
    meter_id: str | None = None
    supplier: str | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


_READ_ONLY = frozenset(EnergyContractOutput.__struct_fields__)
_AS_STORED = tuple(name for name in EnergyContractOutput.__struct_fields__ if name != "energy_prices")


@operation(
    "GET",
    CONTRACTS,
    Doc(
        "list_energy_contracts",
        "List a user's energy contracts",
        _TAG,
        right=Right.READ_CONTRACT,
        answer=EnergyContractOutput,
        is_list=True,
        query=(INCLUDE_DELETED, *PAGE),
    ),
)
async def list_energy_contracts(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """A page of contracts."""
    return await page_of_user(call, org_id, user_id, contracts.find, _shown)


@operation(
    "POST",
    CONTRACTS,
    Doc(
        "create_energy_contract",
        "Create an energy contract",
        _TAG,
        right=Right.CHANGE_CONTRACT,
        answer=EnergyContractOutput,
        body=EnergyContractInput,
        has_version=True,
        description="The heat pumps are planned against it at once. A contract of the building comes before one of all"
        " buildings, a newer one before an older. Without a contract, and where it does not include external"
        " components, the price is wholesale plus the organisation's surcharge for the zone. A price holds until the"
        " next one, of `spot_hourly` for its hour.",
    ),
)
async def create_energy_contract(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """The new contract."""
    fields = _read(await call.body(), partial=False)
    contract_id = await flow.create(call.act(org_id), user_id, fields)
    return await _show(call, org_id, user_id, contract_id)


@operation(
    "GET",
    ONE,
    Doc(
        "retrieve_energy_contract",
        "Get an energy contract",
        _TAG,
        right=Right.READ_CONTRACT,
        answer=EnergyContractOutput,
        query=(INCLUDE_DELETED,),
        has_version=True,
    ),
)
async def retrieve_energy_contract(call: Call, org_id: UUID, user_id: UUID, contract_id: UUID) -> ApiResponse:
    """One contract."""
    query = Query(call.query)
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    return await _show(call, org_id, user_id, contract_id, include_deleted)


@operation(
    "PUT PATCH",
    ONE,
    Doc(
        "update_energy_contract",
        "Change an energy contract",
        _TAG,
        right=Right.CHANGE_CONTRACT,
        answer=EnergyContractOutput,
        body=EnergyContractInput,
        has_version=True,
        description="Send only what changes; `null` clears.",
    ),
)
async def update_energy_contract(call: Call, org_id: UUID, user_id: UUID, contract_id: UUID) -> ApiResponse:
    """The changed contract."""
    fields = _read(await call.body(), partial=True)
    await flow.change(call.act(org_id), (user_id, contract_id), fields, if_match(call))
    return await _show(call, org_id, user_id, contract_id)


@operation(
    "DELETE",
    ONE,
    Doc(
        "delete_energy_contract",
        "Delete an energy contract",
        _TAG,
        right=Right.CHANGE_CONTRACT,
        status=204,
        has_version=True,
    ),
)
async def delete_energy_contract(call: Call, org_id: UUID, user_id: UUID, contract_id: UUID) -> ApiResponse:
    """Nothing."""
    await flow.delete(call.act(org_id), (user_id, contract_id), if_match(call))
    return nothing()


def _read(raw: bytes, *, partial: bool) -> dict[str, Any]:
    """The fields of a body; its prices are read one by one, so that each may be a numeric string."""
    body = read_json(raw)
    prices = body.pop("energy_prices", UNSET)
    fields = read_fields(body, EnergyContractInput, partial=partial, read_only=_READ_ONLY)
    currency = fields.get("currency_energy_price")
    if currency is not None and currency not in _CURRENCIES:
        raise Invalid.field("currency_energy_price", "is not an ISO 4217 currency", "enum")
    if prices is not UNSET:
        fields["energy_prices"] = _read_prices(prices)
    return fields


def _read_prices(prices: Any) -> list[dict[str, Any]]:
    if not isinstance(prices, list) or len(prices) > PRICES_MAX:
        raise Invalid.field("energy_prices", f"must be a list of at most {PRICES_MAX} prices", "type")
    found, errors = list[dict[str, Any]](), list[FieldError]()
    for n, price in enumerate(prices):
        within = ("body", "energy_prices", n)
        if not isinstance(price, dict):
            raise Invalid(FieldError(within, "must be an object", "type"))
        try:
            found.append(read_fields(price, EnergyPriceInput, partial=False, within=within))
        except Invalid as fault:
            errors += fault.errors
    if errors:
        raise Invalid(*errors[:100])
    return found


def _shown(row: EnergyContract) -> EnergyContractOutput:
    prices = [
        EnergyPriceOutput(price=entry["price"], timestamp=datetime.fromisoformat(entry["timestamp"]))
        for entry in row.energy_prices
    ]
    return EnergyContractOutput(**{name: getattr(row, name) for name in _AS_STORED}, energy_prices=prices)


async def _show(
    call: Call, org_id: UUID, user_id: UUID, contract_id: UUID, include_deleted: bool = False
) -> ApiResponse:
    async with call.services.database.read(org_id) as tx:
        row = await contracts.get(tx, org_id, user_id, contract_id, include_deleted)
    if row is None:
        raise NotFound("There is no such energy contract.")
    return answer(_shown(row), row.version)


HANDLERS = (
    list_energy_contracts,
    create_energy_contract,
    retrieve_energy_contract,
    update_energy_contract,
    delete_energy_contract,
)
