"""The command ``hnn-tutorial``: recipes, recordings, progress in the exercises, the machine.

Results go to standard output, progress and errors to standard error. Exit codes: 0, all is
well; 1, a run failed or something required is missing; 2, what was asked for cannot be done;
130, interrupted.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hnn_tutorial import __version__

# torch and what needs it are imported where they are used: help must not wait for them.
if TYPE_CHECKING:
    from hnn_tutorial.experiments import Recipe, Row

__all__ = [
    "main",
    "make_parser",
]

OUT = "results"
FORMATS = ("text", "markdown", "json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the words after ``hnn-tutorial``; None takes those of the shell.

    Returns:
        The exit code.
    """
    options = make_parser().parse_args(arguments)
    try:
        code = options.command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is left must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, ImportError, OSError) as error:
        # What is expected to go wrong, with a message of its own; a run's errors come as
        # SweepError.
        print(f"hnn-tutorial {options.name}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the command's words."""
    parser = argparse.ArgumentParser(
        prog="hnn-tutorial",
        description="Hamiltonian and Lagrangian neural networks: recipes and their scores.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Any, summary: str, **options: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=summary, description=options.pop("description", summary), **options
        )
        added.set_defaults(command=command, name=name)
        return added

    listing = add("list", _list, "the systems, the models, the maps and the recipes")
    listing.add_argument("--json", action="store_true", help="as JSON")

    run = add(
        "run",
        _run,
        "run recipes over seeds, and show their scores",
        description="Run recipes over seeds, and show the median and the range of their scores. "
        "A seed whose result is in DIR is not run again; a run that was stopped goes on from its "
        "last checkpoint.",
    )
    run.add_argument("recipes", nargs="+", metavar="RECIPE", help="one or more names from `list`")
    run.add_argument(
        "--model",
        metavar="M[,M...]",
        help="instead of the recipe's own; module:Name is a class of your own in module.py, which "
        "is imported, called with the degrees of freedom, and trained and scored as the others are",
    )
    run.add_argument("--optimizer", metavar="O", help="instead of the recipe's own")
    run.add_argument(
        "--seeds", type=_count, metavar="N", help="run seeds 0 to N - 1 (default: as the recipe)"
    )
    run.add_argument(
        "--device", default="cpu", metavar="D", help="cpu, cuda, cuda:1, ... (default: cpu)"
    )
    run.add_argument(
        "--out", default=OUT, metavar="DIR", help=f"folder of the results (default: {OUT})"
    )
    where = run.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs", type=_count, metavar="J", help="processes at once (default: one for each core)"
    )
    where.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="of a Dask scheduler whose workers run the seeds, such as tcp://10.0.0.1:8786; they "
        "must see DIR under the same path (start them with --nthreads 1)",
    )
    run.add_argument("--json", metavar="FILE", help="also write the scores to FILE, as JSON")

    fit = add(
        "fit",
        _fit,
        "learn from a recording of your own, and say which model to trust",
        description="Read a recording (CSV, phyphox, Tracker, spreadsheet), learn from its first "
        "four fifths, and judge forecasts of the last fifth. DIR then holds report.html, the "
        "scores, the weights and a script that forecasts. A run that is in DIR is not trained "
        "again, so the same command goes on after an interruption. Columns are given by name, or "
        "by number counted from 1.",
    )
    fit.add_argument("file", metavar="FILE", help="the recording")
    fit.add_argument("--time", metavar="C", help="the column of times (default: t or time)")
    fit.add_argument("--positions", nargs="+", metavar="C", help="(default: what is left, if one)")
    fit.add_argument("--velocities", nargs="+", metavar="C", help="of a gyroscope, for example")
    fit.add_argument("--angles", nargs="+", default=[], metavar="C", help="those that are angles")
    fit.add_argument(
        "--units",
        nargs="+",
        metavar="U",
        help="one unit for all positions, such as deg, or of columns, such as theta=deg t=ms",
    )
    fit.add_argument("--trial", metavar="C", help="the column of trials; or restart")
    fit.add_argument("--delimiter", metavar="S", help="between columns; tab for a tab")
    fit.add_argument("--decimal", metavar="S", help="the decimal sign, . or ,")
    fit.add_argument("--member", metavar="NAME", help="which file of a zip")
    fit.add_argument("--models", metavar="M,M,...", help="from `list` (default: four that suit)")
    fit.add_argument("--seeds", type=_count, default=5, metavar="N", help="(default: 5)")
    fit.add_argument("--jobs", type=_count, metavar="J", help="(default: one for each core)")
    fit.add_argument("--out", required=True, metavar="DIR", help="folder of the report")

    table = add("table", _table, "the scores over seeds of the results in a folder")
    table.add_argument("out", nargs="?", default=OUT, metavar="DIR", help=f"(default: {OUT})")
    table.add_argument("--format", choices=FORMATS, default="text", help="(default: text)")

    progress = add("progress", _progress, "which exercises are solved, and which is next")
    progress.add_argument("chapters", nargs="*", metavar="CHAPTER", help="(default: all)")
    progress.add_argument(
        "--folder", metavar="DIR", help="of the exercises (default: ./exercises, or .)"
    )
    progress.add_argument("--reset", action="store_true", help="forget what was solved")

    add("doctor", _doctor, "versions, devices, threads, and what is missing")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a positive integer")
    return int(text)


def _list(options: argparse.Namespace) -> int:
    from hnn_tutorial.experiments import RECIPES
    from hnn_tutorial.models import MAPS, MODELS
    from hnn_tutorial.systems import SYSTEMS

    listed: dict[str, list[dict[str, Any]]] = {
        "systems": [
            {"name": name, "title": system.title, "dimension": system().dimension}
            for name, system in SYSTEMS.items()
        ],
        **{
            part: [{"name": name, "title": _title(kind)} for name, kind in kinds.items()]
            for part, kinds in (("models", MODELS), ("maps", MAPS))
        },
        "recipes": [
            {
                "name": name,
                "title": recipe.title,
                "system": recipe.task.system,
                "models": list(recipe.models),
                "optimizers": list(recipe.optimizers),
                "seeds": recipe.seeds,
                "source": recipe.source,
            }
            for name, recipe in RECIPES.items()
        ],
    }
    if options.json:
        print(_as_json(listed))
        return 0
    for part, entries in listed.items():
        print(part)
        width = max((len(entry["name"]) for entry in entries), default=0)
        for entry in entries:
            print(f"  {entry['name']:<{width}}  {entry['title']}")
            if part == "recipes":
                for choice in ("models", "optimizers"):
                    print(f"  {'':<{width}}    {choice}: {', '.join(entry[choice])}")
    print("\nOf a recipe's models and optimisers the first is its own.")
    return 0


def _title(model: type) -> str:
    """Return the first line of a docstring, without its formula."""
    return re.sub(r",? :math:`[^`]*`", "", str(model.__doc__).strip().splitlines()[0])


def _run(options: argparse.Namespace) -> int:
    from hnn_tutorial._validate import lookup
    from hnn_tutorial.experiments import RECIPES, SweepError, sweep, table
    from hnn_tutorial.experiments._results import write_json

    recipes = [lookup(RECIPES, name, "recipe") for name in dict.fromkeys(options.recipes)]
    models = options.model and list(dict.fromkeys(options.model.split(",")))
    for line in _budgets(recipes, models or []):
        print(line, file=sys.stderr)
    target = None if options.json is None else Path(options.json)
    if target is not None and (target.is_dir() or not target.absolute().parent.is_dir()):
        raise ValueError(f"--json {target}: expected the name of a file in a folder that exists")
    try:
        results = sweep(
            recipes,
            options.seeds,
            models=models,
            optimizer=options.optimizer,
            device=options.device,
            out=options.out,
            jobs=options.jobs,
            cluster=options.cluster,
            report=lambda line: print(line, file=sys.stderr, flush=True),
            progress=sys.stderr.isatty(),
        )
    except SweepError as error:
        print(f"hnn-tutorial run: error: {error}", file=sys.stderr)
        return 1
    rows = table(results)
    if target is not None:
        write_json(target, [row.to_json() for row in rows])
    print(_as_text(rows))
    return 0


def _budgets(recipes: Sequence["Recipe"], models: Sequence[str]) -> Iterator[str]:
    """Say how many weights a model of one's own has beside the recipe's."""
    from hnn_tutorial.experiments._own import is_own
    from hnn_tutorial.models import parameter_count

    for recipe in recipes:
        for kind in filter(is_own, models):
            usual = next(iter(recipe.models))
            mine, theirs = (parameter_count(recipe.build(each, 0)) for each in (kind, usual))
            yield (
                f"{recipe.name}: {kind} has {mine} weights, {usual} has {theirs}; data, seeds, "
                "optimizer and scores are the same"
            )


def _fit(options: argparse.Namespace) -> int:
    from hnn_tutorial.own_recording import fit_recording
    from hnn_tutorial.recordings import read_csv

    units: Any = None
    if options.units:
        named = dict(word.rpartition("=")[::2] for word in options.units if "=" in word)
        units = named or options.units[0]
        if len(named) not in (0, len(options.units)) or (not named and len(options.units) > 1):
            raise ValueError("--units: expected one unit, or NAME=UNIT for each column")
    observations = read_csv(
        options.file,
        options.time,
        options.positions,
        options.velocities,
        units=units,
        angles=options.angles,
        trial=options.trial,
        delimiter="\t" if options.delimiter == "tab" else options.delimiter,
        decimal=options.decimal,
        member=options.member,
    )
    for note in observations.notes:
        print(note, file=sys.stderr)
    outcome = fit_recording(
        observations,
        options.out,
        models=options.models and options.models.split(","),
        seeds=options.seeds,
        jobs=options.jobs,
        progress=sys.stderr.isatty(),
        source=Path(options.file).name,
    )
    print(outcome)
    return 0


def _table(options: argparse.Namespace) -> int:
    from hnn_tutorial.experiments import read_results, table

    rows = table(read_results(options.out))
    if options.format == "json":
        print(_as_json([row.to_json() for row in rows]))
    elif not rows:
        raise ValueError(f"{options.out} holds no results; make some with `hnn-tutorial run`")
    else:
        print(_as_markdown(rows) if options.format == "markdown" else _as_text(rows))
    return 0


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


NOTE = "median [lowest, highest] over the seeds; seconds are those of the training"


def _tables(rows: Sequence["Row"]) -> list[list[list[str]]]:
    """Return tables of cells, a header first; rows with the same scores stand in one table."""
    tables: dict[tuple[str, ...], list[list[str]]] = {}
    for row in rows:
        header = ["recipe", "model", "optimizer", "device", "seeds", "parameters", "seconds"]
        lines = tables.setdefault(tuple(row.scores), [[*header, *row.scores]])
        seeds = f"{len(row.seeds)}" + (f" + {len(row.failed)} failed" if row.failed else "")
        shown = [row.recipe, row.model, row.optimizer, row.device, seeds, str(row.parameters)]
        lines.append([*shown, str(row.seconds), *map(str, row.scores.values())])
    return list(tables.values())


def _as_text(rows: Sequence["Row"]) -> str:
    blocks = []
    for lines in _tables(rows):
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
        blocks.append("\n".join(padded))
    return "\n\n".join([*blocks, NOTE])


def _as_markdown(rows: Sequence["Row"]) -> str:
    blocks = []
    for header, *lines in _tables(rows):
        rule = ["---"] * len(header)
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *lines]))
    return "\n\n".join([*blocks, f"{NOTE[0].upper()}{NOTE[1:]}."])


def _progress(options: argparse.Namespace) -> int:
    from hnn_tutorial.check.notes import HERE, START_PAGE, is_kept
    from hnn_tutorial.check.progress import overview, reset

    below = HERE / "exercises"
    folder = Path(options.folder) if options.folder else below if is_kept(below) else HERE
    if not is_kept(folder):
        raise ValueError(f"{folder.absolute()} is no folder of exercises: it has no {START_PAGE}")
    if options.reset:
        reset(*options.chapters, folder=folder)
    print(overview(*options.chapters, folder=folder))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from hnn_tutorial import _doctor

    return _doctor.examine()


if __name__ == "__main__":
    sys.exit(main())
