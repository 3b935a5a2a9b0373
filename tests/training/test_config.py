import dataclasses

import pytest

from kgkeras import training


@dataclasses.dataclass(frozen=True)
class Config:
    epochs: int = training.setting(3, "how long")
    rate: float = training.setting(0.5, "how fast")
    resume: bool = training.setting(True, "go on")
    limit: int | None = training.setting(None, "how many")
    fusion: str = training.setting("sum", "how", ("sum", "gated"))


def test_defaults():
    assert training.parse_config(Config, arguments=[]) == Config()


def test_flags():
    arguments = ["--epochs", "5", "--rate=1e-3", "--no-resume", "--limit", "7", "--fusion", "gated"]
    config = training.parse_config(Config, arguments=arguments)
    assert config == Config(5, 1e-3, False, 7, "gated")


def test_settings_of_no_use_are_refused():
    training.refuse_settings(Config(epochs=5), ["rate", "limit"], "--fusion sum")
    with pytest.raises(ValueError, match=r"--fusion sum has no use .* Received: --limit 0\."):
        training.refuse_settings(Config(limit=0), ["rate", "limit"], "--fusion sum")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch", "5"], "unrecognized arguments: --epoch 5"),
        (["--epochs", "five"], "argument --epochs: invalid int value: 'five'"),
        (["--fusion", "magic"], "argument --fusion: invalid choice: 'magic'"),
    ],
)
def test_unknown_flags_and_values_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        training.parse_config(Config, arguments=arguments)
    assert message in capsys.readouterr().err


def test_help_tells_the_default(capsys):
    with pytest.raises(SystemExit):
        training.parse_config(Config, "What it does.", ["--help"])
    text = capsys.readouterr().out
    assert "What it does." in text
    assert "how long (default: 3)" in text
