"""Signing keys change while web processes run: known before they sign, good for checking until no token is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.keys import REREAD, SIGNS_AFTER, load_keys, rotate
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.tokens import CLIENT_LIFE, AccessTokens
from heatfleet.store.ids import new_id
from heatfleet.store.revocations import LONGEST_LIFE

NOW = datetime(2024, 1, 8, 6, tzinfo=UTC)
ADMIN = Principal(new_id(), Role.ADMIN, client_id=new_id())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "sign.pem"


def running(file: Path) -> AccessTokens:
    """A web process that has worked for a while."""
    tokens = AccessTokens(load_keys(file))
    tokens.issue(ADMIN, NOW, CLIENT_LIFE)
    return tokens


def kids(tokens: AccessTokens, now: datetime) -> list[str]:
    return [key["kid"] for key in tokens.ring.jwks(now)["keys"]]


def test_a_running_process_shows_the_new_key_before_it_signs(file: Path) -> None:
    one, two = running(file), running(file)
    old = one.issue(ADMIN, NOW, CLIENT_LIFE)
    rotate(file, NOW)
    published = NOW + REREAD
    assert len(kids(one, published)) == len(kids(two, published)) == 2
    assert one.ring.signer(published).kid == kids(one, published)[0]
    signing = NOW + SIGNS_AFTER
    assert one.ring.signer(signing).kid == two.ring.signer(signing).kid == kids(one, published)[1]
    new = one.issue(ADMIN, signing, CLIENT_LIFE)
    for tokens in (one, two):
        assert tokens.check(new, signing) == tokens.check(old, signing) == ADMIN


def test_a_key_never_seen_is_looked_for_at_once_but_not_with_every_request(file: Path) -> None:
    late, early = running(file), running(file)
    later = NOW + timedelta(seconds=2)
    rotate(file, NOW - SIGNS_AFTER)  # as a process whose clock runs ahead
    ahead = AccessTokens(load_keys(file)).issue(ADMIN, NOW, CLIENT_LIFE)
    assert late.check(ahead, later) == ADMIN
    early.ring.keys(NOW, timedelta())
    foreign = AccessTokens(load_keys(file.with_name("other") / "sign.pem")).issue(ADMIN, NOW, CLIENT_LIFE)
    reads = []
    early.ring._read = reads.append  # type: ignore[method-assign, assignment]
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            early.check(foreign, NOW + timedelta(milliseconds=500))
    assert reads == []


def test_a_superseded_key_stops_checking_when_its_last_token_has_expired(file: Path) -> None:
    tokens = running(file)
    rotate(file, NOW)
    superseded = NOW + SIGNS_AFTER
    last = tokens.issue(ADMIN, superseded - timedelta(seconds=1), LONGEST_LIFE)
    almost = superseded + LONGEST_LIFE - timedelta(seconds=2)
    assert tokens.check(last, almost) == ADMIN
    over = superseded + LONGEST_LIFE
    assert len(kids(tokens, over)) == 1
    assert file.exists()
    rotate(file, over)
    assert not file.exists()
    assert len(kids(AccessTokens(load_keys(file)), over + REREAD)) == 2
    assert not file.exists()


def test_a_broken_file_does_not_stop_a_running_process(file: Path) -> None:
    tokens = running(file)
    file.with_name("sign-20240101T000000Z.pem").write_text("not a key")
    file.with_name("sign-copy.pem").write_text("not a key either")
    token = tokens.issue(ADMIN, NOW + REREAD, CLIENT_LIFE)
    assert tokens.check(token, NOW + REREAD) == ADMIN


def test_a_deleted_key_ends_its_tokens(file: Path) -> None:
    tokens = running(file)
    leaked = tokens.issue(ADMIN, NOW, CLIENT_LIFE)
    rotate(file, NOW)
    file.unlink()
    with pytest.raises(Unauthenticated):
        tokens.check(leaked, NOW + SIGNS_AFTER)
