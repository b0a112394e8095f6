"""Gives each test its own Desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.desk import KEYS, Desk, copied

from fakes.cloudflare_rest.account import CloudflareStandIn, served


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    cloudflare = CloudflareStandIn()
    with served(cloudflare) as base_url:
        yield Desk(tmp_path, cloudflare, base_url)


@pytest.fixture(scope="session")
def first_deploy(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk after its first `acr init` and `acr deploy`, made once: staging all components takes seconds."""
    cloudflare, folder = CloudflareStandIn(), tmp_path_factory.mktemp("first-deploy")
    with served(cloudflare) as base_url:
        desk = Desk(folder, cloudflare, base_url)
        assert (desk.init(**KEYS).returncode, desk.deploy().returncode) == (0, 0)
    return desk


@pytest.fixture
def deployed_desk(first_deploy: Desk, tmp_path: Path) -> Iterator[Desk]:
    """A desk with both Workers deployed."""
    with copied(first_deploy, tmp_path) as desk:
        yield desk
