"""Sphinx: the pages of docs/, staged by tools/site.py, as a site that fetches nothing from elsewhere."""

import os

project = "vps-firewall"
author = "vps-firewall maintainers"
release = os.environ["VPS_FIREWALL_VERSION"]
html_title = f"vps-firewall {release}"
extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # HCL as it is today, and YAML that must be refused
pygments_style, pygments_dark_style = "friendly", "github-dark"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_last_updated_fmt = None
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
_FONTS = {
    "font-stack": "Inter, system-ui, sans-serif",
    "font-stack--monospace": "'JetBrains Mono', ui-monospace, monospace",
}
html_theme_options = {"light_css_variables": _FONTS, "dark_css_variables": _FONTS}
