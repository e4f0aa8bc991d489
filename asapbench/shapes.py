"""The shape of a distribution in few numbers, for charts: a percentile curve and a histogram.

Raw samples stay on disk; a report holds only this of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

POINTS = 60
BINS = 120


def percentile_curve(values: Array, points: int = POINTS) -> dict[str, list[float]]:
    """Quantiles `q` and the `values` at them, of sorted samples; empty lists without any.

    Evenly spaced in the number of nines, -log10(1 - q), as far as the samples tell quantiles apart
    (Tene's HdrHistogram plots them so); the last point is the largest sample itself.
    """
    if not len(values):
        return {"q": [], "values": []}
    nines = np.linspace(0, np.log10(len(values)), points)
    shares = np.unique(np.append(1 - 10**-nines, 1.0))
    return {"q": shares.tolist(), "values": np.quantile(values, shares).tolist()}


def histogram(samples: Mapping[str, Array], bins: int = BINS) -> dict[str, Any]:
    """Counts in bins that are evenly wide on a logarithmic axis, the same for each name.

    `edges` are one more than the bins; a value of 0 or less counts in the first. The bins reach
    from the smallest positive sample to the largest. No edges where there is none.
    """
    every = np.concatenate([np.empty(0), *samples.values()])
    positive = every[every > 0]
    if not len(positive):
        return {"edges": [], "counts": {name: [] for name in samples}}
    edges = _edges(float(positive.min()), float(positive.max()), bins)
    counts = {
        name: np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].tolist()
        for name, values in samples.items()
    }
    return {"edges": edges.tolist(), "counts": counts}


def _edges(least: float, most: float, bins: int) -> Array:
    if most <= least * 1.001:  # all the same: one bin with some room
        return np.array([least * 0.95, most * 1.05])
    edges = np.geomspace(least, most, bins + 1)
    edges[0], edges[-1] = least, most
    return np.asarray(edges)
