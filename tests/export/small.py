"""Small models of every kind to export: untrained, they answer anyway."""

import keras
import keras_hub
import numpy as np

from kgkeras import agents, datasets, graph, kg, layers, models, scorers, text
from kgkeras.text import best_tags
from tests import toy

TEXTS = ("Lima is in Peru.", "São Paulo lies in Brazil!", "nothing known here", "")
MARKED = {
    1: ("<e1> Lima </e1> is nice", "who knows <e1> Nowhere </e1>"),
    2: ("<e1> Lima </e1> is in <e2> Peru </e2>", "<e1> Nowhere </e1> and <e2> São Paulo </e2>"),
}
NAMES = ("Lima", "Peru", "São Paulo", "Brazil", "America")
FACTS = ((0, 0, 1), (2, 0, 3), (1, 1, 4), (3, 1, 4))


def knowledge():
    """Cities in countries, countries in America."""
    return kg.KnowledgeGraph(
        ["lima", "peru", "sao_paulo", "brazil", "america"],
        ["city_in", "part_of"],
        np.array(FACTS, "int32"),
        entity_texts=kg.Texts(names=NAMES),
    )


def preprocessor(facts):
    """Words of `TEXTS`, linked to the graph; 16 tokens."""
    tokenizer = text.WordTokenizer.from_texts(TEXTS)
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(facts), 16)


def links(facts, scorer=None):
    """A link predictor."""
    keras.utils.set_random_seed(3)
    return models.LinkPredictor.from_graph(facts, scorer or scorers.ComplEx(), dim=8)


def paths(facts):
    """A path predictor."""
    keras.utils.set_random_seed(3)
    return models.PathPredictor.from_graph(facts, units=8, num_layers=2)


def joint(facts, head=None):
    """A joint model; text only where `facts` is None."""
    keras.utils.set_random_seed(5)
    parts = {}
    if facts is not None:
        sizes = facts.num_entities, facts.num_relations
        parts["triples"] = layers.TripleEmbedding.from_sizes(*sizes, 8)
        parts["fusion"] = layers.GatedFusion()
    return models.JointModel(toy.encoder(8), head or layers.ClassificationHead(2), **parts)


def tagger(facts):
    """A tagger of two types; text only where `facts` is None."""
    keras.utils.set_random_seed(7)
    parts = {}
    if facts is not None:
        sizes = facts.num_entities, facts.num_relations
        parts = {"triples": layers.TripleEmbedding.from_sizes(*sizes, 8)}
        parts["fusion"] = layers.GatedFusion()
    return models.TokenTagger(toy.encoder(8), layers.ClassificationHead(5), **parts)


def marked(facts, count):
    """A classifier of the one or two mentions between marks, and its preprocessor."""
    keras.utils.set_random_seed(5)
    marks = ("<e1>", "</e1>", "<e2>", "</e2>")[: 2 * count]
    tokenizer = text.WordTokenizer.from_texts(MARKED[count], markers=marks)
    linker = text.DictionaryLinker.from_graph(facts)
    sizes = facts.num_entities, facts.num_relations
    model = (models.EntityTyper if count == 1 else models.RelationClassifier)(
        toy.encoder(8),
        layers.ClassificationHead(2),
        tokenizer.marker_ids,
        triples=layers.TripleEmbedding.from_sizes(*sizes, 8),
        fusion=layers.GatedFusion(),
        scorer=scorers.DistMult(),
    )
    return model, text.Preprocessor(tokenizer, linker, 16, marked_only=True)


def pairs(facts):
    """A classifier of pairs of texts that counts the facts between them."""
    keras.utils.set_random_seed(5)
    counts = graph.FactCounts(graph.FactIndex.from_graph(facts.with_inverses()))
    return models.KnowledgeClassifier(joint(facts), counts)


def questions(facts):
    """A question answerer over the facts from both ends."""
    keras.utils.set_random_seed(5)
    walk = graph.RelationWalk(graph.FactIndex.from_graph(facts.with_inverses()), 2, k=3)
    return models.QuestionAnswerer(toy.encoder(8), walk, max_mentions=2)


def graph_text(facts, head=None):
    """A model of texts and their subgraphs, one round of messages."""
    keras.utils.set_random_seed(5)
    relations = 2 * facts.num_relations
    return models.GraphTextModel(
        toy.encoder(8),
        head or layers.ClassificationHead(2),
        layers.TripleEmbedding.from_sizes(facts.num_entities, facts.num_relations, 8),
        [graph.RelationalGraphAttention(8, 2, relations + 2)],
        num_relations=relations,
    )


def masked_preprocessor(facts):
    """Word pieces of `TEXTS`, with a mask; 16 tokens."""
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]")
    words = ("lima", "is", "in", "peru", "sao", "##s", "brazil", "lies", "nothing", "known", "here")
    tokenizer = text.WordPieceTokenizer.from_pieces((*special, *words, ".", "!"), lowercase=True)
    return text.Preprocessor(tokenizer, text.DictionaryLinker.from_graph(facts), 16)


def masked_lm(facts, preprocessor, described=False, **options):
    """A masked language model: entities in a table, described, or none where `facts` is None."""
    keras.utils.set_random_seed(5)
    size = preprocessor.tokenizer.vocabulary_size
    encoder = text.TransformerEncoder(size, 8, num_layers=2, num_heads=2, max_length=32)
    if facts is not None and described:
        relations = layers.RelationEmbedding(facts.num_relations, 6, name="relations")
        options["triples"] = layers.DescribedTriples(relations, 6)
    elif facts is not None:
        sizes = facts.num_entities, facts.num_relations
        options["triples"] = layers.TripleEmbedding.from_sizes(*sizes, 6)
        options |= {"fusion": layers.GatedFusion(), "fusion_after": 1, "entity_candidates": "all"}
    return models.KnowledgeMaskedLM(encoder, **options)


def text_links(preprocessor):
    """A bi-encoder of texts."""
    keras.utils.set_random_seed(5)
    encoder = text.LSTMEncoder(preprocessor.tokenizer.vocabulary_size, 8)
    return models.TextLinkPredictor(encoder)


def multitask(facts, preprocessor):
    """A model of four tasks; those that read share one encoder."""
    keras.utils.set_random_seed(3)
    triples = layers.TripleEmbedding.from_sizes(facts.num_entities, facts.num_relations, 8)
    triples.build()
    encoder = text.LSTMEncoder(preprocessor.tokenizer.vocabulary_size, 8)
    trunk = models.FusedEncoder(encoder, triples.entities, layers.GatedFusion())
    scorer = scorers.ComplEx()
    heads = {
        "truth": layers.ClassHead(layers.ClassificationHead(1, "binary")),
        "questions": layers.AnswerHead(triples, scorer),
        "language": layers.HiddenTokenHead(encoder),
        "graph": layers.TripleHead(triples, scorer),
    }
    return models.MultiTaskModel(layers.HardSharing(trunk), heads)


def reasoner(facts, preprocessor=None):
    """A reasoner that is asked by head and relation or, with a preprocessor, in words."""
    keras.utils.set_random_seed(5)
    environment = agents.GraphEnvironment.from_graph(facts)
    queries = agents.RelationQueries()
    if preprocessor is not None:
        queries = agents.Questions(toy.encoder(8), preprocessor.tokenizer.unknown_id)
    policy = agents.WalkPolicy(
        layers.RelationEmbedding(environment.start + 1, 8), agents.LSTMHistory(8), 8
    )
    return agents.PathReasoner(environment, policy, queries, agents.Reinforce(), steps=2)


def writer():
    """A writer about the facts, two at a time."""
    keras.utils.set_random_seed(5)
    triples = [("Lima", "cityIn", "Peru"), ("São_Paulo", "partOf", "Brazil")]
    example = datasets.VerbalisedFacts(triples, ["Lima is a city in Peru.", *TEXTS])
    sizes = {"max_facts": 2, "max_entities": 3, "max_words": 8}
    tokens = agents.FactTokens.from_examples([example], min_count=1, **sizes)
    length = tokens.facts_length + tokens.max_words
    backbone = keras_hub.models.GPT2Backbone(tokens.size, 2, 2, 8, 16, 0.0, length)
    return agents.KnowledgeWriter(backbone, tokens)


def spans(model, preprocessor, text, classes):
    """What a tagger tells of one text, word by word."""
    encoded = preprocessor([text])
    logits = np.asarray(model(encoded, training=False), "float64")[0]
    chances = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    words = {name: column.numpy()[0] for name, column in preprocessor.words([text]).items()}
    first = np.flatnonzero(np.diff(words["places"], prepend=-1) > 0) + 1
    speaks = np.zeros((1, len(logits)), bool)
    speaks[0, first] = True
    tags = best_tags(logits[None].astype("float32"), speaks).numpy()[0]
    found, raw = [], text.encode()
    for place in first:
        tag, word = tags[place], words["places"][place - 1]
        if tag % 2:
            entity = int(encoded["entity_ids"][0, place])
            found.append([(tag - 1) // 2, words["starts"][word], 0, [], entity])
        if tag:
            found[-1][2] = words["ends"][word]
            found[-1][3].append(chances[place, tag])
    return {
        "spans": [raw[start:end].decode() for _, start, end, _, _ in found],
        "types": [classes[kind] for kind, *_ in found],
        "scores": [np.mean(told) for *_, told, _ in found],
        "entities": [NAMES[entity] if entity >= 0 else "" for *_, entity in found],
    }
