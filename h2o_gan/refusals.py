"""What H2O's base classes offer and a GAN cannot do: refused in words, not by an odd failure."""

from __future__ import annotations

from typing import Any

from h2o.estimators.estimator_base import H2OEstimator

__all__ = ["refuse_the_rest"]

# What H2O's base classes offer beyond this list cannot apply to a GAN. The list is of what does,
# so that a method a later H2O adds is refused in words rather than failing in some odd way.
_KEPT = frozenset(
    {
        "actual_params",
        "default_params",
        "download_model",
        "end_time",
        "fit",
        "full_parameters",
        "get_summary",
        "have_mojo",
        "have_pojo",
        "key",
        "params",
        "run_time",
        "show",
        "show_summary",
        "start_time",
        "summary",
        "type",
    }
)
_INSTEAD = {
    "download_mojo": "Use save(path).",
    "download_pojo": "Use save(path).",
    "save_mojo": "Use save(path).",
    "save_model_details": "Use save(path).",
    "model_performance": "Use scoring_history().",
}


def _refusal(name: str) -> Any:
    def refuse(self: H2OEstimator, *args: Any, **kwargs: Any) -> Any:
        instead = _INSTEAD.get(name, "See generate(), predict(), scoring_history() and plot().")
        raise NotImplementedError(f"{name} does not apply to a GAN. {instead}")

    refuse.__name__ = name
    refuse.__doc__ = "Does not apply to a GAN: raises NotImplementedError."
    return refuse


def refuse_the_rest(cls: type[H2OEstimator]) -> None:
    """Replace the inherited methods that neither `cls` nor a GAN's nature has an answer to."""
    for name in dir(H2OEstimator):
        own = name.startswith("_") or name in vars(cls) or name in _KEPT
        if not own and callable(getattr(H2OEstimator, name)):
            setattr(cls, name, _refusal(name))
