"""The benchmarks of facts that are known by name, each at pinned public addresses."""

from kgkeras.datasets import benchmark_texts
from kgkeras.datasets.benchmark import Benchmark, BenchmarkFile

_SPLITS = ("train", "valid", "test")
_RAW = "https://raw.githubusercontent.com"
_CONVE = "https://github.com/TimDettmers/ConvE/raw/f3c0eb286025410fa5b4c04696c918264163d0ca"
_KG_BERT = f"{_RAW}/yao8839836/kg-bert/0b8f625108efcb9b43603b6840f2548ff3d3c973/data"
_STAR = f"{_RAW}/wangbo9719/StAR_KGC/dc5ee80bef1320e329e8ff0d27fb24497ced6dda/StAR/data"
_VILLMOW = f"{_RAW}/villmow/datasets_knowledge_embedding/9e392453d6804d1f51c13e5650ae58ed48b638d5"
_CODEX = f"{_RAW}/tsafavi/codex/3132e426c2a6b643b70bad679905a3a6270be440/data"
_GRAIL = f"{_RAW}/kkteru/grail/2a3dffa719518e7e6250e355a2fb37cd932de91e/data"

_CONVE_PAPER = "Dettmers et al., Convolutional 2D Knowledge Graph Embeddings, AAAI 2018"


def _packed(folder, archive):
    """The three splits of a folder, all in one archive."""
    return {
        split: BenchmarkFile(f"{folder}/{split}.txt", archive, member=f"{split}.txt")
        for split in _SPLITS
    }


def _plain(folder, url):
    """The three splits of a folder, each at its own address."""
    return {s: BenchmarkFile(f"{folder}/{s}.txt", f"{url}/{s}.txt") for s in _SPLITS}


def _codex(size, counts):
    name = f"codex-{size.lower()}"
    folder, url = f"codex/{name}", f"{_CODEX}/triples/{name}"
    files = _plain(folder, url)
    for split in ("valid", "test"):
        file = f"{split}_negatives.txt"
        files[f"{split}_negatives"] = BenchmarkFile(f"{folder}/{file}", f"{url}/{file}")
    files |= {
        "relation_texts": BenchmarkFile(
            "codex/relations.en.json", f"{_CODEX}/relations/en/relations.json"
        ),
        "type_texts": BenchmarkFile("codex/types.en.json", f"{_CODEX}/types/en/types.json"),
        "entity_types": BenchmarkFile(
            "codex/entity2types.json", f"{_CODEX}/types/entity2types.json"
        ),
        "entity_texts": BenchmarkFile(
            "codex/entities.en.json", f"{_CODEX}/entities/en/entities.json", optional=True
        ),
        "some_entity_texts": BenchmarkFile(
            f"codex/entity_labels_partial.{name}.tsv", None, optional=True
        ),
    }
    return Benchmark(
        name=f"CoDEx-{size}",
        files=files,
        homepage="https://github.com/tsafavi/codex",
        licence="MIT; content of Wikidata CC0",
        citation="Safavi and Koutra, CoDEx: A Comprehensive Knowledge Graph Completion Benchmark, "
        "EMNLP 2020",
        counts=counts,
        read_texts=benchmark_texts.codex,
    )


def _countries(task, counts):
    folder = f"countries/countries_{task}"
    return Benchmark(
        name=f"countries_{task}",
        files=_plain(folder, f"{_CONVE}/{folder}"),
        homepage="https://github.com/TimDettmers/ConvE",
        licence="MIT",
        citation="Bouchard et al., On Approximate Reasoning Capabilities of Low-Rank Vector "
        "Spaces, AAAI Spring Symposia 2015",
        counts=counts,
    )


def _small(name, counts):
    return Benchmark(
        name=name,
        files=_packed(name, f"{_CONVE}/{name}.tar.gz"),
        homepage="https://github.com/TimDettmers/ConvE",
        licence="MIT",
        citation="Kok and Domingos, Statistical Predicate Invention, ICML 2007",
        counts=counts,
    )


FB15K_237 = Benchmark(
    name="FB15k-237",
    files={
        **_packed("FB15k-237", f"{_CONVE}/FB15k-237.tar.gz"),
        "entity_names": BenchmarkFile(
            "FB15k-237/entity2text.txt", f"{_KG_BERT}/FB15k-237/entity2text.txt"
        ),
        "entity_descriptions": BenchmarkFile(
            "FB15k-237/entity2text_desc.txt", f"{_STAR}/FB15k-237/fb-entity2text-new.txt"
        ),
        "entity_aliases": BenchmarkFile(
            "FB15k-237/entity2wikidata.json", f"{_VILLMOW}/FB15k-237/entity2wikidata.json"
        ),
        "relation_names": BenchmarkFile(
            "FB15k-237/relation2text.txt", f"{_KG_BERT}/FB15k-237/relation2text.txt"
        ),
    },
    homepage="https://github.com/TimDettmers/ConvE",
    licence="none stated for all of it; facts of Freebase CC BY 2.5, descriptions of Wikipedia",
    citation="Toutanova and Chen, Observed versus Latent Features for Knowledge Base and Text "
    "Inference, CVSC 2015",
    counts=(272115, 17535, 20466),
    read_texts=benchmark_texts.fb15k237,
)

WN18RR = Benchmark(
    name="WN18RR",
    files={
        **_packed("WN18RR", f"{_CONVE}/WN18RR.tar.gz"),
        "entity_texts": BenchmarkFile(
            "WN18RR/entity2text.txt", f"{_KG_BERT}/WN18RR/entity2text.txt"
        ),
        "relation_names": BenchmarkFile(
            "WN18RR/relation2text.txt", f"{_KG_BERT}/WN18RR/relation2text.txt"
        ),
    },
    homepage="https://github.com/TimDettmers/ConvE",
    licence="MIT; content under the WordNet licence",
    citation=_CONVE_PAPER,
    counts=(86835, 3034, 3134),
    read_texts=benchmark_texts.wn18rr,
)

UMLS = Benchmark(
    name="UMLS",
    files={
        **_packed("UMLS", f"{_CONVE}/umls.tar.gz"),
        "entity_names": BenchmarkFile("UMLS/entity2text.txt", f"{_KG_BERT}/umls/entity2text.txt"),
        "entity_descriptions": BenchmarkFile(
            "UMLS/entity2textlong.txt", f"{_KG_BERT}/umls/entity2textlong.txt"
        ),
        "relation_names": BenchmarkFile(
            "UMLS/relation2text.txt", f"{_KG_BERT}/umls/relation2text.txt"
        ),
    },
    homepage="https://github.com/TimDettmers/ConvE",
    licence="MIT; descriptions of Wikipedia",
    citation="Kok and Domingos, Statistical Predicate Invention, ICML 2007",
    counts=(5216, 652, 661),
    read_texts=benchmark_texts.umls,
)

CONCEPTNET = Benchmark(
    name="ConceptNet-100K",
    files={s: BenchmarkFile(f"conceptnet/cn-100k/{s}.txt", None) for s in _SPLITS},
    homepage="https://github.com/BinWang28/InductivE",
    licence="CC BY-SA 4.0",
    citation="Li et al., Commonsense Knowledge Base Completion, ACL 2016",
    counts=(100000, 1200, 1200),
    columns=("relation", "head", "tail"),
    read_texts=benchmark_texts.conceptnet,
)

BENCHMARKS = (
    FB15K_237,
    WN18RR,
    _codex("S", (32888, 1827, 1828)),
    _codex("M", (185584, 10310, 10311)),
    UMLS,
    CONCEPTNET,
    _small("kinship", (8544, 1068, 1074)),
    _small("nations", (1592, 199, 201)),
    _countries("S1", (1111, 24, 24)),
    _countries("S2", (1063, 24, 24)),
    _countries("S3", (985, 24, 24)),
)


def _inductive(stem, version, counts):
    """A training graph, and with `_ind` the graph of new entities that it is tested on."""
    return tuple(
        Benchmark(
            name=(name := f"{stem}_v{version}{suffix}"),
            files=_plain(f"inductive_grail/{name}", f"{_GRAIL}/{name}"),
            homepage="https://github.com/kkteru/grail",
            licence="none stated",
            citation="Teru et al., Inductive Relation Prediction by Subgraph Reasoning, ICML 2020",
            counts=counts[i : i + 3],
        )
        for i, suffix in ((0, ""), (3, "_ind"))
    )


# By name: the benchmark of the training graph, the one of the inference graph, and the benchmark
# that knows the words of both.
INDUCTIVE = {
    f"{stem}_v{version}": (*_inductive(stem, version, counts), words)
    for stem, words, all_counts in (
        (
            "fb237",
            FB15K_237,
            (
                (4245, 489, 492, 1993, 206, 205),
                (9739, 1166, 1180, 4145, 469, 478),
                (17986, 2194, 2214, 7406, 866, 865),
                (27203, 3352, 3361, 11714, 1416, 1424),
            ),
        ),
        (
            "WN18RR",
            WN18RR,
            (
                (5410, 630, 638, 1618, 185, 188),
                (15262, 1838, 1868, 4011, 411, 441),
                (25901, 3097, 3152, 6327, 538, 605),
                (7940, 934, 968, 12334, 1394, 1429),
            ),
        ),
    )
    for version, counts in enumerate(all_counts, 1)
}
