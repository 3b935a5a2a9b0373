"""Nominals that sentences mark, and what a graph knows of them: `relation_classification.py`."""

import dataclasses
import pathlib

import joint_training
import keras
import numpy as np

from kgkeras import losses, models, optimizers, pipelines, scorers, text, training

SCORERS = {"distmult": scorers.DistMult, "complex": scorers.ComplEx}
# What may differ between a run and its resumption.
ELSEWHERE = ("run", "export", "resume", "models")


def settings(config):
    """What two starts of the same training have in common."""
    return {key: value for key, value in vars(config).items() if key not in ELSEWHERE}


def load_task(config):
    """The texts, and the facts around the entities that they mark, as a graph of its own.

    Returns:
        `joint_training.Task`, and a number for each entity: how many facts the whole graph has of
        it, by which the linker chooses among senses.
    """
    task = joint_training.load_task(config)
    known = np.bincount(task.graph.triples[:, [0, 2]].ravel(), minlength=task.graph.num_entities)
    # Any tokenizer will do: the linker looks at words.
    tokenizer = text.WordTokenizer(["word"], markers=task.markers)
    preprocessor = make_preprocessor(task, tokenizer, known)
    splits = (task.texts.train, task.texts.valid, task.texts.test)
    marked = [
        pipelines.encode_texts(preprocessor, split.texts)["entity_ids"].ravel() for split in splits
    ]
    part = pipelines.TaskSubgraph.around(
        task.graph,
        np.concatenate(marked),
        hops=config.hops,
        max_degree=config.max_degree,
        seed=config.seed,
    )
    graph, _ = part.compact()
    return dataclasses.replace(task, graph=graph), known[part.hops >= 0]


def make_preprocessor(task, tokenizer, known):
    """What turns texts into tokens, and the marked nominals, in their plural too, into entities."""
    linker = text.DictionaryLinker.from_graph(task.graph, known, plurals=True)
    return text.Preprocessor(tokenizer, linker, marked_only=True)


def learn_graph(config, graph, name):
    """Trains a link predictor on the graph, or goes on with it.

    Returns:
        The vectors of entities and of relations, two arrays.
    """
    training.set_seed(config.seed)
    with training.make_strategy(config.devices).scope():
        model = models.LinkPredictor.from_graph(
            graph, SCORERS[config.scorer](), config.dim, reciprocal=False, entity_dropout=0.1
        )
        model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    folder = pathlib.Path(config.run) / f"{name}_graph"
    run = training.TrainingRun(folder, settings(config), monitor="loss", resume=config.resume)
    first_epoch = run.restore(model)
    if not run.finished:
        batch_size = 512
        batches = pipelines.sampled_batches(
            graph,
            batch_size=batch_size,
            num_negatives=256,
            both_sides=True,
            filtered=True,
            first_epoch=first_epoch,
            seed=config.seed,
        )
        model.fit(
            batches,
            initial_epoch=first_epoch,
            epochs=config.kg_epochs,
            steps_per_epoch=pipelines.triple_steps(graph, batch_size),
            callbacks=run.callbacks(),
            shuffle=False,
            verbose=2,
        )
    run.load_best(model)
    return tuple(
        keras.ops.convert_to_numpy(table.vectors())
        for table in (model.triples.entities, model.triples.relations)
    )
