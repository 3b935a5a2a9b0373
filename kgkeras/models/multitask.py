"""One model, several tasks that share what they know."""

import keras
from keras import ops

from kgkeras.checks import describe
from kgkeras.layers import FixedWeights, TaskHead, TaskSharing, TaskWeighing
from kgkeras.models.replicated import ReplicatedModel
from kgkeras.models.shared_parts import mark_shared, sharing_scope
from kgkeras.models.task_rows import flat_batch, num_examples
from kgkeras.ops import num_replicas
from kgkeras.ops.freezing import freeze
from kgkeras.ops.task_gradients import check_backend, inner_products, weighed_sum
from kgkeras.registration import serializable


@serializable
class MultiTaskModel(ReplicatedModel):
    """Learns several tasks by `L = sum_i w_i L_i`, on layers that they share.

    The texts of all tasks are read by `sharing`, each task's answer is made by its head, and
    `weighing` makes one loss of all. `compile` takes the tasks' losses and metrics, dicts by the
    name of the task, and no `loss_weights`; `fit`, `evaluate` and `predict` are Keras' own, on
    batches of `pipelines.mixed_batches` and `pipelines.task_batches`. Of each task `NAME` are
    logged `NAME_loss`, its metrics and, in training, `NAME_weight`, the latest.

    Args:
        sharing: A `layers.TaskSharing`.
        heads: Dict from the name of each task to its `layers.TaskHead`. Heads may use the same
            layers as `sharing`, such as a table of entities.
        weighing: A `layers.TaskWeighing`; `FixedWeights()` where None: all tasks weigh 1.
        text_inputs: Names of what `sharing` reads of each text.

    Call arguments:
        inputs: Dict from the name of each task to its inputs, a dict: what `sharing` reads, where
            the task has texts, and the `extra_inputs` of the head. Further keys are ignored.
            Batches of tasks need not be equally large, and may be empty.

    Returns:
        Dict from the name of each task to what its head returns.

    Raises:
        ValueError: If a part is not of its kind.

    Example:
    ```python
    trunk = kgkeras.text.LSTMEncoder(tokenizer.vocabulary_size, 64)
    model = MultiTaskModel(
        HardSharing(trunk),
        {"truth": ClassHead(ClassificationHead(2)), "graph": TripleHead(triples, DistMult())},
        text_inputs=("token_ids", "padding_mask"),
    )
    model.compile(
        "adam",
        loss={"truth": model.heads["truth"].classifier.loss(), "graph": NegativeSamplingLoss()},
        metrics={"truth": ["accuracy"]},
    )
    model.fit(pipelines.mixed_batches({"truth": truths, "graph": triples}), steps_per_epoch=100)
    ```
    """

    def __init__(
        self,
        sharing,
        heads,
        weighing=None,
        *,
        text_inputs=("token_ids", "padding_mask", "entity_ids"),
        **kwargs,
    ):
        weighing = weighing or FixedWeights(name="weighing")
        heads = _checked_parts(sharing, heads, weighing)
        inputs = {
            name: head.symbolic_inputs(text_inputs, f"{name}_") for name, head in heads.items()
        }
        super().__init__(inputs, _outputs(sharing, heads, inputs, text_inputs), **kwargs)
        self.sharing, self.heads, self.weighing = sharing, heads, weighing
        self.text_inputs = tuple(text_inputs)
        if not weighing.built:
            weighing.build_tasks(heads)
        self._task_losses = {name: keras.metrics.Mean(name=f"{name}_loss") for name in heads}
        self._total_loss = keras.metrics.Mean(name="total_loss")
        self._is_training = False

    def call(self, inputs, training=None, mask=None):
        wanted = {
            name: {column: inputs[name][column] for column in columns}
            for name, columns in self._inputs_struct.items()
        }
        return super().call(wanted, training=training)

    # === Tasks ===

    def task_model(self, name):
        """A `keras.Model` of one task, from its inputs to its answer; it shares the weights."""
        heads = {name: self.heads[name]}
        inputs = {name: self.heads[name].symbolic_inputs(self.text_inputs)}
        outputs = _outputs(self.sharing, heads, inputs, self.text_inputs)
        return keras.Model(inputs[name], outputs[name], name=name)

    def with_task(self, name, head, part=None):
        """A model with one task more, which shares all weights with this one.

        The answers of the other tasks are the same. To train nothing but the new task, set
        `trainable = False` on the parts that are to stay. The new model has equal weights for all
        tasks and must be compiled.

        Args:
            name: Name of the task.
            head: Its `layers.TaskHead`.
            part: What it has of its own of `sharing`; see the `with_task` there.

        Raises:
            ValueError: If there is a task of that name.
        """
        if name in self.heads:
            raise ValueError(f"`name` must be a new task's. Received: {name!r}.")
        return self._of(self.sharing.with_task(name, part), {**self.heads, name: head})

    def without_task(self, name):
        """A model with one task less; otherwise as `with_task`.

        Raises:
            ValueError: If there is no such task, or no other.
        """
        if name not in self.heads or len(self.heads) == 1:
            raise ValueError(f"`name` must be one of several tasks. Received: {name!r}.")
        heads = {task: head for task, head in self.heads.items() if task != name}
        return self._of(self.sharing.without_task(name), heads)

    def _of(self, sharing, heads):
        return MultiTaskModel(sharing, heads, text_inputs=self.text_inputs, name=self.name)

    # === Training ===

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, **kwargs):
        for what, of_tasks in (("loss", loss), ("metrics", metrics or {})):
            if not isinstance(of_tasks, dict) or not set(of_tasks) <= set(self.heads):
                raise ValueError(
                    f"`{what}` must be a dict by the names of tasks, {list(self.heads)}. "
                    f"{describe(of_tasks)}."
                )
        if missing := [name for name in self.heads if name not in loss]:
            raise ValueError(f"`loss` must have an entry for each task. Missing: {missing}.")
        if self.weighing.uses_gradients:
            check_backend(type(self.weighing).__name__)
        metrics = {name: of_task for name, of_task in (metrics or {}).items() if of_task}
        super().compile(optimizer, loss=loss, metrics=metrics or None, **kwargs)
        self._loss_of = {name: _loss_function(loss[name]) for name in self.heads}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def _symbolic_build(self, iterator=None, data_batch=None):
        if data_batch is None:
            _, _, batches = next(iter(iterator))
            data_batch = batches[0] if isinstance(batches, (list, tuple)) else next(batches)
        super()._symbolic_build(data_batch=flat_batch(self, data_batch))

    def train_step(self, *state_and_batch):
        *state, batch = state_and_batch
        batch = flat_batch(self, batch)
        if self.weighing.uses_gradients:
            return self._train_by_gradients(*batch)
        return super().train_step(*state, batch)

    def test_step(self, *state_and_batch):
        *state, batch = state_and_batch
        return super().test_step(*state, flat_batch(self, batch))

    def predict_step(self, *state_and_batch):
        *state, batch = state_and_batch
        return super().predict_step(*state, flat_batch(self, batch))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses, present = self.task_losses(y, y_pred, sample_weight)
        total = self.weighing(losses, present, training=training) + sum(self.losses)
        self._log(total, x, training)
        # As Keras has it, the replicas' losses add up to the mean over the batch.
        return total / num_replicas()

    def task_losses(self, y, y_pred, sample_weight=None):
        """The mean loss of each task, which is logged, and which tasks there are examples of.

        Returns:
            `(losses, present)`, float32 `(tasks,)` each, in the order of `heads`; the loss of a
            task without examples is 0.
        """
        losses, present = [], []
        for name in self.heads:
            values = ops.cast(self._loss_of[name](y[name], y_pred[name]), "float32")
            values = ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)
            if sample_weight is not None and sample_weight.get(name) is not None:
                values = values * ops.cast(sample_weight[name], "float32")
            count = ops.cast(ops.shape(values)[0], "float32")
            losses.append(ops.sum(values) / ops.maximum(count, 1.0))
            present.append(ops.minimum(count, 1.0))
            self._task_losses[name].update_state(losses[-1], count)
        return ops.stack(losses), ops.stack(present)

    def _log(self, total, x, training):
        # Keras counts the examples of the first task, which a step may have none of.
        self._total_loss.update_state(total, num_examples(x))
        self._is_training = training

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        if self._is_training:
            weights = self.weighing.weights_now
            logs |= {f"{name}_weight": weights[place] for place, name in enumerate(self.heads)}
        return logs

    def get_metrics_result(self):
        logs = super().get_metrics_result()
        total = logs.pop("total_loss")
        logs.pop("loss", None)
        if len(self.heads) == 1:  # Keras leaves the name of a single output out
            (task,) = self.heads
            logs = {n if n.startswith(f"{task}_") else f"{task}_{n}": v for n, v in logs.items()}
        return {"loss": total, **logs}

    def _train_by_gradients(self, x, y, sample_weight):
        """A step whose weights depend on the gradients of the tasks."""
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            y_pred = self(x, training=True)
            losses, present = self.task_losses(y, y_pred, sample_weight)
            others = ops.cast(sum(self.losses), "float32")
            parts = tf.concat([losses, [others]], axis=0) / num_replicas()
            scaled = tf.unstack(self.optimizer.scale_loss(parts))
        variables = self.trainable_variables
        *gradients, of_others = [tape.gradient(part, variables) for part in scaled]
        means = self.weighing.mean_losses(losses)
        weights = self.weighing.gradient_weights(means, present, inner_products(gradients))
        all_weights = tf.concat([weights, [1.0]], axis=0)
        summed = weighed_sum([*gradients, of_others], all_weights)
        self.optimizer.apply_gradients(zip(summed, variables, strict=True))
        self._log(tf.reduce_sum(weights * losses) + others, x, True)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    # === Configuration ===

    def get_config(self):
        parts = {"sharing": self.sharing, "heads": self.heads, "weighing": self.weighing}
        config = keras.saving.serialize_keras_object(parts)
        mark_shared(config, parts)
        return {**config, "text_inputs": list(self.text_inputs), "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {name: config[name] for name in ("sharing", "heads", "weighing")}
        with sharing_scope():
            parts = keras.saving.deserialize_keras_object(parts, custom_objects=custom_objects)
        model = cls(**{**config, **parts})
        for layer in (model.sharing, *model.heads.values()):
            if not layer.trainable:
                freeze(layer)
        return model


def _outputs(sharing, heads, inputs, text_inputs):
    """The answer of each task, by its name."""
    texts = {
        name: {column: inputs[name][column] for column in text_inputs}
        for name, head in heads.items()
        if head.reads_text
    }
    words = sharing(texts) if texts else {}
    return {
        name: head(inputs[name], words=words[name]) if head.reads_text else head(inputs[name])
        for name, head in heads.items()
    }


def _loss_function(loss):
    """A function from labels and predictions to losses, the examples along the first axis."""
    loss = keras.losses.get(loss)
    return loss.call if isinstance(loss, keras.losses.Loss) else loss


def _checked_parts(sharing, heads, weighing):
    for name, part, kind in (
        ("sharing", sharing, TaskSharing),
        ("weighing", weighing, TaskWeighing),
        *((f"heads[{task!r}]", head, TaskHead) for task, head in dict(heads).items()),
    ):
        if not isinstance(part, kind):
            raise ValueError(f"`{name}` must be a {kind.__name__}. {describe(part)}.")
    if not heads:
        raise ValueError("`heads` must hold at least one task. Received: none.")
    return dict(heads)
