"""One Chromium for all tests, and one planted report; without a browser the tests skip and say why."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from page_files import make_report, plant_clip, plant_regressors

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser on this machine: looked for {', '.join(BROWSERS)}")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: tests)")
    with api.sync_playwright() as driver:
        # The sandbox needs rights that containers do not give; the page is our own file.
        with_it = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield with_it
        with_it.close()


@pytest.fixture(scope="session")
def planted(tmp_path_factory, body, make_bodies, open_config):
    generator = np.random.default_rng(7)
    regressors = plant_regressors(body, generator)
    clip = plant_clip(body, make_bodies, generator)
    folder = tmp_path_factory.mktemp("report")
    path = make_report(folder, body, regressors, clip, open_config.model_dump(mode="json"))
    return SimpleNamespace(path=path, regressors=regressors, clip=clip, folder=folder)


@pytest.fixture
def open_page(browser, planted):
    """Function (options of the context) -> the page, with what it `said` and `asked` for."""
    contexts = []

    def opened(**options):
        options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True} | options
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(60_000)  # ms; other work may take the processor meanwhile
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(planted.path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
