"""``closed_loop.png``: what each controller saved at each tariff, with intervals over homes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.bench._savings import CHEAPEST, FLAT, FORESIGHT, OURS, PI

SHOWN = {PI: "#8aa6c1", CHEAPEST: "#b9b9b9", FLAT: "#f0c9a5", OURS: "#c8512d", FORESIGHT: "#5b3a29"}


def draw_savings(report: Mapping[str, Any], path: Path) -> None:
    """Write the picture of a report of ``closed_loop.run`` to ``path`` (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    tariffs = report["tariffs"]
    figure, axis = plt.subplots(figsize=(10, 4.6), layout="constrained")
    width, places = 0.8 / len(SHOWN), np.arange(len(tariffs))
    for number, (name, colour) in enumerate(SHOWN.items()):
        rows = [table["controllers"][name] for table in tariffs.values()]
        saved = np.array([row["saving_percent_equal"] for row in rows])
        low, high = np.array([row["saving_percent_equal_90"] for row in rows]).T
        at = places + (number - (len(SHOWN) - 1) / 2) * width
        axis.bar(at, saved, 0.92 * width, color=colour, label=name)
        axis.errorbar(at, saved, [saved - low, high - saved], fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
    axis.set_xticks(places, list(tariffs))
    axis.axhline(0.0, color="#333333", lw=0.8)
    axis.set_ylabel("saved against the owners' own control [%]\nat equal temperature, 90 % over homes")
    weeks = ", ".join(f"{week['start']} (seed {week['seed']})" for week in report["weeks"])
    axis.set_title(
        f"{report['homes_a_week']} simulated homes x {report['days']} days from {weeks}", loc="left", fontsize=10
    )
    axis.grid(axis="y", alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False, ncols=3)
    figure.savefig(path, dpi=90)
    plt.close(figure)
