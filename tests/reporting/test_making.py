"""What the first page shows."""

from h2o_gan.reporting.document import Figure, Figures, Section
from h2o_gan.reporting.making import summary_of


def test_the_first_page_says_that_no_attack_was_made() -> None:
    figures = [
        Figure("privacy.copies", "Copies", 0.0, verdict="good"),
        Figure("privacy.membership", "Membership", None, text="Not measured."),
        Figure("privacy.nndr", "Ratio", 0.5, verdict="good"),
        Figure("privacy.inference", "Inference", None),
    ]
    section = Section("privacy", "Privacy", "", [Figures(figures)])
    assert summary_of([section]) == ["privacy.membership", "privacy.copies"]
