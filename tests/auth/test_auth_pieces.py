"""Keys, tokens, secrets, passwords, permissions: the pieces without a server."""

from __future__ import annotations

import stat
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from heatfleet.auth import passwords
from heatfleet.auth.errors import OAuthError, Unauthenticated, invalid_grant
from heatfleet.auth.keys import load_keys
from heatfleet.auth.permissions import TABLE, Reach, Right, allow, allow_role
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.throttle import Throttle
from heatfleet.auth.tokens import CLIENT_LIFE, AccessTokens
from heatfleet.domain.errors import Forbidden, NotFound
from heatfleet.store.ids import new_id

NOW = datetime(2024, 1, 8, 6, tzinfo=UTC)
ADMIN = Principal(new_id(), Role.ADMIN, client_id=new_id())


def test_keys_are_made_once_private_and_kept(tmp_path: Path) -> None:
    first, second = load_keys(tmp_path / "keys" / "sign.pem"), load_keys(tmp_path / "keys" / "sign.pem")
    assert first.signer(NOW).kid == second.signer(NOW).kid
    assert first.secret == second.secret
    for file in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert "d" not in first.jwks(NOW)["keys"][0]


def test_tokens_expire_also_out_of_the_memory(tmp_path: Path) -> None:
    tokens = AccessTokens(load_keys(tmp_path / "sign.pem"))
    token = tokens.issue(ADMIN, NOW, timedelta(seconds=10))
    assert tokens.check(token, NOW) == ADMIN
    assert tokens.check(token, NOW + timedelta(seconds=9)) == ADMIN
    with pytest.raises(Unauthenticated):
        tokens.check(token, NOW + timedelta(seconds=10))


def test_foreign_and_damaged_tokens_are_refused(tmp_path: Path) -> None:
    tokens = AccessTokens(load_keys(tmp_path / "sign.pem"))
    good = tokens.issue(ADMIN, NOW, CLIENT_LIFE)
    head, body, tail = good.split(".")
    key = ECKey.generate_key("P-256", {"kid": tokens.ring.signer(NOW).kid})
    forged = jwt.encode({"alg": "ES256", "kid": key.kid}, {"exp": 9e9}, key, algorithms=["ES256"])
    none = "eyJhbGciOiJub25lIn0." + body + "."
    for bad in (
        "",
        "a.b.c",
        f"{head}.{body}.{tail[:-4]}AAAA",
        f"{head}.{body[:-3]}x.{tail}",
        forged,
        none,
        "ä",
        good + "x",
    ):
        with pytest.raises(Unauthenticated):
            tokens.check(bad, NOW)


def test_secrets_are_good_for_one_purpose_and_one_hour() -> None:
    signer = SecretSigner(bytes(32))
    secret = signer.sign("cue", "subject|x", NOW)
    assert signer.open("cue", secret, NOW + timedelta(minutes=59)) == "subject|x"
    for purpose, text, at in (
        ("other", secret, NOW),
        ("cue", secret, NOW + timedelta(hours=1)),
        ("cue", "A" + secret, NOW),
        ("cue", "ä.ö", NOW),
        ("cue", "", NOW),
    ):
        with pytest.raises(Unauthenticated):
            signer.open(purpose, text, at)


def test_a_secret_that_has_expired_is_told_from_one_that_was_never_ours() -> None:
    signer = SecretSigner(bytes(32))
    secret = signer.sign("home", "subject", NOW - timedelta(days=999))
    assert signer.was_signed("home", secret)
    assert signer.was_signed("home", signer.sign("home", "subject", NOW))
    for purpose, text in (("cue", secret), ("home", secret + "x"), ("home", ""), ("home", "ä.ö")):
        assert not signer.was_signed(purpose, text)


async def test_passwords_match_only_themselves() -> None:
    hashed = await passwords.hash_password("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.password_matches("correct horse", hashed)
    assert not await passwords.password_matches("wrong", hashed)
    assert not await passwords.password_matches("correct horse", None)
    assert not await passwords.password_matches("x", "not a hash")


def test_secrets_compare_by_digest() -> None:
    secret = passwords.new_secret()
    assert len(secret) >= 43
    assert passwords.secret_matches(secret, passwords.secret_digest(secret))
    assert not passwords.secret_matches(secret, None)
    assert not passwords.secret_matches("", bytes(32))


def fail(throttle: Throttle, account: str, address: str) -> int:
    """The status of a failed attempt."""
    with pytest.raises(OAuthError) as refused, throttle.attempt(account, address, is_guessable=True):
        raise invalid_grant()
    return refused.value.status


def test_throttle_is_per_account_and_per_address() -> None:
    throttle = Throttle(per_minute=2)
    assert [fail(throttle, "ada", "1.1.1.1") for _ in range(3)] == [400, 400, 429]
    assert fail(throttle, "ADA", "2.2.2.2") == 429
    with throttle.attempt("bob", "1.1.1.1"):
        pass
    for n in range(8):
        assert fail(throttle, f"account {n}", "1.1.1.1") == 400
    with pytest.raises(OAuthError) as refused, throttle.attempt("bob", "1.1.1.1"):
        pass
    assert (refused.value.status, refused.value.retry_after_s) == (429, 60)


def test_passwords_cannot_be_guessed_many_at_once() -> None:
    throttle, waiting = Throttle(per_minute=3), ExitStack()
    for _ in range(3):
        waiting.enter_context(throttle.attempt("ada", "1.1.1.1", is_guessable=True))
    assert fail(throttle, "ada", "2.2.2.2") == 429
    waiting.close()
    for _ in range(20):
        with throttle.attempt("ada", "1.1.1.1", is_guessable=True):
            pass  # good ones never count


def test_every_right_is_in_the_table_and_reach_never_grows_downwards() -> None:
    assert set(TABLE) == set(Right)
    for reach in TABLE.values():
        assert reach[Role.ADMIN] is Reach.ALL
        assert reach[Role.USER] <= reach[Role.STAFF] or reach[Role.STAFF] is Reach.NONE


def test_foreign_is_not_found_and_too_low_is_forbidden() -> None:
    org_id, me, you = new_id(), new_id(), new_id()
    user = Principal(org_id, Role.USER, user_id=me)
    staff = Principal(org_id, Role.STAFF, user_id=me)
    with pytest.raises(NotFound):
        allow(ADMIN, Right.LIST_USERS, org_id)
    with pytest.raises(Forbidden):
        allow(user, Right.LIST_USERS, org_id)
    with pytest.raises(NotFound):
        allow(user, Right.READ_HEAT_PUMP, org_id, you)
    assert allow(user, Right.READ_HEAT_PUMP, org_id, me) is Reach.OWN
    assert allow(staff, Right.READ_HEAT_PUMP, org_id, you) is Reach.ALL
    with pytest.raises(Forbidden):
        allow_role(staff, Right.READ_USER, you, "admin")
    allow_role(staff, Right.READ_USER, me, "staff")
