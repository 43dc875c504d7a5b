"""Says which Japanese pages are out of step with the English ones, or notes a translation.

Without arguments it lists what differs; its exit status is 1 if anything does. After a section was
translated, `--update PAGE SECTION` records the digest of its English text, so that the next change
of that text is noticed. SECTION is the English heading. `--leave-out` records that a section is not
translated. A page that has no record yet gets one by `--update PAGE SECTION --english ENGLISH`.
"""

import argparse
import sys
from pathlib import Path

from tools.japanese.compare import differences
from tools.japanese.pages import (
    LEFT_OUT,
    Page,
    PageError,
    Record,
    japanese_pages,
    read_page,
    read_record,
    with_record,
)
from tools.japanese.wording import wording_faults

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def main(arguments: list[str] | None = None, repository: Path = REPOSITORY) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.japanese", description=__doc__)
    parser.add_argument("--update", metavar=("PAGE", "SECTION"), nargs="+")
    parser.add_argument("--leave-out", action="store_true")
    parser.add_argument("--english", help="the English page, for a page that is new")
    options = parser.parse_args(arguments)
    if options.update is None:
        return _list(repository)
    page, *sections = options.update
    if not sections:
        parser.error("name each section that you have translated, by its English heading")
    try:
        _update(repository, page, sections, options.english, leave_out=options.leave_out)
    except (PageError, OSError) as error:
        print(f"{page}: {error}", file=sys.stderr)
        return 1
    return 0


def _list(repository: Path) -> int:
    found = [
        line
        for path in japanese_pages(repository)
        for line in (*differences(repository, path), *wording_faults(repository, path))
    ]
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


def _update(
    repository: Path, name: str, sections: list[str], new: str | None, *, leave_out: bool
) -> None:
    page = read_page(repository / name)
    before = Record(new, []) if new else read_record(page)
    english = read_page(repository / before.english)
    if unknown := set(sections) - {each.heading for each in english.sections}:
        raise PageError(f"{before.english} has no section {', '.join(sorted(unknown))}")
    recorded = dict(before.digests)
    digests = []
    for section in english.sections:
        if section.heading in sections:
            digests.append((section.heading, LEFT_OUT if leave_out else section.digest))
            print(f"{name}: {section.heading}: {digests[-1][1]}")
        elif section.heading in recorded:
            digests.append((section.heading, recorded[section.heading]))
    after = Page(page.path, with_record(page, Record(before.english, digests)))
    page.path.write_text(after.text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
