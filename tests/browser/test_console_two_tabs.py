"""Two people, a platform that does not answer, a key that is not known: nothing is lost, and each is told."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from browser.console_page import Console, new_page, signed_in
from browser.made_data import STOCK, Made
from workerd.local_platform import API_KEY, LocalPlatform, running_platform

OWN, OTHERS = "# what I have written", "# what somebody else has pushed"


def open_stock(console: Console) -> None:
    console.open("workflows/stock_report")
    expect(console.editor).to_contain_text("name: stock_report")


def push(console: Console, action: str) -> None:
    console.page.get_by_role("button", name="Push", exact=True).click()
    console.page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()


def test_the_second_who_pushes_is_told(browser: Browser, local: LocalPlatform) -> None:
    with local.executor as client:
        Made(client).push(STOCK)
    with signed_in(browser, local) as one, signed_in(browser, local) as other:
        for console, text in ((one, OWN), (other, OTHERS)):
            open_stock(console)
            console.write(f"{STOCK}{text}\n")
        push(other, "Push")
        expect(other.page.get_by_text("no new version")).to_be_visible()  # a comment only, but it is theirs
        one.page.get_by_role("button", name="Push", exact=True).click()
        dialog = one.page.get_by_role("dialog")
        expect(dialog.get_by_text("was pushed meanwhile")).to_be_visible()
        expect(dialog).to_contain_text(OTHERS)  # the difference is that to the newest
        dialog.get_by_role("button", name="Cancel").click()
        expect(one.editor).to_contain_text(OWN)  # and what one has written is still there
        one.open("runs")
        open_stock(one)  # also after a look at something else
        expect(one.editor).to_contain_text(OWN)
        push(one, "Push over it")
        expect(one.page.get_by_text("no new version")).to_be_visible()
        other.open("runs")
        open_stock(other)
        expect(other.editor).to_contain_text(OWN)  # an untouched text follows


def test_who_pushes_while_another_looks_at_the_difference_is_not_overwritten(
    browser: Browser, local: LocalPlatform
) -> None:
    text = STOCK.replace("stock_report", "raced")
    with local.executor as client, signed_in(browser, local) as console:
        Made(client).push(text)
        page = console.page
        console.open("workflows/raced")
        console.write(f"{text}keep_days: 3\n")
        page.get_by_role("button", name="Push", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("keep_days: 3")
        Made(client).push(f"{text}keep_days: 4\n")
        console.watch.allowed.append("status of 409")
        dialog.get_by_role("button", name="Push", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text("Version 2 of `raced` was pushed meanwhile.")
        expect(dialog).to_contain_text("keep_days: 4")
        assert "keep_days: 4" in client.get("/webhooks/named/raced").json()["data"]["workflow"]
        dialog.get_by_role("button", name="Push over it").click()
        expect(page.get_by_text("Version 3 is live.")).to_be_visible()


def test_a_session_that_ends_loses_nothing(browser: Browser, local: LocalPlatform) -> None:
    with local.executor as client, signed_in(browser, local) as console:
        Made(client).push(STOCK)
        open_stock(console)
        console.write(f"{STOCK}{OWN}, again\n")
        client.delete("/sessions")
        console.watch.allowed.append("status of 401")
        console.page.get_by_role("button", name="Push", exact=True).click()
        console.enter_key(API_KEY)
        expect(console.editor).to_contain_text(f"{OWN}, again")


def test_who_signs_out_leaves_no_draft_to_the_next(browser: Browser, local: LocalPlatform) -> None:
    with local.executor as client, signed_in(browser, local) as console:
        Made(client).push(STOCK)
        open_stock(console)
        console.write(f"{STOCK}# private\n")
        expect(console.page.get_by_text("not pushed")).to_be_visible()
        console.page.get_by_role("button", name="Sign out").click()
        dialog = console.page.get_by_role("dialog")
        expect(dialog).to_contain_text("stock_report")
        dialog.get_by_role("button", name="Sign out").click()
        console.enter_key(API_KEY)
        open_stock(console)
        expect(console.editor).not_to_contain_text("private")

        console.write(f"{STOCK}# private\n")
        made = client.post("/keys", json={"name": "colleague", "can": "push"}).json()["data"]
        client.delete("/sessions")  # it ends by itself, and somebody else comes
        console.watch.allowed.append("status of 401")
        console.page.get_by_role("button", name="Push", exact=True).click()
        console.enter_key(made["key"])
        expect(console.editor).to_contain_text("name: stock_report")
        expect(console.editor).not_to_contain_text("private")


def test_a_new_workflow_of_a_name_that_is_taken_is_told(browser: Browser, local: LocalPlatform) -> None:
    with local.executor as client:
        Made(client).push(STOCK.replace("stock_report", "greet"))
    with signed_in(browser, local) as console:
        console.open("new")
        console.page.get_by_role("button", name="Tidy a name up and greet its owner.").click()
        console.page.get_by_role("button", name="Push", exact=True).click()
        expect(console.page.get_by_text("There is a workflow greet already, at version 1")).to_be_visible()
        console.page.get_by_role("dialog").get_by_role("button", name="Push over it").click()
        expect(console.page.get_by_text("Version 2 is live.")).to_be_visible()


def test_two_tabs_of_one_browser_share_a_session(browser: Browser, local: LocalPlatform) -> None:
    with signed_in(browser, local) as console:
        second = Console(console.page.context.new_page(), local, console.watch)
        second.page.goto(f"{console.origin}/console/#/runs")
        expect(second.page.get_by_role("heading", name="Runs")).to_be_visible()
        console.page.get_by_role("button", name="Sign out").click()
        expect(console.page.get_by_label("API key")).to_be_visible()
        console.watch.allowed.append("status of 401")
        second.page.evaluate("location.hash = '#/keys'")
        expect(second.page.get_by_label("API key")).to_be_visible()  # told by the first answer


def test_a_wrong_key_is_told(browser: Browser, local: LocalPlatform) -> None:
    with new_page(browser, local) as console:
        console.watch.allowed.append("status of 401")
        page = console.page
        page.goto(f"{console.origin}/console/#/runs")
        console.enter_key("not-the-key")
        expect(page.get_by_role("alert")).to_contain_text("This key is not known here, or no longer.")
        assert page.context.cookies() == []
        console.enter_key(API_KEY)
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()  # where one wanted to go
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
        assert API_KEY not in kept
        [cookie] = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", True)


def test_a_link_signs_in_once(browser: Browser, local: LocalPlatform) -> None:
    with local.executor as client:
        url = client.post("/session/links", json={"read_only": True}).json()["data"]["url"]
    with new_page(browser, local) as console:
        page = console.page
        page.goto(url)
        expect(page.get_by_role("navigation", name="Menu")).to_contain_text("Workflows")
        assert "link=" not in page.url
        expect(page.get_by_role("link", name="New workflow")).to_have_count(0)  # it may only look
    with new_page(browser, local) as console:
        console.watch.allowed.append("status of 401")
        console.page.goto(url)
        expect(console.page.get_by_role("alert")).to_contain_text("This link was used already")


def test_a_lost_connection_loses_nothing(browser: Browser, tmp_path: Path) -> None:
    with running_platform(tmp_path, "--no-reload") as platform:
        port = platform.urls["executor"].rpartition(":")[2]
        with platform.executor as client:
            Made(client).push(STOCK)
        with new_page(browser, platform) as console:
            console.watch.allowed.append("ERR_CONNECTION|ERR_EMPTY|ERR_SOCKET|status of 50")
            page = console.page
            console.sign_in()
            open_stock(console)
            stop(platform)
            console.write(f"{STOCK}{OWN}\n")
            expect(page.get_by_role("alert").first).to_contain_text("The platform does not answer.")
            push(console, "Push")
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_role("alert").first).to_contain_text("The platform does not answer.")
            page.keyboard.press("Escape")
            console.page.evaluate("location.hash = '#/runs'")
            expect(page.get_by_role("alert").first).to_contain_text("What you have typed is still here.")
            console.page.evaluate("location.hash = '#/workflows/stock_report'")
            with running_platform(tmp_path, "--no-reload", "--port", port):
                expect(console.editor).to_contain_text(OWN)
                push(console, "Push")
                expect(page.get_by_text("no new version")).to_be_visible()
                expect(page.get_by_role("alert")).to_have_count(0)
                console.open("runs")
                expect(page.get_by_text("No runs yet.")).to_be_visible()


def stop(platform: LocalPlatform) -> None:
    platform.process.terminate()
    platform.process.wait(30)
