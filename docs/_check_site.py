"""Looks at the built site: `python docs/_check_site.py [site]`; every link and picture leads to something there.

With `--browser` every page is opened in Chromium as well, for which selenium and chromedriver have to be installed:
nothing may be reported on the console or fail to load, pictures have a size, and the search finds what it is asked for.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

#: what is searched for -> the page that has to be among the first results
SEARCHES = {
    "conv2d": "reference/ops/convolution/#torch.conv2d", "Adam": "reference/optim/#torch.optim.Adam",
    "autocast": "amp/#autocast", "DataLoader": "reference/utils_data/#torch.utils.data.DataLoader",
}  # fmt: skip
FIRST = 5
#: what `--pictures` takes pictures of
PICTURED = (
    "", "coming_from_pytorch/", "coverage/differences/", "coverage/ops/", "reference/ops/convolution/",
    "reference/optim/#torch.optim.Adam", "reference/tensor/", "changelog/",
)  # fmt: skip


class Page(HTMLParser):
    """What a page links to and loads, and the places in it that links may name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes links and places."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.places.add(value or "")
            elif name in ("href", "src") and value:
                self.targets.add(value)


def broken(site: Path) -> list[str]:
    """'page: target' of every link that leads nowhere, or out of the site to load something."""
    pages = {
        file: Page(file.read_text(encoding="utf-8"))
        for file in sorted(site.rglob("*.html"))
        if file.name != "404.html"  # its links begin at the root of a server
    }
    wrong = []
    for file, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            place = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            place = place / "index.html" if place.is_dir() else place
            known = pages[place].places if place in pages else set()
            if not place.exists() or (parts.fragment and unquote(parts.fragment) not in known):
                wrong.append(f"{file.relative_to(site)}: {target}")
    return wrong


# ---- in a browser --------------------------------------------------------------------------------------------


def served(site: Path) -> http.server.ThreadingHTTPServer:
    """A server of the site on a free port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def browser() -> Any:
    """A Chromium without a window, whose console is kept."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def opened(driver: Any, root: str, pages: list[str]) -> list[str]:
    """What opening each page shows to be wrong."""
    wrong = []
    for page in pages:
        driver.get(urljoin(root, page))
        wrong += [f"{page}: {entry['message']}" for entry in driver.get_log("browser")]
        empty = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
        wrong += [f"{page}: {source} is not shown" for source in driver.execute_script(empty)]
        loaded = "return performance.getEntriesByType('resource').map(e => e.name)"
        wrong += [f"{page} loads {u}" for u in driver.execute_script(loaded) if not u.startswith(root)]
    return wrong


def searched(driver: Any, root: str) -> list[str]:
    """The searches whose first results lack the page that they should find."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    wrong = []
    for words, page in SEARCHES.items():
        driver.get(f"{root}?q={words}")
        links = WebDriverWait(driver, 60).until(
            lambda d: d.find_elements(By.CSS_SELECTOR, ".md-search-result__link")
        )
        found = [urldefrag(link.get_attribute("href").replace(f"?h={words.lower()}", "")) for link in links]
        wanted = urldefrag(urljoin(root, page))
        print(
            f"search {words!r}: {len(links)} pages, place {found.index(wanted) + 1 if wanted in found else '-'}"
        )
        if wanted not in found[: 3 * FIRST]:
            wrong.append(f"search for {words!r} finds {found[:FIRST]} and not {page}")
    return wrong


def in_browser(site: Path, pictures: Path | None) -> list[str]:
    """Everything that a browser finds."""
    server, driver = served(site), browser()
    root = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        pages = [f"{file.parent.relative_to(site)}/" for file in sorted(site.rglob("index.html"))]
        wrong = opened(driver, root, pages) + searched(driver, root)
        print(f"{len(pages)} pages opened in Chromium {driver.capabilities['browserVersion']}")
        for page in PICTURED if pictures else ():
            driver.get(urljoin(root, page))
            driver.save_screenshot(
                str(pictures / f"{urldefrag(page)[0].strip('/').replace('/', '_') or 'home'}.png")
            )
        return wrong
    finally:
        driver.quit()
        server.shutdown()


def main() -> int:
    """Print what is wrong; the exit status says whether anything is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("site", nargs="?", type=Path, default=Path("site"))
    parser.add_argument("--browser", action="store_true", help="open every page in Chromium")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of some pages")
    args = parser.parse_args()
    site = args.site.resolve()
    wrong = broken(site) + (in_browser(site, args.pictures) if args.browser else [])
    print("\n".join(wrong) or "every link leads somewhere")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
