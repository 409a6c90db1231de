"""Limits of figures, for pipelines."""

import math

import pytest
from documents import sample_document

from h2o_gan.reporting.report import Report, ReportNotOk


@pytest.mark.parametrize("limit", ["max_membership_auc", "min_membership_auc"])
def test_a_limit_that_is_no_number_is_not_kept(limit: str) -> None:
    with pytest.raises(ReportNotOk, match="privacy.membership is"):
        Report(sample_document()).assert_ok(**{limit: math.nan})
