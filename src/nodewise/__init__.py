"""nodewise: lymph nodes on CT, found, measured, named and staged. Research use only.

Everything is loaded when first used, so that ``import nodewise`` is quick:

    import nodewise as nw
    study = nw.read_study("scan/")
    result = nw.assess(study, nw.load_pipeline(), primary=nw.Side.LEFT)
    nw.write_case(result, "out/")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodewise.io.casefile import AssessmentRecord as AssessmentRecord
    from nodewise.io.folder import read_study as read_study
    from nodewise.recipes.load import load_pipeline as load_pipeline
    from nodewise.report.write import write_case as write_case
    from nodewise.story import assess as assess
    from nodewise.story import measure as measure
    from nodewise.values.assessment import Assessment as Assessment
    from nodewise.values.errors import BadInputError as BadInputError
    from nodewise.values.grid import Grid as Grid
    from nodewise.values.pipeline import Pipeline as Pipeline
    from nodewise.values.station import Side as Side
    from nodewise.values.station import Station as Station
    from nodewise.values.study import Study as Study
    from nodewise.values.volume import Volume as Volume

__version__ = "0.1.0"

_HOMES = {
    "Assessment": "values.assessment",
    "AssessmentRecord": "io.casefile",
    "BadInputError": "values.errors",
    "Grid": "values.grid",
    "Pipeline": "values.pipeline",
    "Side": "values.station",
    "Station": "values.station",
    "Study": "values.study",
    "Volume": "values.volume",
    "assess": "story",
    "load_pipeline": "recipes.load",
    "measure": "story",
    "read_study": "io.folder",
    "write_case": "report.write",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605 - the one list of public names


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nodewise' has no attribute {name!r}")
    value = getattr(import_module(f"nodewise.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
