"""Compiles the cluster extension when the package is built or installed, where there is a JDK."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _builder(root: str) -> ModuleType:
    """The package's own build step; the package itself cannot be imported yet."""
    path = Path(root, "h2o_gan", "extension", "build.py")
    spec = importlib.util.spec_from_file_location("extension_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ExtensionHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling calls it before it packs."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the compiler needs beside a JDK; nothing where there is none."""
        return ["h2o>=3.40"] if _builder(self.root).find_javac() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the jar; where that fails the package is built without it."""
        if self.target_name != "wheel":
            return
        builder = _builder(self.root)
        jar = Path(self.root, "h2o_gan", "extension", "h2o_gan.jar")
        try:
            if not builder.is_current(jar):
                builder.build(jar)
        except builder.BuildError as error:
            jar.unlink(missing_ok=True)  # One made from other sources would be worse than none.
            self.app.display_warning(str(error))
            return
        build_data["artifacts"].append("/h2o_gan/extension/h2o_gan.jar")
