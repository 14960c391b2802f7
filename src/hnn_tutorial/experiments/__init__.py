"""Named recipes (a task with a model and its training) and their results.

``hnn-tutorial list`` shows them, ``hnn-tutorial run`` runs them; from Python::

    from hnn_tutorial.experiments import RECIPES, run_seed, sweep

    result, model = run_seed(RECIPES["spring-ours"], seed=0)
    results = sweep([RECIPES["spring-ours"]], seeds=5, out="results")

A new task is one file and an entry in ``TASKS``. The file holds two recipes, ``REFERENCE`` and
``OURS``, and may hold others of the same models in a tuple ``VARIANTS``.
"""

from hnn_tutorial.experiments import (
    arm_torques,
    double_pendulum,
    dreamed_pendulum,
    ideal_spring,
    one_orbit,
    pendulum,
    pixel_pendulum,
    pushed_pendulum,
    real_pendulum,
    rod_chain,
    spring,
    three_body,
    two_body,
)
from hnn_tutorial.experiments._recipe import (
    Job,
    Recipe,
    Result,
    Task,
    TaskData,
    run_seed,
    train_on_derivatives,
    uses_velocities,
)
from hnn_tutorial.experiments._results import (
    Row,
    StoredResult,
    model_path,
    read_result,
    read_results,
    table,
)
from hnn_tutorial.experiments._stored import stored_rows
from hnn_tutorial.experiments._sweep import SweepError, check_device, sweep

__all__ = [
    "RECIPES",
    "TASKS",
    "Job",
    "Recipe",
    "Result",
    "Row",
    "StoredResult",
    "SweepError",
    "Task",
    "TaskData",
    "check_device",
    "model_path",
    "read_result",
    "read_results",
    "run_seed",
    "stored_rows",
    "sweep",
    "table",
    "train_on_derivatives",
    "uses_velocities",
]

TASKS = (
    spring,
    pendulum,
    real_pendulum,
    two_body,
    three_body,
    double_pendulum,
    ideal_spring,
    one_orbit,
    rod_chain,
    arm_torques,
    pushed_pendulum,
    pixel_pendulum,
    dreamed_pendulum,
)
"""The modules of the tasks, in the order in which the recipes are listed."""

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for task in TASKS
    for recipe in (task.REFERENCE, task.OURS, *getattr(task, "VARIANTS", ()))
}
"""The recipes by name."""
