"""Puts files of the checkout's root into the wheel: the two of npm, and the menu of docs/.

Not `force-include` in pyproject.toml: that would also put them beside an editable install.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("package.json", "package-lock.json", "mkdocs.yml")


class PlatformFilesHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update({f"{self.root}/{name}": f"acr/platform/{name}" for name in FILES})
