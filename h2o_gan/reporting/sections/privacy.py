"""Privacy: what synthetic rows, and the model's file, give away about training rows."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from h2o_gan.reporting.document import Block, Figures, Section, Table, Text
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.sections.copy_blocks import copy_blocks
from h2o_gan.reporting.sections.membership_blocks import membership_blocks
from h2o_gan.reporting.sections.risk_blocks import risk_blocks

__all__ = ["section"]

_UNSEEN_IS_TRAINING = (
    "all real rows may have been trained on, so no unseen rows are there to compare with. Give a "
    "test frame."
)


def section(inputs: Inputs) -> Section:
    """Attack the synthetic rows, and look for copies of training rows among them.

    Args:
        inputs: of the report.

    Returns:
        The section; where the user has ended the report, what is done of it.
    """
    start = perf_counter()
    reason = _UNSEEN_IS_TRAINING if inputs.unseen_is_training else ""
    samples = None if reason else inputs.samples
    blocks: list[Block] = membership_blocks(samples, reason)
    if not inputs.stop.is_set():
        blocks += risk_blocks(samples, reason, inputs.stop.is_set)
    if not inputs.stop.is_set():
        blocks += copy_blocks(inputs, reason)
    if inputs.overlap is not None:
        blocks = [_overlap(inputs.overlap, inputs.copies["training"]), *map(_doubted, blocks)]
    blocks += [*_model_file(inputs), _limits()]
    lead = (
        "Can somebody who sees the synthetic rows learn about the people behind the training rows "
        "what they could not learn about anybody else?"
    )
    return Section("privacy", "Privacy", lead, blocks, perf_counter() - start)


def _overlap(share: float, usual: float) -> Text:
    return Text(
        f"{share:.0%} of the unseen rows equal a training row, but only {usual:.0%} of training "
        "rows equal another one. The test frame seems to contain training rows. Against those no "
        "attack can succeed, so all figures of this section look too good, and none of them has "
        "the verdict good. Give a test frame without training rows.",
        "warning",
    )


def _doubted(block: Block) -> Block:
    """The block without good verdicts."""
    if isinstance(block, Table):
        marks = {cell: mark for cell, mark in block.marks.items() if mark != "good"}
        return replace(block, marks=marks)
    if not isinstance(block, Figures):
        return block
    text = "no verdict, since unseen rows seem to be training rows"
    return Figures(
        [
            replace(f, verdict=None, threshold=text) if f.verdict == "good" else f
            for f in block.figures
        ]
    )


def _model_file(inputs: Inputs) -> list[Block]:
    if not inputs.model_file:
        return []
    return [
        Table(
            "privacy.model_file",
            "What the model's file holds about training rows",
            [("content", "string"), ("number", "string")],
            [[name, _text(value)] for name, value in inputs.model_file.items()],
            caption=(
                "Counted by what is stored. Whoever has the file can read these, without any "
                "attack: treat it like statistics of the data, not like public data."
            ),
        )
    ]


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _limits() -> Text:
    return Text(
        "What this section does not prove. It gives no formal guarantee such as differential "
        "privacy: attacks that fail show that these attackers fail, not that all do. Attackers may "
        "know more, see more synthetic rows, or hold the model's file. Only random samples of rows "
        "were attacked, so a leak of very few rows can be missed. Columns that were not compared "
        "are not covered. Statistics of the data, such as what is true of a small group, are in "
        "the synthetic rows by purpose. Whether rows count as anonymous is for a person to decide "
        "who knows who will receive them.",
        "warning",
    )
