"""The features in model order, family after family. Nothing else in the project knows how many there are."""

from feature_service.feature import Feature
from feature_service.indicators import momentum, moving_averages

CATALOGUE: tuple[Feature, ...] = (*moving_averages.FEATURES, *momentum.FEATURES)
