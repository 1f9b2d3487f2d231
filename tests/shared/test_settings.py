"""Settings: one file, variables and flags over it, and every mistake named."""

from pathlib import Path

import pytest

from shared.errors import SettingError
from shared.settings.loading import leaves, load_settings, variable


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "natron.yaml"
    file.write_text("worker: {read_count: 1}\nbridge: {signals_bind: a}\nfeature_service: {read_count: 1}\n")
    environ = {"NATRON_WORKER_READ_COUNT": "2", "NATRON_FEATURE_SERVICE_READ_COUNT": "2"}
    settings = load_settings(file, environ, {"feature_service.read_count": 3})
    assert settings.bridge.signals_bind == "a"
    assert settings.worker.read_count == 2
    assert settings.feature_service.read_count == 3


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "0.0001", "1.0e-4"])
def test_a_number_is_a_number_however_it_is_written(tmp_path: Path, text: str) -> None:
    file = tmp_path / "natron.yaml"
    file.write_text(f"optimization:\n  learning_rate: {text}\n")
    assert load_settings(file, {}, {}).optimization.learning_rate == 1e-4
    assert load_settings(None, {"NATRON_OPTIMIZATION_LEARNING_RATE": text}, {}).optimization.learning_rate == 1e-4
    assert load_settings(None, {}, {"optimization.learning_rate": text}).optimization.learning_rate == 1e-4


@pytest.mark.parametrize("path", sorted(leaves()), ids=".".join)
def test_every_setting_has_a_variable_of_its_own(path: tuple[str, ...]) -> None:
    assert [other for other in leaves() if variable(other) == variable(path)] == [path]


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    file = tmp_path / "natron.yaml"
    file.write_text("worker: {red_count: 1}\n")
    with pytest.raises(SettingError, match=r"worker\.red_count = 1: is not a setting; did you mean worker\.read_count"):
        load_settings(file, {}, {})
    with pytest.raises(SettingError, match=r"NATRON_WORKER_RED_COUNT.*did you mean NATRON_WORKER_READ_COUNT"):
        load_settings(None, {"NATRON_WORKER_RED_COUNT": "1"}, {})
    with pytest.raises(SettingError, match=r"worker\.red_count.*did you mean worker\.read_count"):
        load_settings(None, {}, {"worker.red_count": "1"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("worker.read_count", "many"),
        ("worker.read_count", "1.5"),
        ("worker.read_count", "0"),
        ("worker.read_count", "true"),
        ("model.preset", "huge"),
        ("data.train_share", "1.5"),
        ("system.namespace", "7"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(tmp_path: Path, key: str, value: str) -> None:
    group, name = key.split(".")
    file = tmp_path / "natron.yaml"
    file.write_text(f"{group}:\n  {name}: {value}\n")
    with pytest.raises(SettingError, match=key):
        load_settings(file, {}, {})
    with pytest.raises(SettingError, match=key):
        load_settings(None, {variable((group, name)): value}, {})


def test_a_file_that_is_no_settings_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "natron.yaml"
    for text in ("- a\n- b\n", "a: [", "worker: 7\n"):
        file.write_text(text)
        with pytest.raises(SettingError):
            load_settings(file, {}, {})
    with pytest.raises(SettingError, match="cannot be read"):
        load_settings(tmp_path / "absent.yaml", {}, {})


def test_off_is_a_word_and_false_is_not(tmp_path: Path) -> None:
    file = tmp_path / "natron.yaml"
    file.write_text("training: {amp: off, pretrain: {ablation: false}}")
    training = load_settings(file, {}, {}).training
    assert (training.amp, training.pretrain.ablation) == ("off", False)
    assert load_settings(None, {}, {"training.amp": "on"}).training.amp == "on"
