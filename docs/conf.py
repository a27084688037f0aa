"""How the documents are built: `sphinx-build -W -b html docs docs/_build/html` (part of `make check`)."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
project = "Ampoule"
author = "the Ampoule contributors"
project_copyright = "2026, the Ampoule contributors"
release = re.search(r'__version__ = "([^"]+)"', (ROOT / "sts" / "__init__.py").read_text()).group(1)
version = release

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"Ampoule {release}"
html_show_sphinx = False
# Nothing is fetched from elsewhere when a page is read.
html_theme_options = {"source_view_link": "", "source_edit_link": ""}
