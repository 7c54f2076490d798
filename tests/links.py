"""Every relative link in the project's Markdown leads somewhere. Run by ``make check``."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def broken() -> list[str]:
    """``file: link`` for each link that leads nowhere."""
    skip = {".venv", "out", "node_modules"}
    pages = [p for p in ROOT.rglob("*.md") if not skip & set(p.relative_to(ROOT).parts)]
    return [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]


if __name__ == "__main__":
    lost = broken()
    sys.stdout.write("\n".join(lost) + "\n" if lost else "every link in the documents leads somewhere\n")
    sys.exit(bool(lost))
