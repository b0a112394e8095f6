"""Views of the console for the documentation: docs/images/*.png, each small enough to be committed.

scripts/screenshots [NAME...]
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from browser.console_page import PHONE, Console, Scheme, running_browser, signed_in
from browser.made_data import make_shop
from workerd.local_platform import running_platform

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
MAX_BYTES = 150_000
DESK = (1180, 700)


def nothing(_: Console) -> None: ...


def choose_step(console: Console) -> None:
    console.page.locator('[data-node="price"]').click()
    console.settle()


def break_reference(console: Console) -> None:
    console.write(console.read_text().replace("{{items.data.rows}}", "{{item.data.rows}}"))
    console.page.get_by_role("list", name="Findings").wait_for()


def try_it(console: Console) -> None:
    console.page.get_by_role("button", name="Try it").click()
    console.settle()


@dataclass(frozen=True)
class View:
    """A view's address, with names of runs, and what is done there before the picture is taken."""

    route: str
    act: Callable[[Console], None] = nothing
    size: tuple[int, int] = DESK
    scheme: Scheme = "light"


VIEWS = {
    "workflows": View("workflows"),
    "edit": View("workflows/orders", choose_step),
    "diagnosis": View("workflows/stock_report", break_reference, size=(1180, 840)),
    "try": View("workflows/orders", try_it),
    "run": View("runs/{large}?node=price"),
    "run-failed": View("runs/{failed}"),
    "run-dark": View("runs/{good}?node=total", scheme="dark"),
    "runs": View("runs"),
    "approval-phone": View("runs/{asking}", size=PHONE),
    "component": View("components/http_request"),
}


def main(names: list[str]) -> None:
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_browser() as browser,
        running_platform(Path(folder), "--no-reload") as platform,
    ):
        runs = make_shop(platform)
        for name in names or VIEWS:
            view = VIEWS[name]
            with signed_in(browser, platform, view.size, view.scheme) as console:
                console.open(view.route.format(**runs))
                view.act(console)
                console.page.mouse.move(0, 0)
                picture = console.page.screenshot(animations="disabled", caret="hide")
            if len(picture) > MAX_BYTES:
                sys.exit(f"screenshots: {name} has {len(picture)} bytes, more than {MAX_BYTES}")
            (IMAGES / f"{name}.png").write_bytes(picture)
            sys.stdout.write(f"docs/images/{name}.png {len(picture)} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
