"""Recompute the figures of metrics.json from predictions.parquet: python docs/recompute.py FOLDER."""

import sys

import numpy as np
import pandas as pd


def figures(y, p, frequencies):
    k, named = p.shape[1], p.argmax(1)
    hit, count = named == y, np.array([[((y == a) & (named == b)).sum() for b in range(p.shape[1])] for a in range(k)])
    n, s, t, u = float(count.sum()), count.trace(), count.sum(1).astype(float), count.sum(0).astype(float)
    there, below = t > 0, np.sqrt((n * n - u @ u) * (n * n - t @ t))
    ranks = pd.DataFrame(p).rank().to_numpy()
    areas = [(ranks[y == c, c].sum() - t[c] * (t[c] + 1) / 2) / (t[c] * (n - t[c])) for c in range(k) if 0 < t[c] < n]
    loss, usual = (-np.log(q[np.arange(len(y)), y].clip(1e-9, 1)).mean() for q in (p, frequencies))
    bins = np.array_split(np.argsort(p.max(1), kind="stable"), 15)
    return {
        "accuracy": hit.mean(),
        "balanced_accuracy": (count.diagonal()[there] / t[there]).mean(),
        "macro_f1": (2 * count.diagonal() / np.maximum(t + u, 1))[there].mean(),
        "mcc": (s * n - t @ u) / below if below else 0.0,
        "auc": np.mean(areas),
        "log_loss": loss,
        "log_loss_skill": 1 - loss / usual,
        "brier": ((p - np.eye(k)[y]) ** 2).sum(1).mean(),
        "ece": sum(len(b) * abs(p.max(1)[b].mean() - hit[b].mean()) for b in bins) / n,
    }


def worst_difference(folder, worst=0.0):
    table = pd.read_parquet(f"{folder}/predictions.parquet").sort_values(["symbol", "timeframe", "t"], kind="stable")
    for row in pd.read_json(f"{folder}/metrics.json", typ="series", dtype=False)["figures"]:
        part = table[(table["fold"] == row["fold"]) & (table["head"] == row["head"])]
        if row["symbol"] is not None:  # else all series together
            part = part[(part["symbol"] == row["symbol"]) & (part["timeframe"] == row["series"].rpartition(".")[2])]
        for name in ("model", "majority", "persistence", "logistic", "lightgbm"):
            found = []
            for _, one in list(part.groupby("seed"))[: row[name]["seeds"]]:
                columns = ("natron" if name == "model" else name, "majority")
                p, q = (one.filter(regex=f"^p_{m}_").dropna(axis=1).to_numpy(float) for m in columns)
                found.append(figures(one["label"].to_numpy(), p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)))
            of = {key: value for key, value in row[name]["mean"].items() if value is not None}
            worst = max([worst, *(abs(np.mean([one[key] for one in found]) - value) for key, value in of.items())])
    return worst


if __name__ == "__main__":
    print(f"largest difference: {worst_difference(sys.argv[1]):.2g}")
