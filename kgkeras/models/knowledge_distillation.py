"""Trains a model beside the answers of another one."""

import keras
from keras import ops

from kgkeras.checks import describe, fraction
from kgkeras.losses import DistillationLoss
from kgkeras.models.composed import ComposedModel
from kgkeras.ops import num_replicas
from kgkeras.registration import serializable

_TEACHER_LOGITS = "teacher_logits"
_HOW_TO_RUN = ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")


@serializable
class KnowledgeDistillation(ComposedModel):
    """A student's own loss, and how far its answers are from a teacher's; trained by stock `fit`.

    The loss is `(1 - weight) * student's loss + weight * T^2 * KL(teacher || student)` over the
    same candidates, such as classes, entities or relations; `student_loss` and `distillation_loss`
    are logged apart. What `compile` is given is the student's: its loss and its metrics. After
    training `student` is a model like any other, to be saved and exported; the teacher has not
    changed.

    Candidates' logits are what a model returns or, if it has such a method, its
    `candidate_logits(x, y_pred, training)`.

    Args:
        student: Functional `keras.Model`; it is trained.
        teacher: `keras.Model` that takes the same inputs, and is frozen (`trainable` becomes
            False); None where the batches have the teacher's logits as `teacher_logits`, of the
            shape of the student's, which counts before the teacher otherwise, too.
        temperature: `T`, above 0; see `losses.DistillationLoss`.
        weight: Of the teacher, between 0, as without it, and 1.

    Call arguments:
        inputs: What the student takes; in training perhaps `teacher_logits`, too.

    Returns:
        What the student returns.

    Raises:
        ValueError: If the student is not functional, `weight` or `temperature` is out of range, or
            a batch has no logits and there is no teacher.

    Reference: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.

    Example:
    ```python
    model = KnowledgeDistillation(student, teacher, temperature=2.0, weight=0.5)
    model.compile("adam", student.head.loss(), metrics=["accuracy"])
    model.fit(batches, epochs=3)
    model.student.save("student.keras")
    ```
    """

    parts = ("student", "teacher")
    settings = ("temperature", "weight")

    def __init__(self, student, teacher=None, *, temperature=2.0, weight=0.5, **kwargs):
        inputs = _inputs(student)
        super().__init__(inputs, student(inputs), **kwargs)
        self.supports_jit = student.supports_jit
        if teacher is not None:
            _freeze(teacher)
            self.supports_jit = self.supports_jit and teacher.supports_jit
        self.student, self.teacher = student, teacher
        self.temperature, self.weight = temperature, fraction("weight", weight)
        self._distance = DistillationLoss(temperature)
        self._logged = {
            name: keras.metrics.Mean(name=name) for name in ("student_loss", "distillation_loss")
        }

    # === Keras' protocol ===

    def get_config(self):
        config = super().get_config()
        for part in self.parts:
            # How they were trained before is over: their optimizers are not saved.
            (config[part] or {}).pop("compile_config", None)
        return config

    def compile(self, optimizer="rmsprop", loss=None, **options):
        """Keras' own; loss and metrics are the student's, the optimizer belongs to both."""
        running = {name: options[name] for name in _HOW_TO_RUN if name in options}
        super().compile(optimizer, **running)
        options = {**options, "jit_compile": self.jit_compile, "auto_scale_loss": False}
        self.student.compile(self.optimizer, loss, **options)
        # Keras builds what it finds here before replicas step: not within, where it could not.
        self._compile_metrics = self.student._compile_metrics

    def get_compile_config(self):
        return self.student.get_compile_config()

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def call(self, inputs, training=None, mask=None):
        return self.student(_split(inputs)[0], training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        x, teacher = _split(x)
        weight = self.weight
        if weight and teacher is None:
            teacher = self._teacher_logits(x, training)
        if teacher is None:
            weight = 0
        loss = 0.0
        if weight < 1:
            own = self.student.compute_loss(x, y, y_pred, sample_weight, training=training)
            loss += (1 - weight) * self._log("student_loss", own, y_pred)
        if weight:
            logits = _logits(self.student, x, y_pred, training)
            distance = self._distance(ops.stop_gradient(teacher), logits, sample_weight)
            loss += weight * self._log("distillation_loss", distance, y_pred)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = self.student.compute_metrics(_split(x)[0], y, y_pred, sample_weight)
        names = self._logged_names()
        if self.teacher is None and _split(x)[1] is None:  # as in validation
            names = [name for name in names if name != "distillation_loss"]
        return {
            **logs,
            "loss": self._loss_tracker.result(),
            **{name: self._logged[name].result() for name in names},
        }

    @property
    def metrics(self):
        own = [self._loss_tracker] if self.compiled else []
        own += [self._logged[name] for name in self._logged_names()]
        return own + [metric for metric in self.student.metrics if metric.name != "loss"]

    # === Answers of both ===

    def _teacher_logits(self, x, training):
        """The teacher's logits; None where there is no teacher, and nothing is to be learned."""
        if self.teacher is not None:
            return _logits(self.teacher, x, self.teacher(x, training=False), training=False)
        if training:
            raise ValueError(
                "Batches must have `teacher_logits`, since there is no teacher. "
                f"Received: {sorted(x) if isinstance(x, dict) else x!r}."
            )
        return None

    def _logged_names(self):
        """What is logged beside the loss: nothing that the weight leaves out."""
        return [
            name
            for name, used in zip(self._logged, (self.weight < 1, self.weight > 0), strict=True)
            if used
        ]

    def _log(self, name, value, y_pred):
        rows = ops.shape(keras.tree.flatten(y_pred)[0])[0]
        self._logged[name].update_state(value * num_replicas(), rows)
        return value


def _freeze(model):
    model.trainable = False
    # An attribute that is set to what it is already is skipped in TensorFlow: in a layer that was
    # loaded frozen, the layers inside would stay as they are.
    for variable in model.variables:
        variable.trainable = False


def _inputs(student):
    """The symbolic inputs of a functional or sequential model."""
    if not isinstance(student, keras.Model) or not getattr(student, "inputs", None):
        raise ValueError(f"`student` must be a functional keras.Model. {describe(student)}.")
    return getattr(student, "_inputs_struct", student.inputs[0])


def _split(x):
    """A batch's inputs without the teacher's logits, and these."""
    if not isinstance(x, dict) or _TEACHER_LOGITS not in x:
        return x, None
    return {name: value for name, value in x.items() if name != _TEACHER_LOGITS}, x[_TEACHER_LOGITS]


def _logits(model, x, y_pred, training):
    if hasattr(model, "candidate_logits"):
        return model.candidate_logits(x, y_pred, training)
    return y_pred
