"""Clear errors for what H2O's base classes offer and a GAN does not support."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from h2o.estimators.estimator_base import H2OEstimator
from h2o.exceptions import H2OTypeError

__all__ = ["checked_call", "refuse_unsupported", "unknown_parameter"]

_CROSS_VALIDATION = (
    "nfolds",
    "fold_assignment",
    "keep_cross_validation_models",
    "keep_cross_validation_predictions",
    "keep_cross_validation_fold_assignment",
)

# Inherited methods that apply to a GAN. All others are refused, so that a method that a later H2O
# adds has a clear error too.
_SUPPORTED = frozenset(
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
_ALTERNATIVES = {
    "download_mojo": "Use save(path).",
    "download_pojo": "Use save(path).",
    "save_mojo": "Use save(path).",
    "save_model_details": "Use save(path).",
}


def unknown_parameter(name: str, of: str, known: Sequence[str]) -> str:
    """The message for a parameter that does not exist.

    Args:
        name: of the parameter.
        of: the function or class that does not have it.
        known: the parameters that it has.
    """
    if name in _CROSS_VALIDATION:
        return f"{name}: a GAN is not cross-validated; leave it out and give a validation_frame."
    near = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    return f"{name!r} is not a parameter of {of}.{guess} It has: {', '.join(known)}."


def checked_call(method: Callable[..., Any], fields: Sequence[str]) -> Callable[..., Any]:
    """Give a method's unknown arguments errors that say what to do.

    Args:
        method: a method with named parameters.
        fields: the constructor's parameters.

    Returns:
        The method; it raises H2OTypeError for an unknown argument.
    """
    takes = [name for name in inspect.signature(method).parameters if name != "self"]

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name in takes:
                continue
            if name in fields:
                raise H2OTypeError(
                    message=f"{method.__name__}() does not take {name}: give it to "
                    f"{type(self).__name__}({name}=...)."
                )
            both = [*takes, *(field for field in fields if field not in takes)]
            near = difflib.get_close_matches(name, both, n=1)
            if near and near[0] not in takes:
                raise H2OTypeError(
                    message=f"{name!r} is not a parameter of {method.__name__}(). Did you mean "
                    f"{type(self).__name__}({near[0]}=...)?"
                )
            raise H2OTypeError(message=unknown_parameter(name, f"{method.__name__}()", takes))
        return method(self, *args, **kwargs)

    return checked


def _refusal(name: str) -> Any:
    def refuse(self: H2OEstimator, *args: Any, **kwargs: Any) -> Any:
        alternative = _ALTERNATIVES.get(
            name, "See generate(), predict(), scoring_history() and plot()."
        )
        raise NotImplementedError(f"{name} does not apply to a GAN. {alternative}")

    refuse.__name__ = name
    refuse.__doc__ = "Does not apply to a GAN: raises NotImplementedError."
    return refuse


def refuse_unsupported(cls: type[H2OEstimator]) -> None:
    """Replace inherited methods that do not apply to a GAN by ones that say so.

    Args:
        cls: the estimator's class; the methods that it, or a class before H2OEstimator, defines
            stay.
    """
    for name in dir(H2OEstimator):
        inherited = inspect.getattr_static(H2OEstimator, name)
        answered = inspect.getattr_static(cls, name) is not inherited
        if not (answered or name.startswith("_") or name in _SUPPORTED) and callable(
            getattr(H2OEstimator, name)
        ):
            setattr(cls, name, _refusal(name))
