"""One figure of several, to stop by or to keep the best weights by."""

import keras

from kgkeras.checks import describe


class CombinedFigure(keras.callbacks.Callback):
    """Logs the weighed mean of some figures, such as the accuracies of several tasks.

    Put it before the callbacks that watch the figure, `EarlyStopping` or `ModelCheckpoint`.

    Args:
        weights: Dict from the name of a logged figure, such as `"val_truth_accuracy"`, to its
            weight, not 0; a negative one for a figure that is better when lower.
        name: Name of the mean.

    Raises:
        ValueError: If there is no figure, or a weight is 0; during training, if a figure is not
            logged.

    Example:
    ```python
    model.fit(
        batches,
        validation_data=held_out,
        callbacks=[
            CombinedFigure({"val_truth_accuracy": 1.0, "val_questions_accuracy": 2.0}),
            keras.callbacks.EarlyStopping("val_combined", mode="max", patience=3),
        ],
    )
    ```
    """

    def __init__(self, weights, name="val_combined"):
        super().__init__()
        if not weights or not all(weights.values()):
            raise ValueError(
                f"`weights` must name at least one figure, none weighing 0. {describe(weights)}."
            )
        self.weights, self.name = dict(weights), name

    def on_epoch_end(self, epoch, logs=None):
        missing = [name for name in self.weights if name not in (logs or {})]
        if missing:
            raise ValueError(
                f"`weights` must name logged figures, {sorted(logs or {})}. Received: {missing}."
            )
        total = sum(weight * logs[name] for name, weight in self.weights.items())
        logs[self.name] = total / sum(map(abs, self.weights.values()))
