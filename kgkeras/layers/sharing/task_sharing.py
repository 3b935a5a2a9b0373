"""What the ways of sharing a reader among tasks have in common."""

import keras

from kgkeras.ops.joined_rows import join_rows, split_rows


class TaskSharing(keras.layers.Layer):
    """Base of layers that read the texts of several tasks.

    Subclasses implement `read` and, where tasks have parts of their own, `with_task` and
    `without_task`.

    Call arguments:
        inputs: Dict from the name of each task to its texts: a dict of `token_ids` and
            `padding_mask` and, as the readers ask for it, `entity_ids`, each `(batch, words)`;
            batches and words may differ between tasks, and a batch may be empty.

    Returns:
        Dict from the name of each task to its words, `(batch, words, dim)`.
    """

    def call(self, inputs, training=None):
        names = list(inputs)
        texts = join_rows([inputs[name] for name in names])
        masks = [inputs[name]["padding_mask"] for name in names]
        words = self.read(texts, names, masks, training=training)
        return dict(zip(names, words, strict=True))

    def read(self, texts, names, masks, training=None):
        """Reads the texts of all tasks, one batch.

        Args:
            texts: Dict of tensors `(all rows, words)`.
            names: Names of the tasks, in the order of their rows.
            masks: The `padding_mask` of each task, `(rows, words)`: how much of `texts` is its.
            training: Whether dropout is active.

        Returns:
            List of the words of each task, `(rows, words, dim)`.
        """
        raise NotImplementedError

    def with_task(self, name, part=None):
        """The layer for one task more; all weights are shared with this one.

        Args:
            name: Name of the task.
            part: What the task has of its own, where tasks have something: see the subclass.

        Raises:
            ValueError: If `part` is missing, or there is no place for it.
        """
        if part is not None:
            raise ValueError(
                f"{type(self).__name__} has nothing that belongs to one task: `part` must be None. "
                f"Received: {part!r}."
            )
        return self

    def without_task(self, name):
        """The layer for one task less; all weights are shared with this one.

        What the answers of other tasks are made of stays, also where it belonged to this task.
        """
        return self

    def get_build_config(self):
        return None  # the model that is made of it builds it

    def compute_output_spec(self, inputs, training=None):
        return {
            name: keras.KerasTensor((*texts["padding_mask"].shape, self.dim), self.compute_dtype)
            for name, texts in inputs.items()
        }


def choose_rows(streams, names, masks):
    """Of what each task's stream made of all rows, that task's own rows.

    Args:
        streams: Dict from name to `(all rows, words, dim)`.
        names: Names of the tasks, in the order of their rows.
        masks: As of `TaskSharing.read`.
    """
    split = {name: split_rows(streams[name], masks) for name in dict.fromkeys(names)}
    return [split[name][place] for place, name in enumerate(names)]


def output_dim(reader):
    """The length of the vectors of a reader: of its `dim`, or of its symbolic output."""
    return reader.dim if hasattr(reader, "dim") else reader.output.shape[-1]


def needed_part(layer, part, kind):
    """`part` itself, or a `ValueError` if there is none."""
    if part is None:
        raise ValueError(
            f"{type(layer).__name__} needs {kind} for a new task: `part`. Received: None."
        )
    return part
