"""Write the pages of this folder: ``make reference``."""

from pathlib import Path

from natron.reference import pages

for name, page in pages().items():
    Path(__file__).with_name(name).write_text(page())
