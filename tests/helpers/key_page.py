"""Writes docs/keys.md and the tables of keys in both READMEs anew: `PYTHONPATH=tests:. python -m helpers.key_page`."""

from __future__ import annotations

import re
from pathlib import Path

from widgets import i18n
from widgets.commands import Command, Context, told, told_keys
from widgets.i18n import Language, tr

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "keys.md"
READMES = {Language.EN: ROOT / "README.md", Language.VI: ROOT / "README.vi.md"}
IN_README = (Context.WINDOW, Context.ALARMS, Context.NUMBERS)
"""What a newcomer needs; the rest is on the page."""
_BEGIN, _END = "<!-- keys: made by tests/helpers/key_page.py -->", "<!-- /keys -->"
_HEAD = """# Keys · Phím

For printing. On the screen: Ctrl+H; Ctrl+F finds a command by its words. Để in ra. Trên màn hình: Ctrl+H; Ctrl+F tìm
lệnh theo tên. Made from the table in `widgets/commands.py` by `tests/helpers/key_page.py`; a test holds them equal.
"""


def _keys(command: Command) -> str:
    return told_keys(command) or tr(f"command_key.{command.id}")


def _cell(words: str) -> str:
    return words.replace("|", r"\|")


def page() -> str:
    """docs/keys.md, both languages side by side."""
    lines = [_HEAD]
    for context, rows in told():
        sides = []
        for language in (Language.EN, Language.VI):
            i18n.set_language(language)
            title = tr(f"command_group.{context}")
            sides.append((title, [(_cell(_keys(c)), _cell(tr(f"command.{c.id}"))) for c in rows]))
        (en, left), (vi, right) = sides
        lines += [f"## {en} · {vi}", "", "| key · phím | does | tác dụng |", "|---|---|---|"]
        for (key, does), (phim, viec) in zip(left, right, strict=True):
            lines.append(f"| {key if key == phim else f'{key}<br>{phim}'} | {does} | {viec} |")
        lines.append("")
    return "\n".join(lines)


def readme_table(language: Language) -> str:
    """The part of a README between its two marks."""
    i18n.set_language(language)
    head = "| key | does |" if language is Language.EN else "| phím | tác dụng |"
    rows = [c for context, commands in told() if context in IN_README for c in commands]
    lines = [f"| {_cell(_keys(c))} | {_cell(tr(f'command.{c.id}'))} |" for c in rows]
    return "\n".join((_BEGIN, head, "|---|---|", *lines, _END))


def with_table(text: str, language: Language) -> str:
    """`text` of a README with its table as it should be. Raises ValueError where the marks are missing."""
    parts = re.split(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", text, flags=re.S)
    if len(parts) != 2:
        raise ValueError(f"the README has not one part between {_BEGIN} and {_END}")
    return parts[0] + readme_table(language) + parts[1]


def main() -> None:
    i18n.load(ROOT / "resources" / "i18n")
    PAGE.write_text(page(), encoding="utf-8")
    for language, readme in READMES.items():
        readme.write_text(with_table(readme.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
