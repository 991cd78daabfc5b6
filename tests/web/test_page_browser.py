"""The Monitor page in a real headless Chromium: a person's steps, live changes, keys, a phone, and no JavaScript.

Without Chromium these tests are skipped by name; with JOBCTL_BROWSER=required, as in CI, its absence fails them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.conftest import Jobctl, StartDaemon
from tests.web.conftest import StartServe
from tests.web.serving import Served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = os.environ.get("JOBCTL_BROWSER") == "required"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
AT_END = "(log => log.scrollTop + log.clientHeight >= log.scrollHeight - 2)(document.getElementById('log'))"
HOSTILE = "echo '<script>document.title=1</script>'; echo \"<img src=x onerror=document.title=1>\" >&2; exit 3"


class OpenPage(Protocol):
    def __call__(self, **options: Any) -> Page: ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if NEEDED:
            pytest.fail("there is no Chromium, and JOBCTL_BROWSER=required wants one: apt-get install chromium")
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root; it loads nothing here but the page that is tested.
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def served(serve: StartServe) -> Served:
    return serve()


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Iterator[OpenPage]:
    """Opens pages; what their policy refuses, and each error of a script, fails the test."""
    complaints: list[str] = []
    contexts = []

    def complain(message: ConsoleMessage) -> None:
        # A page with the status of a refusal is no fault of it.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            complaints.append(message.text)

    def opened(**options: Any) -> Page:
        settings = {"viewport": DESKTOP, "locale": "en-GB", **options}
        contexts.append(browser.new_context(base_url=served.url, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def sign_in(page: Page, token: str, at: str = "/") -> None:
    page.goto(at)
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    page.wait_for_selector("form.leave")


def row(page: Page, sequence: int) -> Any:
    return page.locator(f"#r{sequence}")


def test_a_person_finds_what_failed_and_runs_it_again(
    jobctl: Jobctl, daemon: StartDaemon, token: str, open_page: OpenPage, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    jobctl("add", "nightly", "--cron", "30 2 * * *", "--", "true", expect=0)
    jobctl("add", "invoices", "--command", f"test -e {go} && echo sent && exit; {HOSTILE}", expect=0)
    daemon()
    jobctl("run", "invoices", "--wait")
    page = open_page()
    sign_in(page, token)
    expect(page).to_have_url(re.compile("/monitor$"))

    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"/monitor\?status=failed$"))
    expect(page.locator("#rows tr")).to_have_count(1)
    row(page, 2).get_by_role("link", name="invoices").click()

    expect(page.locator("#log")).to_contain_text("<script>document.title=1</script>")
    expect(page.locator("#log .stderr")).to_contain_text("<img src=x onerror=document.title=1>")
    assert page.title() == "2 invoices · jobctl"
    go.touch()
    page.get_by_role("button", name="Run again").click()
    expect(page).to_have_url(re.compile(r"/monitor/3\?done=rerun&of=2$"))
    expect(page.locator("#standing .status")).to_have_text("succeeded")  # without being loaded again
    expect(page.locator("#log")).to_contain_text("sent")

    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("row", name="nightly").get_by_role("link").nth(1).click()
    until = (datetime.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    page.get_by_label("Until").fill(f"{until:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Postpone").click()
    expect(page.get_by_role("status").first).to_have_text("1 is postponed.")
    expect(page.locator("#standing .status")).to_have_text("waiting (postponed)")
    due = jobctl("show", "1", "--json", expect=0).json["system_job"]["due_at"]
    assert datetime.fromisoformat(due) == until.astimezone()


def test_the_table_changes_while_a_person_looks_on(
    jobctl: Jobctl, daemon: StartDaemon, token: str, open_page: OpenPage, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    jobctl("add", "slow", "--command", f"until test -e {go}; do sleep 0.02; done; exit 5", expect=0)
    page = open_page()
    sign_in(page, token)
    expect(page.locator("#live .words")).to_have_text("Live")
    expect(page.locator("#none")).to_be_visible()
    page.evaluate("window.same = true")
    jobctl("run", "slow", expect=0)
    expect(row(page, 1)).to_contain_text("ready")
    expect(page.locator("#none")).to_be_hidden()
    expect(page.locator("#totals")).to_contain_text("No daemon is running")
    daemon()
    expect(row(page, 1)).to_contain_text("in progress")
    expect(page.locator("#totals")).to_contain_text("1 running")
    expect(row(page, 1).locator("[data-running]")).to_have_text(re.compile("^[1-9]s$"))  # it counts on
    go.touch()
    expect(row(page, 1)).to_contain_text("failed (exit 5)")
    expect(page.locator("#announcer")).to_have_text("1 slow: failed (exit 5)")
    page.get_by_role("button", name="Stop updates").click()
    expect(page.locator("#live .words")).to_have_text("Updates are off")
    jobctl("run", "--", "true", expect=0)
    jobctl("wait", "2", expect=0)
    expect(row(page, 2)).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(row(page, 2)).to_contain_text("succeeded")
    assert page.evaluate("window.same")  # all of it without loading the page again


def test_a_log_and_progress_are_followed(
    jobctl: Jobctl, daemon: StartDaemon, token: str, open_page: OpenPage, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    report = " ".join(jobctl.command("report", "--progress", "40", "--stage", "copying"))
    script = f"seq 100; {report}; echo '<b>half</b>'; until test -e {go}; do sleep 0.02; done; echo done; false"
    path = f"PYTHONPATH={jobctl.environment['PYTHONPATH']}"
    jobctl("add", "slow", "--env", path, "--command", script, expect=0)
    daemon()
    page = open_page()
    sign_in(page, token, "/monitor/jobs/slow")
    page.get_by_label("Data (JSON), if any").fill('{"a": 1}')
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#log")).to_contain_text("<b>half</b>")
    expect(page.locator("#standing progress")).to_have_attribute("value", "40.0")
    expect(page.locator("#standing")).to_contain_text("copying")
    assert page.locator("#log b").count() == 0
    page.locator("#for").fill("3")
    page.locator("#for").focus()
    assert page.evaluate(AT_END)
    jobctl("postpone", "1", "--for", "1h", "--wait", expect=0)
    expect(page.locator("#standing .status")).to_have_text("waiting (postponed)")
    expect(page.locator("#do-resume")).to_be_visible()
    expect(page.locator("#for")).to_be_focused()  # what a person typed is still there
    expect(page.locator("#for")).to_have_value("3")
    go.touch()
    page.locator("#do-resume").click()
    expect(page.locator("#standing .status")).to_have_text("failed (exit 1)")
    expect(page.locator("#log")).to_contain_text("done")
    expect(page.locator("#live")).to_be_hidden()


def test_canceling_is_asked_about(jobctl: Jobctl, token: str, open_page: OpenPage) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("run", "noop", expect=0)
    page = open_page()
    sign_in(page, token, "/monitor/1")
    questions: list[str] = []

    def answer(dialog: Any) -> None:
        questions.append(dialog.message)
        if len(questions) == 1:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#standing .status")).to_have_text("ready")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#standing .status")).to_have_text("canceled (by a user)")
    assert questions == ["Cancel system job 1?"] * 2


def test_a_refusal_is_shown_where_it_was_asked(jobctl: Jobctl, token: str, open_page: OpenPage) -> None:
    jobctl("add", "noop", "--", "true", expect=0)
    jobctl("run", "noop", expect=0)
    page = open_page()
    sign_in(page, token, "/monitor/1")
    page.get_by_role("button", name="Stop updates").click()
    jobctl("cancel", "1", expect=0)
    page.locator("#for").fill("2h")
    with page.expect_response(re.compile("/postpone$")) as answer:
        page.get_by_role("button", name="Postpone").click()
    assert answer.value.status == 409
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("system job 1 is completed (canceled, user): postpone is not legal; legal: rerun")


def test_the_keyboard_is_enough(jobctl: Jobctl, daemon: StartDaemon, token: str, open_page: OpenPage) -> None:
    jobctl("add", "fails", "--", "false", expect=0)
    daemon()
    jobctl("run", "fails", "--wait")
    page = open_page()
    page.goto("/")
    page.keyboard.type(token)  # the field has the focus
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#r1') !== null"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "2px"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/monitor/1$"))
    page.locator("#do-rerun").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/monitor/2"))


def test_without_javascript_everything_can_be_read_and_asked(
    jobctl: Jobctl, daemon: StartDaemon, token: str, open_page: OpenPage
) -> None:
    jobctl("add", "hourly", "--every", "1h", "--start", "2099-01-01T00:00Z", "--command", HOSTILE, expect=0)
    daemon()
    jobctl("run", "hourly", "--wait")
    page = open_page(java_script_enabled=False)
    sign_in(page, token)
    expect(page.locator("#live")).to_be_hidden()
    row(page, 2).get_by_role("link").first.click()
    expect(page.locator("#log")).to_contain_text("<script>")
    page.locator("#do-rerun").click()
    expect(page).to_have_url(re.compile("/monitor/3"))
    for view in ("Month", "Timeline", "Jobs"):
        page.get_by_role("link", name=view, exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/monitor/jobs/hourly")
    page.locator("#do-unschedule").click()
    expect(page.get_by_role("status").first).to_have_text("The schedule of hourly has ended.")


@pytest.mark.parametrize(
    ("theme", "device", "language"),
    [
        ("light", "desktop", "en-GB"),
        ("dark", "desktop", "es-ES"),
        ("light", "phone", "es-ES"),
        ("dark", "phone", "en-GB"),
    ],
)
def test_every_view_is_accessible_and_fits(
    jobctl: Jobctl,
    daemon: StartDaemon,
    token: str,
    open_page: OpenPage,
    theme: Any,
    device: str,
    language: str,
) -> None:
    jobctl("add", "nightly", "--cron", "30 2 * * *", "--description", "Copies the ledger", "--", "true", expect=0)
    jobctl("add", "fails", "--command", HOSTILE, expect=0)
    jobctl("add", "slow", "--", "sleep", "100", expect=0)
    daemon("--shutdown-timeout", "0s")
    jobctl("run", "fails", "--wait")
    jobctl("run", "slow", expect=0)
    jobctl("run", "--", "true", "x" * 200, expect=0)
    jobctl("wait", "4", expect=0)
    jobctl("add", "tonight", "--at", "23:59:59.999", "--", "true", expect=0)  # today is the month's busiest day
    jobctl("add", "rests", "--every", "1d", "--start", "2099-01-01T00:00Z", "--", "true", expect=0)
    jobctl("unschedule", "rests", "--until", "2099-02-01T00:00Z", expect=0)
    viewport = PHONE if device == "phone" else DESKTOP
    page = open_page(viewport=viewport, color_scheme=theme, locale=language, has_touch=device == "phone")
    page.goto("/")
    check_view(page, "the sign-in page")
    page.locator("#token").fill(token)
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows")
    for view in ("", "?state=nothing", "/1", "/2", "/3", "/4", "/jobs", "/jobs/rests", "/month", "/timeline", "/x"):
        page.goto(f"/monitor{view}")
        check_view(page, view)
    assert page.evaluate("document.documentElement.lang") == language[:2]


WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(one => one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML.slice(0, 120))"""
"""What reaches beyond the window."""


def check_view(page: Page, view: str) -> None:
    """No violation that axe knows of, and nothing that makes the page scroll sideways."""
    violations = Axe().run(page, options=RULES).response["violations"]
    found = [
        (one["id"], [(node["html"][:200], node["failureSummary"]) for node in one["nodes"]][:3]) for one in violations
    ]
    assert found == [], view
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        pytest.fail(f"{view} scrolls sideways: {page.evaluate(WIDE)}")
