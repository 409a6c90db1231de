"""A k-d tree of points: cells of a few points each, and the cell of any point."""

import numpy as np
import pytest

from h2o_gan.engine.data.cells import fit_cells, is_tree


@pytest.mark.parametrize("least", [1, 5, 40])
def test_every_point_lies_in_its_cell_and_no_cell_is_small(least):
    points = np.random.default_rng(0).normal(size=(1_000, 2))
    cells, cell_of = fit_cells(points, least, np.ones(len(points)))
    assert np.array_equal(cells.find(points), cell_of)
    counts = np.bincount(cell_of, minlength=len(cells))
    assert counts.min() >= least and counts.max() < 2 * least
    assert (cells.low[:, cell_of] <= points.T).all() and (cells.high[:, cell_of] >= points.T).all()


def test_points_at_one_spot_are_one_cell():
    rng = np.random.default_rng(1)
    points = np.concatenate([np.full((500, 2), 3.0), rng.normal(size=(100, 2))])
    cells, cell_of = fit_cells(points, 5, np.ones(len(points)))
    spot = cell_of[0]
    assert (cell_of[:500] == spot).all()
    assert cells.low[:, spot].tolist() == cells.high[:, spot].tolist() == [3.0, 3.0]
    one, of_one = fit_cells(
        np.ones((3, 2)), 5, np.ones(3)
    )  # fewer points than a cell needs are one cell
    assert len(one) == 1 and of_one.tolist() == [0, 0, 0]


def test_ranks_are_those_of_each_column():
    points = np.stack([np.arange(40.0), np.arange(40.0)[::-1]], 1)
    cells, cell_of = fit_cells(points, 10, np.ones(len(points)))
    for cell in range(len(cells)):
        inside = points[cell_of == cell]
        for axis in (0, 1):
            below = (points[:, axis] < inside[:, axis].min()).mean()
            upto = (points[:, axis] <= inside[:, axis].max()).mean()
            assert cells.start[axis, cell] == pytest.approx(below)
            assert cells.start[axis, cell] + cells.length[axis, cell] == pytest.approx(upto)


def test_far_points_find_a_cell_too():
    points = np.random.default_rng(2).normal(size=(200, 2))
    cells, _ = fit_cells(points, 5, np.ones(len(points)))
    far = np.array([[1e9, -1e9], [np.inf, 0.0], [-np.inf, -np.inf]])
    found = cells.find(far)
    assert ((found >= 0) & (found < len(cells))).all()


@pytest.mark.parametrize(
    ("axis", "wanted"),
    [
        ([-1], True),
        ([0, -1, 1, -1, -1], True),
        ([], False),
        ([0, -1], False),
        ([-1, -1], False),
        ([2, -1, -1], False),
        ([0, -1, -1, -1], False),
        ([0] * 2**16 + [-1] * (2**16 + 1), False),
    ],
)
def test_trees_are_told_from_other_arrays(axis, wanted):
    assert is_tree(np.array(axis, np.int32)) is wanted


def test_weights_shape_the_ranks():
    points = np.stack([np.arange(20.0), np.zeros(20)], 1)
    weights = np.where(np.arange(20) < 10, 9.0, 1.0)
    cells, _ = fit_cells(points, 10, weights)
    assert cells.start[0].tolist() == pytest.approx([0.0, 0.9])
    assert cells.length[0].tolist() == pytest.approx([0.9, 0.1])


def test_deep_trees_are_refused():
    """A chain takes as many steps as it has nodes; fitted trees are flat."""
    assert is_tree(np.array([0, -1] * 500 + [-1], np.int32))
    assert not is_tree(np.array([0, -1] * 600 + [-1], np.int32))
