"""A manifest that is wrong says which key and why; a vendor is found by its manifest."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel
from heatfleet.vendors.kit import registry
from heatfleet.vendors.kit.manifest import Manifest, SignInKind, parse_manifest
from heatfleet.vendors.kit.quota import Budget
from heatfleet.vendors.kit.registry import find_vendors, load_registry

GOOD = """
name = "acme"
title = "Acme"
brands = ["Acme", "Apex"]
countries = ["DE", "AT"]
sign_in = "form"
is_official = false
on_contact_lost = "Stays as written."
channels = ["indoor_temp_c", "curve_offset_k"]

[budget]
app = [{ calls = 120, per_s = 600 }, { calls = 1450, per_s = 86400 }]

[levers.curve_offset_k]
minimum = -5
maximum = 5
step = 1
expires_by_itself = true

[config.base_url]
help = "Where it is"

[config.secret]
help = "Client secret"
secret = true
default = "x"
"""


def errors_of(text: str) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse_manifest(text, "acme")
    assert all(error.loc[0] == "acme" for error in caught.value.errors)
    return {str(error.loc[1]): error.msg for error in caught.value.errors}


def test_a_good_manifest() -> None:
    manifest = parse_manifest(GOOD, "acme")
    assert manifest.sign_in is SignInKind.FORM
    assert manifest.channels == {Channel.INDOOR_TEMP_C, Channel.CURVE_OFFSET_K}
    assert manifest.levers == {Lever.CURVE_OFFSET_K: LeverRange(-5, 5, 1, expires_by_itself=True)}
    assert manifest.app_budgets == (Budget(120, 600.0), Budget(1450, 86_400.0))
    assert manifest.account_budgets == ()
    assert (manifest.is_official, manifest.needs_gateway, manifest.poll_interval_s) == (False, False, 300)
    assert manifest.missing_config({}) == ("base_url",)
    assert manifest.settled_config({"base_url": "u"}) == {"base_url": "u", "secret": "x"}


@pytest.mark.parametrize(
    ("old", "new", "key", "word"),
    [
        ('name = "acme"', "", "name", "required"),
        ('name = "acme"', 'name = "Acme Inc"', "name", "lower-case"),
        ('countries = ["DE", "AT"]', 'countries = ["Germany"]', "countries", "Germany"),
        ('sign_in = "form"', 'sign_in = "fax"', "sign_in", "redirect, form"),
        ('"indoor_temp_c", "curve', '"indoor_temp_f", "curve', "channels", "indoor_temp_f"),
        ("is_official = false", 'is_official = "no"', "is_official", "true or false"),
        ("calls = 120", "calls = 0", "budget.app", "at least 1"),
        ("per_s = 600 }", "per_min = 10 }", "budget.app", "per_s"),
        ("[levers.curve_offset_k]", "[levers.power_kw]", "levers", "power_kw"),
        ("step = 1", "", "levers", "step"),
        ("step = 1", "step = 0", "levers", "step > 0"),
        ("step = 1", "step = 1\nsteps = 2", "levers", "steps"),
        ('help = "Where it is"', "", "config", "help"),
        ('title = "Acme"', 'title = "Acme"\ncolour = "red"', "colour", "no such key"),
        ("[budget]", "[budget]\nmonthly = 3", "budget.monthly", "no such key"),
    ],
)
def test_a_wrong_key_is_named(old: str, new: str, key: str, word: str) -> None:
    assert old in GOOD
    found = errors_of(GOOD.replace(old, new, 1))
    assert key in found, found
    assert word in found[key]


def test_all_wrong_keys_are_named_at_once() -> None:
    text = GOOD.replace('title = "Acme"', "").replace('sign_in = "form"', "sign_in = 3")
    assert set(errors_of(text)) == {"title", "sign_in"}


def test_what_is_not_toml_is_said() -> None:
    assert "not TOML" in errors_of("name = ")["manifest.toml"]


def test_settings_that_are_missing_or_unknown_are_named() -> None:
    with pytest.raises(Invalid) as caught:
        parse_manifest(GOOD, "acme").settled_config({"bas_url": "u"})
    assert {error.loc for error in caught.value.errors} == {("acme", "base_url"), ("acme", "bas_url")}


def no_http(manifest: Manifest, config: Any) -> Any:
    return SimpleNamespace(manifest=manifest, config=config, clock=None)


def test_vendors_are_found_and_made_once() -> None:
    vendors = load_registry(no_http, {"sandbox": {"base_url": "http://localhost:1"}})
    assert vendors.driver("sandbox") is vendors.driver("sandbox")
    assert "sandbox" in {m.name for m in vendors.manifests()}


def test_an_operators_budgets_replace_those_of_the_manifest() -> None:
    usual = load_registry(no_http, {}).manifest("sandbox")
    assert (usual.app_budgets, usual.account_budgets) == ((), (Budget(1200, 60.0),))
    given = {"base_url": "http://localhost:1", "app_budget": "25/60,3000/86400", "account_budget": "unlimited"}
    vendors = load_registry(no_http, {"sandbox": given})
    changed = vendors.manifest("sandbox")
    assert (changed.app_budgets, changed.account_budgets) == ((Budget(25, 60.0), Budget(3000, 86_400.0)), ())
    driver: Any = vendors.driver("sandbox")
    assert driver._http.manifest is changed, "the driver's way out counts them"
    with pytest.raises(Invalid, match=r"sandbox\.app_budget: must be calls/seconds"):
        load_registry(no_http, {"sandbox": {"app_budget": "a lot"}})


def test_a_vendor_without_its_settings_is_not_offered() -> None:
    vendors = load_registry(no_http, {})
    assert "sandbox" not in {m.name for m in vendors.manifests()}
    assert "sandbox" in {m.name for m in vendors.all_manifests()}
    with pytest.raises(Invalid, match="base_url"):
        vendors.driver("sandbox")
    with pytest.raises(NotFound, match="acme"):
        vendors.driver("acme")


def test_a_package_of_ones_own_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "acme_heat"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "manifest.toml").write_text(GOOD)
    (package / "driver.py").write_text(
        "class Driver:\n    def __init__(self, http, config):\n        self.config = config"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "entry_points", lambda group: [SimpleNamespace(module="acme_heat")])
    driver: Any = load_registry(no_http, {"acme": {"base_url": "u"}}).driver("acme")
    assert driver.config == {"base_url": "u", "secret": "x"}


@pytest.mark.parametrize("vendor", find_vendors().values(), ids=lambda v: v.manifest.name)
def test_every_folder_is_complete(vendor: Any) -> None:
    folder = registry.files(vendor.package)
    for name in ("manifest.toml", "driver.py", "points.py", "emulator.py", "README.md", "level.txt"):
        assert (folder / name).is_file(), f"{vendor.package}/{name} is missing"
    assert {Channel(lever) for lever in vendor.manifest.levers} <= vendor.manifest.channels, "levers must be readable"
