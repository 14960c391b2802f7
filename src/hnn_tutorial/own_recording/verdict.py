"""Which model to trust, computed from scores over seeds."""

from collections.abc import Mapping, Sequence

from hnn_tutorial.evaluation import over_seeds
from hnn_tutorial.own_recording.task import THRESHOLD

FEWEST_SEEDS = 5


def verdict(
    networks: Mapping[str, Sequence[float]], rivals: Mapping[str, float], end: str
) -> tuple[str | None, str]:
    """Say which network forecasts the held-out end best, and whether it can be trusted.

    A network is trusted when each of its seeds, five at least, beats all rivals and keeps its error
    below 0.4. Nothing is said of other
    motions than the one that was recorded.

    Args:
        networks: errors over seeds, relative to the size of the motion; infinite where lost.
        rivals: the error of each rival.
        end: what was held out, such as "the last 1.6 s".

    Returns:
        The network that is trusted (None if none is), and the reason in words.

    Raises:
        ValueError: if there is no network.
    """
    if not networks:
        raise ValueError("networks is empty; expected the errors of at least one")
    spreads = {name: over_seeds(errors) for name, errors in networks.items()}
    best = min(spreads, key=lambda name: spreads[name].median)
    mine = spreads[best]
    seeds = len(mine.values)
    rival = min(rivals, key=rivals.__getitem__)
    bar = rivals[rival]
    its = f"{best}: error {mine} over {seeds} seed{'s' * (seeds > 1)}"
    theirs = f"the {rival}: {bar:.3g}"
    if min(mine.median, bar) >= 1:
        return None, (
            f"Trust none. No candidate forecasts {end} better than the mean of the recording does "
            f"(error 1). The best network is {its}; the best rival is {theirs}."
        )
    wins = sum(value < bar for value in mine.values)
    if seeds < FEWEST_SEEDS:
        return None, (
            f"Too few seeds to trust a network: {seeds}, and it takes {FEWEST_SEEDS}. So far the "
            f"best network is {its}; the best rival is {theirs}."
        )
    if wins == 0:
        lost = "" if bar < THRESHOLD else " Its forecast, too, is lost before the end."
        return None, (
            f"Trust no network: the {rival} forecasts {end} better than every seed of the "
            f"best one. Its error is {bar:.3g}; the best network is {its}.{lost}"
        )
    if wins < seeds:
        advice = (
            f"Use the {rival}, which is simpler."
            if bar < THRESHOLD
            else "Neither forecasts to the end; the horizons say how long they hold."
        )
        return None, (
            f"Trust no network yet: {wins} of {seeds} seeds of the best one forecast {end} better "
            f"than the {rival}, so the two cannot be told apart ({its}; {theirs}). {advice}"
        )
    if mine.high >= THRESHOLD:
        return None, (
            f"Trust no network to the end: all {seeds} seeds of the best one beat every rival, but "
            f"an error above {THRESHOLD} is a forecast that was lost ({its}; the best rival is "
            f"{theirs}). Its horizon says how long it holds."
        )
    others = [name for name, spread in spreads.items() if name != best and spread.low <= mine.high]
    also = (
        f" Over these seeds it cannot be told apart from {_listed(others)}, whose ranges overlap."
        if others
        else " Its worst seed is better than the best seed of every other network."
        if len(spreads) > 1
        else ""
    )
    return best, (
        f"Trust {best} for {end}: all {seeds} seeds forecast it better than every rival ({its}; "
        f"the best rival is {theirs}).{also}"
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
