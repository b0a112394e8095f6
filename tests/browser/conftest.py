"""For each file one browser and one real platform of its own; for each test a page that is signed in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser.console_page import Console, running_browser, signed_in
from workerd.local_platform import LocalPlatform, running_platform


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path_factory.mktemp("console"), "--no-reload") as running:
        yield running


@pytest.fixture
def console(browser: Browser, local: LocalPlatform) -> Iterator[Console]:
    with signed_in(browser, local) as page:
        yield page
