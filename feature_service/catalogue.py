"""The features in model order, family after family. Nothing else in the project knows how many there are."""

from feature_service.feature import Feature
from feature_service.indicators import (
    market_profile,
    momentum,
    moving_averages,
    price_patterns,
    returns,
    smart_money,
    statistical,
    support_resistance,
    trend_strength,
    volatility,
    volume,
)

CATALOGUE: tuple[Feature, ...] = (
    *moving_averages.FEATURES,
    *momentum.FEATURES,
    *volatility.FEATURES,
    *volume.FEATURES,
    *price_patterns.FEATURES,
    *returns.FEATURES,
    *trend_strength.FEATURES,
    *statistical.FEATURES,
    *support_resistance.FEATURES,
    *smart_money.FEATURES,
    *market_profile.FEATURES,
)
