"""A large CSV through the browser: from the click on Upload to the saved data set, with the memory of every process meanwhile.

python -m tests.benchmarks.upload --rows 1000000
"""

import argparse
import re
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.data import write_csv
from tests.chromium import LAUNCH
from tests.lab import Lab


class Peaks(threading.Thread):
    """The largest memory in MB that each process of the laboratory was seen to hold, by the end of its command line."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self.lab, self.megabytes, self.over = lab, dict[str, int](), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            for pid in self.lab.processes():
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ").strip()
                except OSError:
                    continue
                if resident := re.search(r"VmRSS:\s+(\d+)", status):
                    name = f"{pid} …{command[-60:]}"
                    self.megabytes[name] = max(self.megabytes.get(name, 0), int(resident[1]) // 1024)


def bring(lab: Lab, page: Page, path: Path) -> None:
    """Print the seconds of each phase, as the page states them."""
    begun = phase_begun = time.monotonic()
    phase, seen = "upload", 0

    def enter(following: str) -> None:
        nonlocal phase, phase_begun, seen
        print(f"{phase}: {time.monotonic() - phase_begun:.1f} s, progress seen at {seen} moments", flush=True)
        phase, phase_begun, seen = following, time.monotonic(), 0

    page.goto(lab.login_link)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{lab.url}/datasets/upload/")
    page.get_by_label("File").set_input_files(path)
    begun = phase_begun = time.monotonic()
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/imports/\d+/$"), timeout=600_000)
    enter("mapping")
    page.get_by_label("Text", exact=True).fill("{title}\\n{body}")
    page.get_by_role("button", name=re.compile("^Check")).click()
    answer = ""
    while not page.get_by_role("heading", name="Save", exact=True).count():
        state = page.evaluate(
            "[document.querySelector('.subtitle')?.textContent, document.querySelector('[role=progressbar]')?.ariaValueNow]"
        )
        if state[0] and state[0] != answer:
            answer = state[0]
            enter(answer.partition(". This")[0])
        seen += 1
        time.sleep(0.5)
    enter("saving")
    page.get_by_role("button", name="Save the data set").click()
    page.wait_for_url(re.compile(r"/datasets/[\w-]+/$"), timeout=60_000)
    enter("")
    print(f"in all: {time.monotonic() - begun:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.csv"
        write_csv(path, arguments.rows)
        print(f"{path.stat().st_size / 1e6:.0f} MB")
        with Lab(Path(folder) / "lab") as lab, sync_playwright() as playwright:
            peaks = Peaks(lab)
            peaks.start()
            browser = playwright.chromium.launch(**LAUNCH)
            bring(lab, browser.new_page(), path)
            browser.close()
            peaks.over.set()
        for name, megabytes in sorted(peaks.megabytes.items(), key=lambda item: -item[1])[:5]:
            print(f"{megabytes} MB {name}")


if __name__ == "__main__":
    main()
