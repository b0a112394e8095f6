"""Gives each test its own Desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.desk import Desk

from fakes.cloudflare_rest.account import CloudflareStandIn, served


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    cloudflare = CloudflareStandIn()
    with served(cloudflare) as base_url:
        yield Desk(tmp_path, cloudflare, base_url)
