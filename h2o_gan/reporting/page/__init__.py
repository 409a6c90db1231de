"""The page of a report: one HTML file that shows the document, and a fragment for notebooks."""

from h2o_gan.reporting.page.render import render, summary_html

__all__ = ["render", "summary_html"]
