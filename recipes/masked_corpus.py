"""A corpus as batches with gaps, and the questions whose answers it lacks."""

import math

import keras

from kgkeras import evaluation, pipelines, text


class MaskedCorpus:
    """The texts as tokens, and what a model of them is trained and asked with.

    Args:
        config: That of the recipe `pretraining`.
        corpus: `told_facts.Corpus`.
    """

    def __init__(self, config, corpus):
        self.config, self.corpus = config, corpus
        names = [corpus.graph.entity_name(i) for i in range(corpus.graph.num_entities)]
        self.tokenizer = text.train_word_pieces([*corpus.texts, *names], config.pieces)
        linker = text.DictionaryLinker.from_graph(corpus.graph)
        self.preprocessor = text.Preprocessor(self.tokenizer, linker, config.length)
        self.encoded, self.held_out = (
            pipelines.encode_words(self.preprocessor, texts)
            for texts in (corpus.texts, corpus.held_out)
        )
        self.descriptions = None
        if config.entities == "described":
            self.descriptions = pipelines.encode_texts(self.preprocessor, corpus.descriptions)
        self.steps = pipelines.steps_per_epoch(len(corpus.texts), config.batch_size)

    def batches(self, graph, first_epoch):
        """Training batches; without a graph, the same texts with the same gaps."""
        config = self.config
        return self._masked(
            self.encoded,
            graph,
            batch_size=config.batch_size,
            descriptions=self.descriptions if graph else None,
            first_epoch=first_epoch,
            triples_per_text=config.triples_per_text,
            num_negatives=config.negatives,
        )

    def held_out_batches(self):
        """Held-out sentences, four times with other gaps, but each time the same ones."""
        batch_size = min(self.config.batch_size, len(self.corpus.held_out))
        steps = pipelines.steps_per_epoch(len(self.corpus.held_out), batch_size)
        return self._masked(self.held_out, batch_size=batch_size).take(4 * steps).cache()

    def _masked(self, encoded, *arguments, **options):
        config = self.config
        options |= {"rate": config.rate, "entity_rate": config.entity_rate, "seed": config.seed}
        return pipelines.masked_text_batches(encoded, self.tokenizer, *arguments, **options)

    def ask(self, model, side, most=None):
        """The figures of the facts of one side."""
        corpus = self.corpus
        return evaluation.cloze(
            model,
            self.preprocessor,
            corpus.graph,
            corpus.questions,
            corpus.asked[side][:most],
            candidates=corpus.candidates,
            known=corpus.known,
        )


class Asked(keras.callbacks.Callback):
    """Logs what the model knows of some validation facts, about five times in a run.

    Args:
        corpus: `MaskedCorpus`.
        most: Number of facts.
    """

    def __init__(self, corpus, most=300):
        super().__init__()
        self.corpus, self.most = corpus, most
        self.every = -(-corpus.config.epochs // 5)
        self.figures = {"val_cloze_mrr": math.nan, "val_cloze_precision@1": math.nan}

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            found = self.corpus.ask(self.model, "valid", self.most).figures()
            self.figures = {name: found[name.removeprefix("val_cloze_")] for name in self.figures}
        logs.update(self.figures)
