"""What a bundle was taught on a series, and which candles are new to it."""

from archive.scoring.taught import taught_labels
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from shared.settings.groups import Settings


def test_candles_are_new_from_the_test_split_on_or_after_all_data() -> None:
    manifest = Bundle.load(bundle_folder(Settings())).manifest
    for split in manifest.splits:
        found = taught_labels(manifest, split.series)
        assert found.taught
        assert split.validation.last < found.fresh_from == split.test.first
    unknown = taught_labels(manifest, "NONE.M15")
    assert not unknown.taught
    assert unknown.fresh_from > max(record.last for record in manifest.data)
