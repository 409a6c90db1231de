"""Charts as inline SVG, whose colours come from the page's style sheet."""
