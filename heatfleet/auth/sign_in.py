"""The token endpoint's logic: client_credentials, password, refresh_token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec

from heatfleet.auth import passwords
from heatfleet.auth.errors import OAuthError, invalid_client, invalid_grant
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.throttle import Throttle
from heatfleet.auth.tokens import CLIENT_LIFE, PERSON_LIFE, SCOPE, AccessTokens
from heatfleet.domain.clock import Clock
from heatfleet.store import clients, revocations, tokens, users
from heatfleet.store.database import FLEET, Database, WriteTx
from heatfleet.store.ids import new_id

REFRESH_LIFE = timedelta(days=30)


class TokenRequest(msgspec.Struct, frozen=True):
    """What came to the token endpoint, whatever way it came; ``address`` is the caller's."""

    grant_type: str
    client_id: str | None = None
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = None
    scope: str = ""
    address: str = ""


class TokenAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A successful answer (RFC 6749 §5.1)."""

    access_token: str
    expires_in: int
    token_type: str
    scope: str
    refresh_token: str | None = None


@dataclass(frozen=True)
class SignIn:
    """Trades credentials for tokens."""

    database: Database
    clock: Clock
    tokens: AccessTokens
    throttle: Throttle = field(default_factory=Throttle)
    client_life: timedelta = CLIENT_LIFE
    refresh_life: timedelta = REFRESH_LIFE

    async def token(self, request: TokenRequest) -> TokenAnswer:
        """Tokens for the request's grant; raises :class:`OAuthError`."""
        grants = {
            "client_credentials": self._client_credentials,
            "password": self._password,
            "refresh_token": self._refresh,
        }
        grant = grants.get(request.grant_type)
        if grant is None:
            raise OAuthError("unsupported_grant_type", f"Use one of {', '.join(grants)}.")
        if not {*request.scope.split()} <= {*SCOPE.split()}:
            raise OAuthError("invalid_scope", f"The scopes are: {SCOPE}.")
        return await grant(request)

    async def _client_credentials(self, request: TokenRequest) -> TokenAnswer:
        client = await self._client(request)
        if client is None:
            raise OAuthError("invalid_client", "client_id and client_secret are required.", status=401)
        who = Principal(client.org_id, Role.ADMIN, client_id=client.id)
        return _answer(self.tokens.issue(who, self.clock.wall_now(), self.client_life), self.client_life, None)

    async def _password(self, request: TokenRequest) -> TokenAnswer:
        if not request.username or not request.password:
            raise OAuthError("invalid_request", "username and password are required.")
        client = await self._client(request)
        with self.throttle.attempt(request.username, request.address, is_guessable=True):
            async with self.database.read(FLEET) as tx:
                found = await users.find_for_sign_in(tx, request.username, client.org_id if client else None)
            person = await self._who_matches(found, request.password)
            if person is None:
                raise invalid_grant()
            async with self.database.write(person.org_id) as tx:
                if await users.get_login_unchanging(tx, person.org_id, person.id) != person:
                    raise invalid_grant()  # ended while we looked at the password
                return await self._person(tx, person, client.id if client else None, new_id())

    async def _who_matches(self, found: list[users.Login], password: str) -> users.Login | None:
        """The one person with this password; nobody when it fits people in several organisations."""
        hashes = [login.password_hash for login in found] or [None]
        fits = [await passwords.password_matches(password, known) for known in hashes]
        matching = [login for login, fit in zip(found, fits, strict=False) if fit]
        return matching[0] if len(matching) == 1 else None

    async def _refresh(self, request: TokenRequest) -> TokenAnswer:
        if not request.refresh_token:
            raise OAuthError("invalid_request", "refresh_token is required.")
        client = await self._client(request)
        with self.throttle.attempt(f"refresh from {request.address}", request.address):
            async with self.database.write(FLEET) as tx:
                answer = await self._spend(tx, passwords.secret_digest(request.refresh_token), client)
            if answer is None:
                raise invalid_grant()
        return answer

    async def _spend(self, tx: WriteTx, digest: bytes, client: clients.Client | None) -> TokenAnswer | None:
        """What the refresh token is worth; one that comes back was copied, and all of its sign-in ends."""
        now = self.clock.wall_now()
        known = await tokens.get(tx, digest)
        if known is None or (known.client_id and (client is None or client.id != known.client_id)):
            return None  # another client's token is left as it is
        person = await users.get_login_unchanging(tx, known.org_id, known.user_id)
        if await tokens.use(tx, digest, now) is not None:
            return await self._person(tx, person, known.client_id, known.family_id) if person else None
        if await tokens.was_used(tx, digest):
            await revocations.end_tokens_of_session(tx, known.org_id, known.family_id, now)
        return None

    async def _client(self, request: TokenRequest) -> clients.Client | None:
        """The authenticated client, None when the request names none; raises ``invalid_client``."""
        if request.client_id is None and request.client_secret is None:
            return None
        account = f"{request.client_id} from {request.address}"
        with self.throttle.attempt(account, request.address):
            client = await self._find_client(request.client_id or "")
            digest = client.secret_sha256 if client else None
            if not passwords.secret_matches(request.client_secret or "", digest):
                raise invalid_client()
        return client

    async def _find_client(self, client_id: str) -> clients.Client | None:
        try:
            wanted = UUID(client_id)
        except ValueError:
            return None
        async with self.database.read(FLEET) as tx:
            return await clients.find_for_sign_in(tx, wanted)

    async def _person(self, tx: WriteTx, person: users.Login, client_id: UUID | None, family_id: UUID) -> TokenAnswer:
        """Tokens for the person, of a new sign-in or one that goes on."""
        now = self.clock.wall_now()
        secret = passwords.new_secret()
        row = tokens.RefreshToken(
            token_sha256=passwords.secret_digest(secret),
            org_id=person.org_id,
            user_id=person.id,
            family_id=family_id,
            client_id=client_id,
            created_at=now,
            expires_at=now + self.refresh_life,
            used_at=None,
            revoked_at=None,
        )
        await tokens.insert(tx, person.org_id, row)
        who = Principal(person.org_id, Role(person.role), user_id=person.id)
        life = min(PERSON_LIFE, self.client_life)
        token = self.tokens.issue(who, now, life, version=person.token_version, session_id=family_id)
        return _answer(token, life, secret)


def _answer(token: str, life: timedelta, refresh_token: str | None) -> TokenAnswer:
    return TokenAnswer(token, int(life.total_seconds()), "Bearer", SCOPE, refresh_token)
