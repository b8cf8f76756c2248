"""A new vendor's folder to begin with: it signs in, lists devices and survives; reading and steering are to be written.

The texts lie in ``template/``; ``heatfleet new-driver`` writes them to where they belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from heatfleet.domain.errors import Invalid
from heatfleet.vendors.kit.manifest import NAME, SignInKind

FILES = ("__init__.py", "manifest.toml", "driver.py", "points.py", "emulator.py", "README.md")

_STEPS = {
    SignInKind.REDIRECT: ("RedirectStep",),
    SignInKind.FORM: ("FormField", "FormStep"),
    SignInKind.DEVICE_CODE: ("DeviceCodeStep",),
    SignInKind.PAIR: ("PairStep",),
}
_ALWAYS = ("DeviceRef", "Grant", "Receipt", "Write")
_CODE = {
    SignInKind.DEVICE_CODE: "\n\nclass _Code(msgspec.Struct):\n    code: str\n    url: str\n    interval_s: int\n",
    SignInKind.PAIR: "\n\nclass _Code(msgspec.Struct):\n    code: str\n",
}
_PENDING = """    if error == "authorization_pending":
        return TryAgain("nobody has confirmed the code yet", after_s=5.0, code="sign_in_pending")
"""


def starter_files(name: str, sign_in: SignInKind, package: str) -> dict[str, str]:
    """File name → text of a new vendor's folder; raises :class:`Invalid` for a name that cannot be one."""
    if not NAME.fullmatch(name):
        raise Invalid.field(name, "must be lower-case letters and digits, and begin with a letter", where="NAME")
    words = _words(name, sign_in, package)
    return {file: _filled(f"{file}.txt", words) for file in FILES} | {"level.txt": _text("level.txt")}


def starter_project(name: str, package: str) -> str:
    """The ``pyproject.toml`` of a package of one's own, whose entry point makes the vendor found."""
    return _filled("pyproject.toml.txt", _words(name, SignInKind.REDIRECT, package))


def _words(name: str, sign_in: SignInKind, package: str) -> Mapping[str, str]:
    shows_a_code = sign_in in _CODE
    return {
        "name": name,
        "Title": name.title(),
        "package": package,
        "sign_in": str(sign_in),
        "sign_in_methods": _text(f"sign_in_{sign_in}.txt"),
        "urlencode": ", urlencode" if sign_in is SignInKind.REDIRECT else "",
        "TryAgain": ", TryAgain" if shows_a_code else "",
        "steps": ", ".join(sorted((*_ALWAYS, *_STEPS[sign_in]))),
        "code_struct": _CODE.get(sign_in, ""),
        "pending": _PENDING if shows_a_code else "",
    }


def _filled(file: str, words: Mapping[str, str]) -> str:
    text = _text(file)
    for name, word in words.items():
        text = text.replace(f"@@{name}@@", word)
    return text


def _text(file: str) -> str:
    return (files("heatfleet.vendors.kit") / "template" / file).read_text(encoding="utf-8")
