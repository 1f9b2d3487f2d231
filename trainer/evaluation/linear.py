"""Logistic regression on the last row: what needs no trees and no sequence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler

from inference_worker.bundle import HEADS
from shared.contracts import Rows
from trainer.calibration import fit_temperature
from trainer.evaluation.figures import log_losses
from trainer.evaluation.samples import Sample

STRENGTHS = (0.001, 0.01, 0.1)  # inverse regularisation tried; features are scaled by their middle half
CLIP = 6.0  # interquartile ranges, as the model's own scaler
ITERATIONS = 200


@dataclass(frozen=True)
class Linear:
    """A fitted regression of one head, its probabilities softened by a temperature of the validation split."""

    pipeline: Pipeline
    temperature: float
    classes: int

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """(N, classes) probabilities of (N, F) rows."""
        return tempered(_spread(self.pipeline, rows, self.classes), self.temperature)


def choose_strength(head: str, train: Sample, validation: Sample) -> float:
    """Find the regularisation with the least validation log-loss."""
    labels = validation.labels[head]

    def loss(strength: float) -> float:
        pipeline = _fit(head, train, strength, 0)
        return float(log_losses(labels, _spread(pipeline, validation.rows, len(HEADS[head]))).mean())

    return min(STRENGTHS, key=loss)


def fit_linear(head: str, train: Sample, validation: Sample, strength: float, seed: int) -> Linear:
    """Fit one head on the training sample and its temperature on the validation sample."""
    pipeline = _fit(head, train, strength, seed)
    found = _spread(pipeline, validation.rows, len(HEADS[head]))
    return Linear(pipeline, temperature_of(found, validation.labels[head]), len(HEADS[head]))


def tempered(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities whose logarithms are divided by a temperature."""
    logits = np.log(probabilities.clip(1e-12)) / temperature
    shares = np.exp(logits - logits.max(1, keepdims=True))
    softened: NDArray[np.float64] = shares / shares.sum(1, keepdims=True)
    return softened


def temperature_of(probabilities: NDArray[np.float64], labels: NDArray[np.int8]) -> float:
    """Fit the temperature of these (validation) probabilities, as the model's own."""
    return fit_temperature(np.log(probabilities.clip(1e-12)), labels)


def _fit(head: str, train: Sample, strength: float, seed: int) -> Pipeline:
    pipeline = make_pipeline(
        RobustScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -CLIP, "a_max": CLIP}),
        LogisticRegression(C=strength, max_iter=ITERATIONS, tol=1e-3, random_state=seed),
    )
    return pipeline.fit(train.rows, train.labels[head])


def _spread(pipeline: Pipeline, rows: Rows, classes: int) -> NDArray[np.float64]:
    """Probabilities of all classes, 0 for those that the sample did not hold."""
    found = np.zeros((len(rows), classes))
    found[:, pipeline[-1].classes_] = pipeline.predict_proba(rows)
    return found
