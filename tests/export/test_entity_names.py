"""Names in a SavedModel find what the vocabulary finds."""

import numpy as np
import pytest
import tensorflow as tf

from kgkeras import layers
from kgkeras.export.entity_names import EntityNames
from kgkeras.models import Vocabulary

VOCABULARY = Vocabulary(
    ["q1", "q2", "q3", "q4", "q5", "q6"],
    ["r"],
    # Shared by three; another's identifier; blank; with a tab.
    ["Paris", "Paris", "q1", "Paris", "", "Le\tHavre"],
)


@pytest.mark.parametrize("name", [*VOCABULARY.entities, "Paris", "", "Rome", "q1"])
def test_finds_what_the_vocabulary_finds(name):
    try:
        wanted = VOCABULARY.entity_id(name) if name else -1
    except ValueError:
        wanted = -1
    assert EntityNames(VOCABULARY).ids(tf.constant([name])).numpy().tolist() == [wanted]


def test_a_name_that_no_line_can_hold_is_shown_but_not_found():
    names = EntityNames(VOCABULARY)
    assert names.ids(tf.constant(["Le\tHavre"])).numpy().tolist() == [-1]
    assert names.names(tf.constant([0, 5, -1])).numpy().tolist() == [b"Paris", b"Le Havre", b""]


def test_a_blank_name_gives_way_to_the_identifier():
    names = EntityNames(Vocabulary(["a", "b"], ["r"], ["", " "]))
    assert names.names(tf.constant([0, 1])).numpy().tolist() == [b"a", b"b"]


def test_an_identifier_that_no_line_can_hold_is_refused():
    with pytest.raises(ValueError, match="Each key of the table 'entities' must be non-empty"):
        EntityNames(Vocabulary(["a\tb"], ["r"]))


def test_endpoint_embeds():
    layer = layers.EntityEmbedding(6, 3, dtype="mixed_bfloat16")
    endpoint = EntityNames(VOCABULARY).embed_endpoint(layer)
    assert endpoint.warmup["entity"].tolist() == list(VOCABULARY.entities)
    answer = endpoint.function(tf.constant(["q3", "Rome"]))
    assert answer["embedding"].dtype == tf.float32
    wanted = tf.cast(layer(np.array([2])), tf.float32)[0]
    np.testing.assert_array_equal(answer["embedding"], [wanted, np.zeros(3)])
    assert answer["known"].numpy().tolist() == [True, False]
