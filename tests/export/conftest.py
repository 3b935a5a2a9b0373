"""A small model of names to export."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.export import Endpoint

NAMES = ("Ada", "Bern", "Čapek")


@pytest.fixture
def subject(tmp_path):
    """Names in, two numbers a name out: a lookup table before an embedding.

    Holds `model`, `table`, `endpoint` (with a warmup sample) and `numbers(ids)`.
    """
    file = tmp_path / "names.txt"
    file.write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    initializer = tf.lookup.TextFileInitializer(
        str(file),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    table = tf.lookup.StaticHashTable(initializer, default_value=-1)
    ids = keras.Input((), dtype="int32", name="ids")
    vectors = keras.layers.Embedding(len(NAMES), 4, name="names")(ids)
    model = keras.Model({"ids": ids}, keras.layers.Dense(2, name="project")(vectors))

    def numbers_of_names(name):
        found = tf.cast(table.lookup(name), tf.int32)
        return {"numbers": model({"ids": tf.maximum(found, 0)}), "known": found >= 0}

    endpoint = Endpoint(
        "look_up",
        numbers_of_names,
        (tf.TensorSpec([None], tf.string, name="name"),),
        warmup={"name": np.array(["Ada", "nobody"])},
    )
    return types.SimpleNamespace(
        model=model,
        table=table,
        endpoint=endpoint,
        numbers=lambda ids: model({"ids": np.asarray(ids, "int32")}).numpy(),
    )


@pytest.fixture
def save(tmp_path):
    """`save(function, *specs, name="answer", tracked=()) -> folder`: a version, not checked."""

    def save(function, *specs, name="answer", tracked=()):
        folder = tmp_path / "saved" / "1"
        archive = keras.export.ExportArchive()
        for resource in tracked:
            archive.track(resource)
        archive.add_endpoint(name, function, list(specs))
        archive.write_out(str(folder), verbose=False)
        return folder

    return save
