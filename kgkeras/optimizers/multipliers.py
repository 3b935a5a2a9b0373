"""Learning-rate factors of the variables that a name picks out."""

from kgkeras.checks import describe, non_negative


class Multipliers:
    """Factors by parts of variables' paths.

    Args:
        factors: Dict from a part of variables' paths to a factor of at least 0, or None.

    Raises:
        ValueError: If `factors` is no dict, or a factor is negative or not finite.
    """

    def __init__(self, factors):
        factors = factors or {}
        if not isinstance(factors, dict):
            raise ValueError(
                f"`multipliers` must be a dict from names to factors. {describe(factors)}."
            )
        self.factors = {
            part: non_negative(f"multipliers[{part!r}]", factor) for part, factor in factors.items()
        }

    def of(self, variables):
        """A factor for each variable: the first whose part is in the path, 1 where none is."""
        return [
            next((factor for part, factor in self.factors.items() if part in variable.path), 1.0)
            for variable in variables
        ]


class WithMultipliers:
    """What optimizers share whose learning rate has a factor for each variable.

    Named before the Keras optimizer among the bases. `update_step` is left to the optimizer:
    `self._factors[index]` is the factor of the variable at `index`.

    Args:
        multipliers: As for `Multipliers`.
        **kwargs: As for the Keras optimizer.
    """

    def __init__(self, multipliers=None, **kwargs):
        super().__init__(**kwargs)
        # Within an object, so that Keras neither wraps nor tracks the dict.
        self._multipliers = Multipliers(multipliers)

    @property
    def multipliers(self):
        """Dict from parts of variables' paths to factors of the learning rate."""
        return self._multipliers.factors

    def build(self, variables):
        super().build(variables)
        self._factors = self._multipliers.of(variables)

    def get_config(self):
        return {**super().get_config(), "multipliers": self.multipliers}
