"""Makes the package ``heatfleet_client`` from ``openapi.json`` while the wheel is built; nothing generated is kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SETTINGS = "package_name_override: heatfleet_client\nliteral_enums: true\n"
BY_HAND = {"by_hand/auth.py": "auth.py", "by_hand/paging.py": "paging.py", "by_hand/init.py": "__init__.py"}


def one_media_type_per_body(schema: dict[str, Any]) -> None:
    """Keeps the first: of several with one model the generator makes modules that fail (its issues 1276 and 1451)."""
    for operation in (operation for item in schema["paths"].values() for operation in item.values()):
        content = operation.get("requestBody", {}).get("content", {})
        for media_type in list(content)[1:]:
            del content[media_type]


class GenerateClient(BuildHookInterface):
    """Runs the generator; anything in the schema that it cannot express ends the build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate, put the modules written by hand beside, and have all of it packed."""
        self.folder = Path(tempfile.mkdtemp())
        package, settings = self.folder / "heatfleet_client", self.folder / "settings.yaml"
        settings.write_text(SETTINGS, encoding="utf-8")
        schema = json.loads(Path(self.root, "openapi.json").read_text(encoding="utf-8"))
        one_media_type_per_body(schema)
        (self.folder / "openapi.json").write_text(json.dumps(schema), encoding="utf-8")
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
        paths = ["--path", f"{self.folder}/openapi.json", "--config", str(settings), "--output-path", str(package)]
        subprocess.run([*command, *paths], check=True)  # noqa: S603
        for ours, theirs in BY_HAND.items():
            shutil.copy(Path(self.root, ours), package / theirs)
        (package / "py.typed").touch()
        build_data["force_include"][str(package)] = "heatfleet_client"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was generated; the wheel has it."""
        shutil.rmtree(self.folder)
