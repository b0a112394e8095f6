"""The page on which a Cloudflare token is made: permissions and name, as the dashboard reads them."""

import json
from urllib.parse import parse_qs, urlsplit

from acr.cloudflare.token_page import KV_PERMISSIONS, PLATFORM_PERMISSIONS, build_token_page


def test_the_page_has_the_permissions_filled_in() -> None:
    page = urlsplit(build_token_page("arcrun", PLATFORM_PERMISSIONS))
    query = {key: values[0] for key, values in parse_qs(page.query).items()}
    assert (page.netloc, page.path) == ("dash.cloudflare.com", "/profile/api-tokens")
    assert {each["key"]: each["type"] for each in json.loads(query["permissionGroupKeys"])} == {
        "workers_scripts": "edit",
        "workers_kv_storage": "edit",
        "workers_r2": "edit",
        "account_settings": "read",
    }
    assert (query["accountId"], query["zoneId"], query["name"]) == ("*", "all", "arcrun")


def test_a_page_can_be_of_one_account() -> None:
    page = build_token_page("arcrun: Workers KV only", KV_PERMISSIONS, "abc")
    assert parse_qs(urlsplit(page).query)["accountId"] == ["abc"]
    assert " " not in page
