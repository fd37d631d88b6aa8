"""Sphinx's settings for `course site`, which gathers the pages and says where the scripts lie (course_lib/run/site.py)."""

from docutils import nodes

from course_lib.run.report import mathml

project = html_title = "Learning to see without labels"
language = "en"  # the British words of Sphinx lack the plural that its search needs
extensions = ["myst_nb", "sphinxcontrib.bibtex"]
bibtex_bibfiles = ["references.bib"]

html_theme = "sphinx_book_theme"
html_theme_options = {
    "footer_content_items": [],
    "navbar_persistent": [],  # the search field is in the side bar already
    "use_download_button": False,
    "use_fullscreen_button": False,
}
html_context = {"default_mode": "auto"}
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it would fetch pages, which a browser refuses without a server

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "attrs_block"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
nb_execution_mode = "off"
nb_ipywidgets_js = {"require.js": {}, "embed-amd.js": {}}


def setup(app):
    """Formulas as in the report: MathML, which browsers draw and screen readers read without a script."""

    def written(display):
        def visit(self, node):
            self.body.append(mathml(node.astext(), display))
            raise nodes.SkipNode

        return visit, None

    app.add_html_math_renderer("mathml", written("inline"), written("block"))
